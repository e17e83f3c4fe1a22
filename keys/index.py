"""The blind index: exact search and duplicate detection on encrypted identifiers.

```
token = epoch (1 byte) | first 16 bytes of HMAC-SHA256(Vault key dangan-index-FIELD-eEPOCH, input)
input = dangan-index-1|FIELD|EPOCH|VALUE            (VALUE in normal form, UTF-8)
```

The HMAC key never leaves Vault: who holds the database alone can see which records are equal in a field, and
cannot test a guess. 16 bytes: among 10^9 values of a field two different ones meet with a probability below
2 * 10^-21, and a hit is confirmed by decrypting anyway; whole digests would double the index. Field and epoch
stand in the input besides the key's name, so that one key under two names would still not link two fields.

A token starts with its epoch, so that an old epoch's tokens can be found, renewed and removed, and its key
deleted: after that nobody can test a guess against tokens in old backups either. An epoch uses version 1 of
its key: a key rotated by mistake neither hides duplicates nor splits the index.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from keys.roots import index_key
from keys.vault import Transit

DIGEST_BYTES: Final = 16
TOKEN_BYTES: Final = 1 + DIGEST_BYTES
_KEY_VERSION: Final = 1


class BlindIndex:
    """Makes tokens.

    Args:
        vault: computes the HMACs.
        epochs: the epochs that live, 1 to 255; the highest makes new tokens, all of them are searched.
    """

    def __init__(self, vault: Transit, epochs: Sequence[int] = (1,)) -> None:
        if not epochs or not all(1 <= epoch <= 255 for epoch in epochs):
            raise ValueError("an index epoch is a number from 1 to 255")
        self._vault = vault
        self.epochs = tuple(sorted(set(epochs), reverse=True))

    async def tokens(self, values: Mapping[str, Sequence[str]]) -> dict[str, list[bytes]]:
        """Tokens of the current epoch: one Vault call for each field (and 480 values), all at once.

        Args:
            values: field -> values in normal form.

        Returns:
            field -> tokens of 17 bytes, in the order of the values.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
            DanganError: DG-KEY-002 when it refuses: the field has no index key.
        """
        made = await asyncio.gather(*(self._made(field, self.epochs[0], group) for field, group in values.items()))
        return dict(zip(values, made, strict=True))

    async def search(self, field: str, value: str) -> list[bytes]:
        """The tokens that a value may have in the store: one for each living epoch, the newest first."""
        made = await asyncio.gather(*(self._made(field, epoch, [value]) for epoch in self.epochs))
        return [token for (token,) in made]

    async def _made(self, field: str, epoch: int, values: Sequence[str]) -> list[bytes]:
        place, mark = b"dangan-index-1|%s|%d|" % (field.encode(), epoch), bytes([epoch])
        inputs = [place + value.encode() for value in values]
        macs = await self._vault.hmac(index_key(field, epoch), inputs, version=_KEY_VERSION)
        return [mark + mac[:DIGEST_BYTES] for mac in macs]


def epoch_of(token: bytes) -> int:
    """The epoch whose key made the token."""
    return token[0]
