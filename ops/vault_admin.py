"""Vault's HTTP API as an administrator uses it: mounts, keys, policies, tokens, sealing. Small, synchronous, rare."""

from __future__ import annotations

import contextlib
import json
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from schemas.errors import DanganError

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class VaultAdmin:
    """A connection to Vault or OpenBao with one token; a context manager.

    Args:
        addr: the address, as ``https://vault:8200``.
        token: what to authenticate with; None for the few requests that need no token.
        timeout: seconds for one request.
    """

    def __init__(self, addr: str, token: SecretStr | None = None, timeout: float = 30.0) -> None:
        self.addr = addr
        # A proxy meant for the internet must not see requests to this machine.
        through_environment = urlsplit(addr).hostname not in _LOOPBACK
        self._http = httpx.Client(base_url=f"{addr.rstrip('/')}/v1", timeout=timeout, trust_env=through_environment)
        self._http.headers["X-Vault-Request"] = "true"
        if token is not None:
            self._http.headers["X-Vault-Token"] = token.get_secret_value()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._http.close()

    def status(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Send a request and return whatever comes: status and JSON (empty if there is none).

        Raises:
            DanganError: DG-OPS-019 if Vault does not answer at all.
        """
        try:
            content = None if body is None else json.dumps(body)
            answer = self._http.request(method, path, content=content)
        except httpx.HTTPError as error:
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
