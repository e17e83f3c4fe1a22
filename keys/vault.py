"""Vault's transit engine, as the key hierarchy uses it: wrap, unwrap, rewrap, HMAC, sign, and move versions.

Transit keys never leave Vault. A ciphertext says which version of its key made it (``vault:vN:...``). A
version below ``min_decryption_version`` is refused, reversibly; one below ``min_available_version`` is gone.

A batch answers although items failed: with status 200 (rewrap) or 400 (decrypt), each item with its own
``error``. So operations on ciphertexts answer one result an item, which is a :class:`KeyRefused` where Vault
refused. OpenBao refuses a JSON body with over about 1,000 strings, names included (measured: 499 items pass,
500 do not): batches are cut at 480 items.

The worker's token needs ``update`` on ``encrypt/``, ``decrypt/``, ``hmac/`` and ``sign/`` of the keys it
serves and ``read`` on ``keys/``; never ``create``, since ``encrypt`` would then make a missing key by itself.
Why the hot path does not use hvac: :mod:`keys.vault_http`.
"""

from __future__ import annotations

import ssl
from base64 import b64decode, b64encode
from binascii import a2b_base64, b2a_base64
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeVar

from keys.tls import verifying
from keys.vault_http import VaultConnection, short
from schemas.errors import DanganError, Transient
from schemas.settings import Settings

MAX_BATCH: Final = 480

T = TypeVar("T")


class Wrapped(NamedTuple):
    """A ciphertext as Vault gave it (``vault:vN:...``), and the key version N."""

    ciphertext: str
    version: int


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """Vault refused this one item of a batch. ``reason`` is Vault's own and holds no values."""

    reason: str


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A transit key's versions; the minimum encryption and available versions are 0 while never set."""

    name: str
    type: str
    latest_version: int
    min_decryption_version: int
    min_encryption_version: int
    min_available_version: int


def transit_of(settings: Settings, token: Callable[[], str] | Path) -> Transit:
    """The transit engine that an installation's settings name.

    Args:
        settings: its address, mount and authorities.
        token: a callable that gives the token, or the path of a file that holds it.

    Raises:
        DanganError: DG-OPS-011 when the list of authorities cannot be used.
    """
    tls = verifying(settings.vault_ca_file, "vault_ca_file") if settings.vault_addr.startswith("https://") else None
    return Transit(settings.vault_addr, token, mount=settings.transit_mount, tls=tls)


