"""Pseudonyms (去标识化): keyed, of one share alone, so that two recipients cannot compare theirs. Nothing is stored.

    pseudonym = "p-" + base32( first 15 bytes of HMAC-SHA256(K, field NUL value) )
    K         = Vault HMAC under dangan-watermarks of "dangan-pseudonym-1|RECIPIENT|SHARE"

The input of K begins with a word of its own, so that it is never the watermarks' own key.
"""

from __future__ import annotations

import hmac
from base64 import b32encode
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Protocol

import orjson

from keys.roots import WATERMARKS_KEY

_BYTES: Final = 15
RECORD: Final = "record"


class Hmac(Protocol):
    """The part of Vault's transit engine that makes keyed digests (keys/vault.py)."""

    async def hmac(self, key: str, values: Sequence[bytes], *, version: int) -> list[bytes]:
        """The HMAC-SHA256 of each value."""


class Pseudonyms:
    """Gives pseudonyms within one share.

    Args:
        key: 32 bytes, :func:`pseudonyms_for`.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, field: str, value: object) -> str:
        """The same for the same value of the same field."""
        text = b"%s\x00%s" % (field.encode(), orjson.dumps(value))
        return "p-" + b32encode(hmac.digest(self._key, text, "sha256")[:_BYTES]).decode().lower()

    def replaced(self, row: Mapping[str, object], identifiers: Collection[str]) -> dict[str, object]:
        """The row with pseudonyms in the place of identifiers."""
        return {name: self.of(name, value) if name in identifiers else value for name, value in row.items()}


async def pseudonyms_for(vault: Hmac, *, recipient: str, share: str) -> Pseudonyms:
    """Have Vault give the key of a share's pseudonyms.

    Raises:
        Transient: DG-KEY-001 when Vault does not answer.
        DanganError: DG-KEY-002 when it refuses.
    """
    name = f"dangan-pseudonym-1|{recipient}|{share}".encode()
    return Pseudonyms((await vault.hmac(WATERMARKS_KEY, [name], version=1))[0])
