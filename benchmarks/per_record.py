"""The floor of sweeping: a wrapped key for each record and level, as envelope encryption is usually built.

Every record's document holds, for each of its levels, a DEK wrapped by Vault. It is swept by the same code in the
same steps and batches, with the same conditional updates; only what a root wraps differs.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, Final

from pymongo import UpdateOne

from benchmarks.sealed import chunks
from keys.ports import Rewrap, WrappedKey
from keys.snapshot import KeyCopy
from keys.vault import Transit
from keys.wrapped import Slots
from schemas.levels import Level
from store.database import Database, Document

_SCAN: Final = 1_000


#: The layout itself, and the same with nothing in it: what a sweep costs before its first key.
FILLED: Final = "bench-filled"
EMPTY: Final = "bench-empty"


def root_for(level: Level, kind: str = FILLED) -> str:
    """The root that wraps this layout's DEKs of a level."""
    return f"{kind}-{level.value}"


async def fill(database: Database, transit: Transit, documents: Sequence[Document]) -> None:
    """Store the documents with a wrapped DEK for each level in place of their key references."""
    for group in chunks(documents, 1_000):
        held: list[dict[str, Any]] = [{} for _ in group]
        for level in Level:
            places = [at for at, doc in enumerate(group) if level.value in doc["keys"]]
            wrapped = await transit.encrypt(root_for(level), [os.urandom(32) for _ in places])
            for at, key in zip(places, wrapped, strict=True):
                held[at][level.value] = {"wrapped": key.ciphertext, "root_version": key.version, "version": 1}
        rows = [{**doc, "keys": keys} for doc, keys in zip(group, held, strict=True)]
        await database["records"].insert_many(rows, ordered=False)


class RecordKeysOf:
    """The wrapped DEKs of one level, one in each record. Implements :class:`keys.wrapped.WrappedKeys`."""

    def __init__(self, level: Level, database: Database, kind: str = FILLED) -> None:
        self._kind = kind
        self._records = database["records"]
        self._level = level
        self._at = f"keys.{level.value}"

    @property
    def root(self) -> str:
        """The level's root in this layout."""
        return root_for(self._level, self._kind)

    async def below(self, root_version: int, *, after: str, limit: int) -> list[WrappedKey]:
        """DEKs under an older root version, walking the records by id."""
        query = {f"{self._at}.root_version": {"$lt": root_version}, "_id": {"$gt": after}}
        found = self._records.find(query, {self._at: 1}).sort("_id", 1).limit(limit)
        keys = [(doc["_id"], doc["keys"][self._level.value]) async for doc in found]
        return [WrappedKey(name, key["version"], key["root_version"], key["wrapped"]) for name, key in keys]

    async def count_below(self, root_version: int) -> int:
        """How many DEKs are under an older root version."""
        return await self._records.count_documents({f"{self._at}.root_version": {"$lt": root_version}})

    async def rewrap(self, changes: Sequence[Rewrap]) -> int:
        """Move DEKs to a newer root version, each on the condition that nobody else did."""
        if not changes:
            return 0
        updates = [
            UpdateOne(
                {
                    "_id": change.page,
                    f"{self._at}.version": change.if_version,
                    f"{self._at}.root_version": {"$lt": change.root_version},
                },
                {
                    "$set": {
                        f"{self._at}.wrapped": change.wrapped_key,
                        f"{self._at}.root_version": change.root_version,
                    },
                    "$inc": {f"{self._at}.version": 1},
                },
            )
            for change in changes
        ]
        return (await self._records.bulk_write(updates, ordered=False)).matched_count

    async def in_use(self, ids: Collection[str]) -> set[str]:
        """All of them: a DEK lies in the record that needs it."""
        return set(ids)

    async def delete(self, ids: Collection[str], *, root_version_below: int) -> int:  # noqa: ARG002 - a protocol's
        """Nothing."""
        return 0

    async def destroy_drained(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    async def needed(self) -> Slots:
        """Every record's DEK."""
        found = self._records.find({self._at: {"$exists": True}}, {"_id": 1}, batch_size=5000)
        return {doc["_id"]: 0 async for doc in found}

    async def claimants(self, missing: Slots) -> set[str]:
        """The records whose DEKs are missing."""
        return set(missing)

    async def copies(self) -> AsyncIterator[KeyCopy]:
        """Every record's DEK."""
        after = ""
        while True:
            found = self._records.find({"_id": {"$gt": after}}, {self._at: 1}).sort("_id", 1).limit(_SCAN)
            batch = [doc async for doc in found]
            for doc in batch:
                if key := doc["keys"].get(self._level.value):
                    yield KeyCopy(doc["_id"], key["version"], 0, key["wrapped"], b"", b"")
            if len(batch) < _SCAN:
                return
            after = batch[-1]["_id"]
