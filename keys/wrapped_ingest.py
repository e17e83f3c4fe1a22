"""Ingest keys as a sweep sees them: wrapped under a root of their own, and erased when they are drained.

A key that is erased before its root is swept dies with the root's old versions, and with it every Kafka message
ever sealed to it. Whether a key is drained (every message sealed to it is committed) is a fact about Kafka, which
the caller brings along.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Collection, Sequence

import orjson

from keys.ingest import IngestKey, IngestKeyStore, State
from keys.ports import Rewrap, WrappedKey
from keys.roots import INGEST_ROOT
from keys.snapshot import KeyCopy
from keys.wrapped import Slots


class IngestKeySet:
    """All ingest keys. Implements :class:`keys.wrapped.WrappedKeys`.

    Args:
        drained: ids of keys that the sweep shall erase; those that are not retiring stay.
    """

    def __init__(self, store: IngestKeyStore, drained: Collection[str]) -> None:
        self._store = store
        self._drained = drained

    @property
    def root(self) -> str:
        """The root of ingest keys."""
        return INGEST_ROOT

    async def below(self, root_version: int, *, after: str, limit: int) -> list[WrappedKey]:
        """Living keys under an older root version."""
        return await self._store.below(root_version, after=after, limit=limit)

    async def count_below(self, root_version: int) -> int:
        """How many living keys are under an older root version."""
        return await self._store.count_below(root_version)

    async def rewrap(self, changes: Sequence[Rewrap]) -> int:
        """Move living keys to a newer root version; an erased one never comes back."""
        return await self._store.rewrap(changes)

    async def in_use(self, ids: Collection[str]) -> set[str]:
        """Those that live: one may have been announced, and a sweep that is run again rewraps it."""
        return set(ids) & await self._store.live_kids()

    async def delete(self, ids: Collection[str], *, root_version_below: int) -> int:  # noqa: ARG002 - a protocol's
        """Nothing: a living key is never deleted."""
        return 0

    async def destroy_drained(self) -> frozenset[str]:
        """Erase the drained keys that are retiring; every key that was ever erased."""
        await self._store.mark_destroyed(self._drained)
        return frozenset([key.kid async for key in self._store.scan() if key.state is State.DESTROYED])

    async def needed(self) -> Slots:
        """Every living key."""
        return dict.fromkeys(await self._store.live_kids(), 0)

    async def claimants(self, missing: Slots) -> set[str]:
        """Missing keys that still live."""
        return set(missing) & await self._store.live_kids()

    async def copies(self) -> AsyncIterator[KeyCopy]:
        """Every living key."""
        async for key in self._store.scan():
            if key.wrapped_private is not None:
                yield copy_of(key)


def copy_of(key: IngestKey) -> KeyCopy:
    """A living key as a snapshot holds it."""
    rest = {
        "public": base64.b64encode(key.public).decode(),
        "state": key.state,
        "created_at": key.created_at,
        "seal_until": key.seal_until,
    }
    return KeyCopy(key.kid, key.version, 0, key.wrapped_private or "", b"", orjson.dumps(rest))


def ingest_key_of(copy: KeyCopy) -> IngestKey:
    """The key that a snapshot of the ingest root holds."""
    rest = orjson.loads(copy.rest)
    return IngestKey(
        kid=copy.id,
        public=base64.b64decode(rest["public"]),
        wrapped_private=copy.wrapped_key,
        root_version=copy.root_version,
        state=State(rest["state"]),
        created_at=rest["created_at"],
        seal_until=rest["seal_until"],
        version=copy.version,
    )
