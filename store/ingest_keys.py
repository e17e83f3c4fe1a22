"""Ingest keys in MongoDB: one document a key, kept after its destruction without the private key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final

from bson import Binary
from pymongo import UpdateOne

from keys.ingest import IngestKey, State
from keys.ports import Rewrap, WrappedKey
from store.database import Database, Document

_LIVING: Final[Document] = {"state": {"$in": [State.ACTIVE.value, State.RETIRING.value]}}
_KEY_ONLY: Final = {"version": 1, "root_version": 1, "wrapped_private": 1}


async def ensure_indexes(database: Database) -> None:
    """Create the indexes of ``ingest_keys``; repeatable."""
    await database["ingest_keys"].create_index([("state", 1), ("root_version", 1), ("_id", 1)], name="sweep")


class IngestKeys:
    """The ``ingest_keys`` collection. Implements :class:`keys.ingest.IngestKeyStore`."""

    def __init__(self, database: Database) -> None:
        self._keys = database["ingest_keys"]

    async def insert(self, key: IngestKey) -> None:
        """Insert a new key; an existing id is an error."""
        await self._keys.insert_one(to_document(key))

    async def get(self, kids: Collection[str]) -> dict[str, IngestKey]:
        """The keys that exist among ``kids``."""
        found = self._keys.find({"_id": {"$in": list(kids)}})
        return {doc["_id"]: from_document(doc) async for doc in found}

    async def living(self) -> list[IngestKey]:
        """Every key that is not destroyed, the newest first."""
        found = self._keys.find(_LIVING).sort([("created_at", -1), ("_id", 1)])
        return [from_document(doc) async for doc in found]

    async def live_kids(self) -> set[str]:
        """The ids of every key that is not destroyed."""
        return {doc["_id"] async for doc in self._keys.find(_LIVING, {"_id": 1})}

    async def retire(self, kids: Collection[str]) -> int:
        """Move active keys on to retiring; return how many were."""
        query = {"_id": {"$in": list(kids)}, "state": State.ACTIVE.value}
        change = {"$set": {"state": State.RETIRING.value}, "$inc": {"version": 1}}
        return (await self._keys.update_many(query, change)).modified_count

    async def mark_destroyed(self, kids: Collection[str]) -> int:
        """Erase the wrapped private keys of retiring keys; return how many were. Repeatable."""
        query = {"_id": {"$in": list(kids)}, "state": State.RETIRING.value}
        change = {
            "$set": {"state": State.DESTROYED.value},
            "$unset": {"wrapped_private": ""},
            "$inc": {"version": 1},
        }
        return (await self._keys.update_many(query, change)).modified_count

    async def rewrap(self, changes: Sequence[Rewrap]) -> int:
        """Apply the changes whose conditions hold, on living keys only; return how many did."""
        if not changes:
            return 0
        updates = [
            UpdateOne(
                {
                    "_id": change.page,
                    "version": change.if_version,
                    "root_version": {"$lt": change.root_version},
                    **_LIVING,
                },
                {
                    "$set": {"wrapped_private": change.wrapped_key, "root_version": change.root_version},
                    "$inc": {"version": 1},
                },
            )
            for change in changes
        ]
        return (await self._keys.bulk_write(updates, ordered=False)).matched_count

    async def below(self, root_version: int, *, after: str = "", limit: int) -> list[WrappedKey]:
        """At most ``limit`` living keys below the root version, by ascending kid after ``after``."""
        query = {**_LIVING, "root_version": {"$lt": root_version}, "_id": {"$gt": after}}
        found = self._keys.find(query, _KEY_ONLY).sort("_id", 1).limit(limit)
        return [
            WrappedKey(doc["_id"], doc["version"], doc["root_version"], doc["wrapped_private"]) async for doc in found
        ]

    async def count_below(self, root_version: int) -> int:
        """How many living keys are below the root version given."""
        return await self._keys.count_documents({**_LIVING, "root_version": {"$lt": root_version}})

    async def scan(self) -> AsyncIterator[IngestKey]:
        """Every key, destroyed ones included, by ascending kid. One a day: they fit in one batch."""
        async for doc in self._keys.find().sort("_id", 1):
            yield from_document(doc)


def to_document(key: IngestKey) -> Document:
    """The key as MongoDB stores it."""
    document: Document = {
        "_id": key.kid,
        "public": Binary(key.public),
        "root_version": key.root_version,
        "state": key.state.value,
        "created_at": key.created_at,
        "seal_until": key.seal_until,
        "version": key.version,
    }
    if key.wrapped_private is not None:
        document["wrapped_private"] = key.wrapped_private
    return document


def from_document(doc: Document) -> IngestKey:
    """The key of a document."""
    return IngestKey(
        kid=doc["_id"],
        public=bytes(doc["public"]),
        wrapped_private=doc.get("wrapped_private"),
        root_version=doc["root_version"],
        state=State(doc["state"]),
        created_at=doc["created_at"],
        seal_until=doc["seal_until"],
        version=doc["version"],
    )
