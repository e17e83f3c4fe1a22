"""Vault's API as an administrator uses it, over hvac: mounts, keys, policies, tokens, sealing. Synchronous, rare.

The raw adapter is used throughout: hvac's own methods refuse settings that Vault takes (equal minimum versions)
and raise without the status, which the idempotent set-up goes by. The hot path is keys/vault.py.
"""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import hvac
import requests
from hvac.adapters import RawAdapter
from pydantic import SecretStr
from requests.adapters import HTTPAdapter

from keys.tls import verifying
from schemas.errors import DanganError

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class _Verified(HTTPAdapter):
    """Verifies as the workers do: by the given authorities, or by the system's, not by those of requests."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See requests."""
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing to add: the context has the authorities, and the connection demands a certificate."""


class VaultAdmin:
    """A connection to Vault or OpenBao with one token; a context manager.

    Args:
        addr: the address, as ``https://vault:8200``.
        token: what to authenticate with; None for the few requests that need no token.
        timeout: seconds for one request.
        authorities: a PEM file to verify Vault's certificate with; None: the system's.

    Raises:
        DanganError: DG-OPS-011 when the authorities cannot be read.
    """

    def __init__(
        self, addr: str, token: SecretStr | None = None, timeout: float = 30.0, *, authorities: Path | None = None
    ) -> None:
        self.addr, self.authorities = addr, authorities
        self._session = requests.Session()
        if addr.startswith("https://"):
            self._session.mount("https://", _Verified(verifying(authorities, "vault_ca_file")))
        # A proxy meant for the internet must not see requests to this machine.
        self._session.trust_env = urlsplit(addr).hostname not in _LOOPBACK
        secret = token.get_secret_value() if token is not None else ""  # None would read the environment
        client = hvac.Client(
            addr, token=secret, timeout=timeout, session=self._session, adapter=RawAdapter, allow_redirects=False
        )
        self._adapter: Any = client.adapter

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._session.close()

    def status(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Send a request and return whatever comes: status and JSON (empty if there is none).

        Raises:
            DanganError: DG-OPS-019 if Vault does not answer at all.
        """
        try:
            answer = self._adapter.request(method, f"/v1{path}", raise_exception=False, json=body)
        except requests.RequestException as error:
            raise DanganError("DG-OPS-019", detail=f"Vault at {self.addr}: {type(error).__name__}") from error
        told: Any = None
        with contextlib.suppress(ValueError):
            told = answer.json()
        return answer.status_code, told if isinstance(told, dict) else {}

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Send a request that must succeed; return its JSON.

        Raises:
            DanganError: DG-OPS-010 if it is refused, with Vault's first reason; DG-OPS-019 without an answer.
        """
        code, content = self.status(method, path, body)
        if code >= 400:
            reasons = content.get("errors") or [""]
            raise DanganError("DG-OPS-010", detail=f"{method} {path}: {code} {str(reasons[0]).strip()[:200]}".strip())
        return content

    def read(self, path: str) -> dict[str, Any] | None:
        """The ``data`` of a path, or None if nothing is there."""
        code, content = self.status("GET", path)
        if code == 404:
            return None
        if code >= 400:
            return self.call("GET", path)
        return dict(content.get("data") or {})
