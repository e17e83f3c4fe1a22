"""One kept-alive HTTP connection pool to Vault (or OpenBao), its token, and what its answers mean.

aiohttp rather than hvac: hvac is synchronous, so that a worker would spend a thread on each wait, and it
refuses ``min_encryption_version == min_decryption_version``, which the sweep sets. aiohttp rather than httpx:
measured against OpenBao on loopback, a call costs 0.12 ms of CPU instead of 0.72 (a batch of 240: 0.25
instead of 0.98). hvac serves ``ops/``, where mounts, policies and keys are set up and nothing is hot.

An answer means one of three things:

- 2xx, or 400 with ``batch_results``: Vault worked; items may have failed one by one.
- no answer, 412, 429, 5xx (sealed, standby, overloaded), or no JSON: :class:`Transient` DG-KEY-001.
- any other status: Vault refused, DG-KEY-002, with Vault's own reason: it names keys and versions, no values.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import orjson

from schemas.errors import DanganError, Transient

_REASON_LENGTH: Final = 200
_TRANSIENT: Final = frozenset({412, 429})
#: Below OpenBao's own idle timeout of five minutes, so that the client closes first.
_KEEP_ALIVE_SECONDS: Final = 120.0
_CONNECTIONS: Final = 32


class TokenFile:
    """A Vault token in a file that an agent renews: read again whenever the file's mtime or size changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._token = ""

    def __call__(self) -> str:
        """The token now.

        Raises:
            DanganError: DG-KEY-002 when the file cannot be read.
        """
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size)
            if seen != self._seen:
                self._token = self._path.read_text(encoding="ascii").strip()
                self._seen = seen
        except (OSError, ValueError) as error:
            raise DanganError("DG-KEY-002", detail="the token file cannot be read") from error
        return self._token


class VaultConnection:
    """Requests to Vault as an async context manager.

    Args:
        addr: for instance ``https://vault:8200``.
        token: a callable that gives the token, or the path of a file that holds it.
        timeout: seconds for one request, connecting included.
        tls: the context to verify Vault with; None uses the system's authorities.
    """

    def __init__(
        self, addr: str, token: Callable[[], str] | Path, *, timeout: float, tls: ssl.SSLContext | None
    ) -> None:
        self._base = addr.rstrip("/") + "/v1/"
        self._token = TokenFile(token) if isinstance(token, Path) else token
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._tls: ssl.SSLContext | bool = tls if tls is not None else True
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the pool; nothing is sent yet."""
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE_SECONDS, ssl=self._tls)
        self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(self, op: str, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Send one request and return the answer's ``data``.

        A 403 is tried once more if the token has changed meanwhile; nothing else is retried here.

        Args:
            op: the operation's name, for the error's detail.
            method: ``GET`` or ``POST``.
            path: below ``/v1/``.
            body: to be sent as JSON.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer, is sealed or overloaded.
            DanganError: DG-KEY-002 when Vault refuses.
        """
        raw = orjson.dumps(body) if body is not None else None
        token = self._token()
        status, answer = await self._send(op, method, path, raw, token)
        if status == 403:
            renewed = self._token()
            if renewed != token:
                status, answer = await self._send(op, method, path, raw, renewed)
        return _judge(op, status, answer)

    async def _send(self, op: str, method: str, path: str, raw: bytes | None, token: str) -> tuple[int, bytes]:
        if self._session is None:
            raise RuntimeError("the connection to Vault is not open: use 'async with'")
        headers = {"X-Vault-Token": token, "X-Vault-Request": "true"}
        try:
            # A redirect could take the token elsewhere, and in the open.
            asked = self._session.request(method, self._base + path, data=raw, headers=headers, allow_redirects=False)
            async with asked as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # the cause is kept, its text is not shown: it may hold the address with credentials
            raise Transient("DG-KEY-001", detail=op) from error


def _judge(op: str, status: int, raw: bytes) -> dict[str, Any]:
    if status >= 500 or 300 <= status < 400 or status in _TRANSIENT:
        raise Transient("DG-KEY-001", detail=f"{op}: status {status}")
    try:
        answer = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError as error:
        raise Transient("DG-KEY-001", detail=f"{op}: status {status}, not JSON") from error
    if not isinstance(answer, dict):
        raise Transient("DG-KEY-001", detail=f"{op}: status {status}, not an object")
    data = answer.get("data") or {}
    if status < 300 or (status == 400 and "batch_results" in data):
        return dict(data)
    reasons = "; ".join(str(reason) for reason in answer.get("errors") or ()) or f"status {status}"
    raise DanganError("DG-KEY-002", detail=f"{op}: {short(reasons)}")


def short(reason: str) -> str:
    """Vault's reason on one line, at most 200 characters."""
    return " ".join(reason.split())[:_REASON_LENGTH]
