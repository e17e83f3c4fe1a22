"""Which records are tombstones: what a certificate needs to know of them, and all that it may."""

from __future__ import annotations

from collections.abc import Collection

from store.database import Database, in_parts


class Tombstones:
    """The destroyed documents of the ``records`` collection. Implements :class:`keys.ports.Tombstones`."""

    def __init__(self, database: Database) -> None:
        self._records = database["records"]

    async def standing(self, records: Collection[str]) -> set[str]:
        """Which of those records are tombstones now, read from the primary."""
        found = set[str]()
        for part in in_parts(records):
            query = {"_id": {"$in": part}, "state": "destroyed"}
            found.update([doc["_id"] async for doc in self._records.find(query, {"_id": 1})])
        return found
