"""Places in a bulk read (续读标记): where a page ended, told to the reader without telling the record's id.

```
token = base64url( AES-SIV(K, [reader, grant], 1 (1 byte) | length (1) | id, zeros up to 64) ), 110 characters
K     = Vault HMACs under dangan-watermarks of "dangan-cursor-1|mac" and "dangan-cursor-1|key", 64 bytes
```

A page may end at a record that its reader must not know of: the id is sealed, and all tokens are of one length. Reader
and grant are authenticated (RFC 5297): a token serves nobody else. The same place is the same token for one reader and
grant, whichever worker answers and however often: a redelivered command has the same answer, and no nonce runs out.
The inputs of K begin with a word of their own, so that it is never the watermarks' own key.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from keys.roots import WATERMARKS_KEY
from schemas.errors import Refusal

CURSOR_CHARACTERS: Final = 110
_VERSION: Final = 1
_ID_BYTES: Final = 64
_NAMES: Final = (b"dangan-cursor-1|mac", b"dangan-cursor-1|key")


class Hmac(Protocol):
    """The part of Vault's transit engine that makes keyed digests (keys/vault.py)."""

    async def hmac(self, key: str, values: Sequence[bytes], *, version: int) -> list[bytes]:
        """The HMAC-SHA256 of each value."""


class Cursors:
    """Seals and opens places.

    Args:
        key: 64 bytes, :func:`cursors_from`.
    """

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        self._aead = AESSIV(key)

    def token(self, record: str, reader: str, grant: str) -> str:
        """The place behind a record, for one reader under one grant.

        Args:
            record: its id, at most 64 bytes.
            reader: the principal's id.
            grant: the grant's.
        """
        name = record.encode()
        plain = bytes((_VERSION, len(name))) + name.ljust(_ID_BYTES, b"\x00")
        return urlsafe_b64encode(self._aead.encrypt(plain, _bound(reader, grant))).decode().rstrip("=")

    def record(self, token: str, reader: str, grant: str) -> str:
        """The id of the record that a place is behind.

        Raises:
            Refusal: DG-ACC-029 for what no answer to that reader under that grant named.
        """
        try:
            sealed = urlsafe_b64decode(token + "==") if len(token) == CURSOR_CHARACTERS else b""
            plain = self._aead.decrypt(sealed, _bound(reader, grant))
        except (Error, ValueError, InvalidTag):
            raise Refusal("DG-ACC-029") from None
        return plain[2 : 2 + plain[1]].decode()


def _bound(reader: str, grant: str) -> list[bytes]:
    return [reader.encode(), grant.encode()]


async def cursors_from(vault: Hmac) -> Cursors:
    """Have Vault give the key of the places.

    Raises:
        Transient: DG-KEY-001 when Vault does not answer.
        DanganError: DG-KEY-002 when it refuses.
    """
    return Cursors(b"".join(await vault.hmac(WATERMARKS_KEY, _NAMES, version=1)))
