"""Watermarks (水印): which answer to which reader an extract comes from.

```
token = base32( 1 (1 byte) | request (16) | seconds (4) | first 14 bytes of HMAC-SHA256(K, input) ), 56 characters
K     = Vault HMAC under dangan-watermarks of "dangan-watermark-1"
input = dangan-watermark-1|REQUEST|SECONDS|READER|GRANT
```

Request is the command's id, seconds the time Kafka gave its message: a redelivered command has the same token. Reader
and grant stand in the MAC alone: who finds an extract learns neither, and the archive finds both in the audit event of
that request and checks them against the token. 14 bytes: a forger has one chance in 2^112 a try, and nobody to try at
but the archive. Base32 (RFC 4648, small letters, no padding: 35 bytes need none) can be read off paper.
"""

from __future__ import annotations

import hmac
import uuid
from base64 import b32decode, b32encode
from binascii import Error
from typing import Final, NamedTuple

from keys.roots import WATERMARKS_KEY
from keys.vault import Transit
from schemas.errors import Refusal

TOKEN_CHARACTERS: Final = 56
_VERSION: Final = b"\x01"
_MAC_BYTES: Final = 14
_NAME: Final = b"dangan-watermark-1"


class Mark(NamedTuple):
    """What a token says by itself: the request's id, when (UNIX seconds), and the MAC over it, reader and grant."""

    request: str
    at: int
    mac: bytes


class Marker:
    """Makes and checks tokens.

    Args:
        key: 32 bytes, :func:`marker_from`.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, request: str, at: int, reader: str, grant: str) -> str:
        """The watermark of one answer.

        Args:
            request: the command's id, a UUID.
            at: when Kafka took it, UNIX seconds.
            reader: the principal's id.
            grant: the grant's.
        """
        raw = bytes.fromhex(request.replace("-", ""))
        mac = self._mac(request, at, reader, grant)
        return b32encode(_VERSION + raw + at.to_bytes(4, "big") + mac).decode().lower()

    def made(self, mark: Mark, reader: str, grant: str) -> bool:
        """Whether this archive gave that answer to that reader under that grant."""
        return hmac.compare_digest(mark.mac, self._mac(mark.request, mark.at, reader, grant))

    def _mac(self, request: str, at: int, reader: str, grant: str) -> bytes:
        # None of the parts holds a bar: ids, a number, references.
        text = b"%s|%s|%d|%s|%s" % (_NAME, request.encode(), at, reader.encode(), grant.encode())
        return hmac.digest(self._key, text, "sha256")[:_MAC_BYTES]


def mark_of(token: str) -> Mark:
    """Read a token, as it was copied from an extract: capitals, spaces and hyphens do not matter.

    Raises:
        Refusal: DG-ACC-025 when it is none.
    """
    text = "".join(token.split()).replace("-", "").upper()
    try:
        raw = b32decode(text) if len(text) == TOKEN_CHARACTERS and text.isascii() else b""
    except Error:
        raw = b""
    if raw[:1] != _VERSION:
        raise Refusal("DG-ACC-025")
    return Mark(str(uuid.UUID(bytes=raw[1:17])), int.from_bytes(raw[17:21], "big"), raw[21:])


async def marker_from(vault: Transit) -> Marker:
    """Have Vault give the key of the watermarks.

    Raises:
        Transient: DG-KEY-001 when Vault does not answer.
        DanganError: DG-KEY-002 when it refuses.
    """
    return Marker((await vault.hmac(WATERMARKS_KEY, [_NAME], version=1))[0])
