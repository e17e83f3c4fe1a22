"""Ingest keys (X25519): what senders seal bundles to, and so what reads Kafka's own history.

```
active    senders may seal to it until ``seal_until``
retiring  nobody seals to it any more; messages on the way and in Kafka's retention still open
destroyed its wrapped private key is erased; once the sweep of ``dangan-ingest`` has trimmed the root version
          that wrapped it, no copy of it opens either: every message ever sealed to it is unreadable
```

A key moves forward only. The private key is stored wrapped under the root ``dangan-ingest``, and a new one is
confirmed like a key page (keys/confirm.py): announced only when no sweep can have missed it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from keys.okp import thumbprint
from keys.ports import Rewrap, WrappedKey
from keys.roots import INGEST_ROOT
from keys.vault import Transit
from schemas.errors import Transient

_ROUNDS: Final = 8


class State(StrEnum):
    """How far an ingest key's life has come."""

    ACTIVE = "active"
    RETIRING = "retiring"
    DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True)
class IngestKey:
    """An ingest key as it is stored.

    Attributes:
        kid: RFC 7638 thumbprint of the public key.
        public: the raw X25519 public key, 32 bytes.
        wrapped_private: the raw private key as Vault wrapped it; None once destroyed.
        root_version: the Vault version in ``wrapped_private``; it only grows.
        created_at: UNIX seconds.
        seal_until: UNIX seconds; senders seal to it before that only.
        version: counts changes, for compare-and-swap.
    """

    kid: str
    public: bytes
    wrapped_private: str | None = field(repr=False)
    root_version: int
    state: State
    created_at: int
    seal_until: int
    version: int


class IngestKeyStore(Protocol):
    """Where ingest keys are kept; durable and conditional like :class:`keys.ports.PageStore`."""

    async def insert(self, key: IngestKey) -> None:
        """Insert a new key; an existing id is an error."""

    async def get(self, kids: Collection[str]) -> dict[str, IngestKey]:
        """The keys that exist among ``kids``, read from the primary."""

    async def living(self) -> list[IngestKey]:
        """Every key that is not destroyed, the newest first."""

    async def live_kids(self) -> set[str]:
        """The ids of every key that is not destroyed."""

    async def retire(self, kids: Collection[str]) -> int:
        """Move active keys on to retiring; return how many were."""

    async def mark_destroyed(self, kids: Collection[str]) -> int:
        """Erase the wrapped private keys of retiring keys; return how many were. Repeatable."""

    async def rewrap(self, changes: Sequence[Rewrap]) -> int:
        """As :meth:`keys.ports.PageStore.rewrap`, ``page`` being the kid; never brings back a destroyed key."""

    async def below(self, root_version: int, *, after: str = "", limit: int) -> list[WrappedKey]:
        """At most ``limit`` living keys, by ascending kid after ``after``, below the root version given."""

    async def count_below(self, root_version: int) -> int:
        """How many living keys are below the root version given."""

    def scan(self) -> AsyncIterator[IngestKey]:
        """Every key, destroyed ones included, by ascending kid."""


async def create(vault: Transit, store: IngestKeyStore, *, now: int, ttl: int) -> IngestKey:
    """Make, store and confirm a new active key; only then may it be announced.

    Args:
        vault: wraps under ``dangan-ingest``.
        store: holds the keys.
        now: UNIX seconds.
        ttl: for how many seconds senders may seal to it.

    Raises:
        Transient: DG-KEY-001 when Vault does not answer or the root does not stand still.
    """
    key, private = await generate(vault, now=now, ttl=ttl)
    await store.insert(key)
    for _ in range(_ROUNDS):
        if await vault.latest_version(INGEST_ROOT) <= key.root_version:
            return key
        (wrapped,) = await vault.encrypt(INGEST_ROOT, [private])
        await store.rewrap([Rewrap(key.kid, key.version, wrapped.ciphertext, wrapped.version)])
        stored = (await store.get([key.kid])).get(key.kid)
        if stored is None:  # a sweep found it unconfirmed and removed it
            stored = replace(key, wrapped_private=wrapped.ciphertext, root_version=wrapped.version)
            await store.insert(stored)
        key = stored
    raise Transient("DG-KEY-001", detail="a root is rotated over and over")


async def generate(vault: Transit, *, now: int, ttl: int) -> tuple[IngestKey, bytes]:
    """A new key, not stored yet, and its raw private key. See :func:`create`."""
    private = X25519PrivateKey.generate()
    raw, public = private.private_bytes_raw(), private.public_key().public_bytes_raw()
    (wrapped,) = await vault.encrypt(INGEST_ROOT, [raw])
    key = IngestKey(
        kid=thumbprint("X25519", public),
        public=public,
        wrapped_private=wrapped.ciphertext,
        root_version=wrapped.version,
        state=State.ACTIVE,
        created_at=now,
        seal_until=now + ttl,
        version=1,
    )
    return key, raw
