"""Which records are tombstones: what a certificate needs to know of them, and all that it may."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from store.database import Database

_IDS: Final = 50


class Tombstones:
    """The destroyed documents of the ``records`` collection. Implements :class:`keys.ports.Tombstones`."""

    def __init__(self, database: Database) -> None:
        self._records = database["records"]

    async def standing(self, records: Collection[str]) -> set[str]:
        """Which of those records are tombstones now, read from the primary."""
        ids, found = list(records), set[str]()
        for start in range(0, len(ids), _IDS):  # the embedded store tests a document against every id of a list
            query = {"_id": {"$in": ids[start : start + _IDS]}, "state": "destroyed"}
            found.update([doc["_id"] async for doc in self._records.find(query, {"_id": 1})])
        return found
