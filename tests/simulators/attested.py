"""Vault's keys that sign what the archive stores, in memory."""

from __future__ import annotations

from collections import defaultdict

from consumers.use.attested import Attested
from keys.okp import SigningKey


class SigningVault:
    """Signs with a key of its own under each name."""

    def __init__(self) -> None:
        self.keys: dict[str, SigningKey] = defaultdict(SigningKey.generate)
        self.asked = 0

    async def sign(self, key: str, data: bytes) -> bytes:
        return self.keys[key].sign(data)

    async def public_key(self, key: str) -> bytes:
        self.asked += 1
        return self.keys[key].x


def unsigned() -> Attested:
    """As where administrators give grants by themselves: a test may store a grant as it is."""
    return Attested(SigningVault(), demanded=False)