class Transit:
    """The transit engine over a kept-alive connection; an async context manager.

    Every method raises :class:`Transient` DG-KEY-001 when Vault does not answer, is sealed or overloaded,
    and :class:`DanganError` DG-KEY-002 when it refuses; nothing is retried but a 403 after a change of token.

    Args:
        addr: Vault's address, for instance ``https://vault:8200``.
        token: a callable that gives the token, or the path of a file that holds it.
        mount: where the engine is mounted.
        timeout: seconds for one request.
        tls: the context to verify Vault with; None uses the system's authorities.

    Attributes:
        calls: requests sent so far, by operation.
    """

    def __init__(
        self,
        addr: str,
        token: Callable[[], str] | Path,
        *,
        mount: str = "transit",
        timeout: float = 5.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._connection = VaultConnection(addr, token, timeout=timeout, tls=tls)
        self._mount = mount.strip("/")
        self.calls: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        await self._connection.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection pool."""
        await self._connection.__aexit__(kind, error, trace)

    async def encrypt(self, root: str, plaintexts: Sequence[bytes]) -> list[Wrapped]:
        """Wrap under the root's latest version, in order; raises if any item is refused."""
        items = [{"plaintext": b64encode(plain).decode()} for plain in plaintexts]
        return [_wrapped("encrypt", item) for item in await self._batch("encrypt", root, items)]

    async def decrypt(self, root: str, ciphertexts: Sequence[str]) -> list[bytes]:
        """Unwrap, in order; raises DG-KEY-002 if any item is refused."""
        return [_granted("decrypt", result) for result in await self.try_decrypt(root, ciphertexts)]

    async def try_decrypt(self, root: str, ciphertexts: Sequence[str]) -> list[bytes | KeyRefused]:
        """Unwrap, in order; an item that Vault refuses is a :class:`KeyRefused`."""
        items = [{"ciphertext": text} for text in ciphertexts]
        results = await self._batch("decrypt", root, items)
        return [_refused(item) or b64decode(item["plaintext"]) for item in results]

    async def rewrap(self, root: str, ciphertexts: Sequence[str]) -> list[Wrapped | KeyRefused]:
        """Wrap anew under the latest version inside Vault; an item that Vault refuses is a KeyRefused."""
        items = [{"ciphertext": text} for text in ciphertexts]
        results = await self._batch("rewrap", root, items)
        return [_refused(item) or _wrapped("rewrap", item) for item in results]

    async def hmac(self, key: str, values: Sequence[bytes], *, version: int) -> list[bytes]:
        """HMAC-SHA256 (32 bytes) of each value, in order, by that version of the key."""
        # A few for every record that is collected: no call here that can be spared.
        items = [{"input": b2a_base64(value, newline=False).decode()} for value in values]
        made_by = f"vault:v{version}:"
        start = len(made_by)
        macs: list[bytes] = []
        for item in await self._batch("hmac", key, items, key_version=version):
            if item.get("error"):
                _granted("hmac", _refused(item))
            text = item["hmac"]
            if not text.startswith(made_by):
                raise DanganError("DG-KEY-002", detail="hmac: another version answered")
            macs.append(a2b_base64(text[start:]))
        return macs

    async def sign(self, key: str, data: bytes) -> bytes:
        """The Ed25519 signature (RFC 8032, 64 bytes) of the data by the key's latest version."""
        body = {"input": b64encode(data).decode()}
        answer = await self._call("sign", "POST", f"sign/{key}", body)
        return b64decode(str(answer["signature"]).split(":", 2)[2])

    async def public_key(self, key: str, *, version: int | None = None) -> bytes:
        """The Ed25519 public key, 32 raw bytes, of the version given or the latest."""
        answer = await self._call("key_info", "GET", f"keys/{key}")
        entry = answer["keys"].get(str(version or answer["latest_version"]))
        if not isinstance(entry, dict) or "public_key" not in entry:
            raise DanganError("DG-KEY-002", detail=f"{key} has no such public key")
        return b64decode(entry["public_key"])

    async def key_info(self, root: str) -> KeyInfo:
        """The key's type and versions."""
        answer = await self._call("key_info", "GET", f"keys/{root}")
        return KeyInfo(
            name=root,
            type=str(answer["type"]),
            latest_version=int(answer["latest_version"]),
            min_decryption_version=int(answer["min_decryption_version"]),
            min_encryption_version=int(answer["min_encryption_version"]),
            min_available_version=int(answer["min_available_version"]),
        )

    async def latest_version(self, root: str) -> int:
        """The key's latest version; it only grows."""
        return (await self.key_info(root)).latest_version

    async def rotate(self, root: str) -> None:
        """Add a version; old ones stay. Not idempotent: read the latest version before repeating it."""
        await self._call("rotate", "POST", f"keys/{root}/rotate", {})

    async def configure(
        self,
        root: str,
        *,
        min_decryption_version: int | None = None,
        min_encryption_version: int | None = None,
    ) -> None:
        """Set minimum versions; None leaves one as it is. Reversible until :meth:`trim`."""
        wanted = {
            "min_decryption_version": min_decryption_version,
            "min_encryption_version": min_encryption_version,
        }
        body = {name: value for name, value in wanted.items() if value is not None}
        await self._call("configure", "POST", f"keys/{root}/config", body)

    async def trim(self, root: str, min_available_version: int) -> None:
        """Delete all versions below. Irreversible: nothing wrapped under them can ever be read again."""
        body = {"min_available_version": min_available_version}
        await self._call("trim", "POST", f"keys/{root}/trim", body)

    async def renew_token(self) -> None:
        """Renew the role's periodic token, which would end after its period otherwise."""
        await self._connection.request("renew_token", "POST", "auth/token/renew-self", {})

    async def _call(self, op: str, method: str, path: str, body: object = None) -> dict[str, Any]:
        self.calls[op] += 1
        return await self._connection.request(op, method, f"{self._mount}/{path}", body)

    async def _batch(self, op: str, key: str, items: Sequence[dict[str, str]], **extra: int) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = []
        for start in range(0, len(items), MAX_BATCH):
            part = items[start : start + MAX_BATCH]
            answer = await self._call(op, "POST", f"{op}/{key}", {"batch_input": part, **extra})
            answered = answer.get("batch_results")
            if not isinstance(answered, list) or len(answered) != len(part):
                raise Transient("DG-KEY-001", detail=f"{op}: incomplete batch")
            results.extend(answered)
        return results


def _refused(item: dict[str, Any]) -> KeyRefused | None:
    return KeyRefused(short(str(item["error"]))) if item.get("error") else None


def _granted(op: str, result: T | KeyRefused) -> T:
    if isinstance(result, KeyRefused):
        raise DanganError("DG-KEY-002", detail=f"{op}: {result.reason}")
    return result


def _wrapped(op: str, item: dict[str, Any]) -> Wrapped:
    text = _granted(op, _refused(item) or str(item["ciphertext"]))
    return Wrapped(text, int(text.split(":", 2)[1][1:]))
