"""When each record was last read (上次调阅时间, clause STO-13), as far as the audit stream has been gone through.

A copy of what the stream says, made so that a list need not read the stream again; it may be dropped at any time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from pymongo import UpdateOne

from store.database import Database, in_parts

_STATE: Final = "read-up-to"


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The last read of a record: when (UNIX milliseconds), by whom, under which grant."""

    at_ms: int
    by: str
    grant: str


class Retrievals:
    """The ``retrievals`` collection."""

    def __init__(self, database: Database) -> None:
        self._retrievals = database["retrievals"]

    async def read_up_to(self) -> int | None:
        """Up to when the stream was gone through, UNIX milliseconds; None when it was not begun."""
        doc = await self._retrievals.find_one({"_id": _STATE})
        return doc["at_ms"] if doc else None

    async def went_up_to(self, at_ms: int) -> None:
        """Note that all of the stream was gone through, every partition up to that time, UNIX milliseconds."""
        await self._retrievals.update_one({"_id": _STATE}, {"$set": {"at_ms": at_ms}}, upsert=True)

    async def note(self, found: Mapping[str, Retrieval]) -> None:
        """Keep the later of what is known and what was found."""
        found = {record: each for record, each in found.items() if record != _STATE}
        known = {doc["_id"] for part in in_parts(found) async for doc in self._retrievals.find({"_id": {"$in": part}})}
        fresh = [{"_id": record, **asdict(each)} for record, each in found.items() if record not in known]
        later = [
            UpdateOne({"_id": record, "at_ms": {"$lt": found[record].at_ms}}, {"$set": asdict(found[record])})
            for record in sorted(known)
        ]
        if fresh:
            await self._retrievals.insert_many(fresh)
        if later:
            await self._retrievals.bulk_write(later)

    async def last(self, records: Collection[str]) -> dict[str, Retrieval]:
        """The last read of each of the records that were read."""
        found: dict[str, Retrieval] = {}
        for part in in_parts(records):
            async for doc in self._retrievals.find({"_id": {"$in": part}}):
                found[doc["_id"]] = Retrieval(doc["at_ms"], doc["by"], doc["grant"])
        return found
