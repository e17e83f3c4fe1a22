"""Keys of working copies (工作副本; clause USE-11): a copy's file opens only with the key that stands here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from store.database import Database, in_parts


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """A working copy; ``key`` are the 32 bytes that open its file, ``holder`` whose copy it is."""

    id: str
    grant: str
    holder: str
    key: bytes
    at_ms: int


class WorkingCopies:
    """The ``working_copies`` collection."""

    def __init__(self, database: Database) -> None:
        self._copies = database["working_copies"]

    async def add(self, copy: WorkingCopy) -> None:
        """Keep a copy's key."""
        doc = {"_id": copy.id, "grant": copy.grant, "holder": copy.holder, "key": copy.key, "at_ms": copy.at_ms}
        await self._copies.insert_one(doc)

    async def get(self, copy: str) -> WorkingCopy | None:
        """One copy, or None: also when its key is gone."""
        doc = await self._copies.find_one({"_id": copy})
        return WorkingCopy(doc["_id"], doc["grant"], doc["holder"], bytes(doc["key"]), doc["at_ms"]) if doc else None

    async def grants(self) -> set[str]:
        """The grants that copies were made under and can still be opened."""
        return {doc["grant"] async for doc in self._copies.find({}, {"grant": 1})}

    async def forget(self, grants: Collection[str]) -> int:
        """Erase the keys of every copy made under those grants; how many. Nothing opens the files any more."""
        gone = 0
        for part in in_parts(grants):
            gone += (await self._copies.delete_many({"grant": {"$in": part}})).deleted_count
        return gone
