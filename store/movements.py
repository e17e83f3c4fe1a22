"""Movements (出入库): when each record came in and when it was destroyed, as far as the audit stream was gone through.

The book that the holdings are compared with (帐实相符, clause AUD-05). It is taken from the audit stream, which the
store's own documents cannot change, and may be dropped and made again while the stream or its archive is there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from store.database import Database, Document, in_parts, taken

#: The document that says how far the stream was read.
STATE: Final = "read-up-to"


@dataclass(frozen=True, slots=True)
class Movement:
    """When a record came in and went out, UNIX milliseconds; None for not seen."""

    came: int | None
    went: int | None


class Movements:
    """The ``movements`` collection."""

    def __init__(self, database: Database) -> None:
        self._movements = database["movements"]

    async def read_up_to(self) -> int | None:
        """Up to when the stream was gone through, UNIX milliseconds; None when it was not begun."""
        doc = await self._movements.find_one({"_id": STATE})
        return doc["at_ms"] if doc else None

    async def book(self, came: Mapping[str, int], went: Mapping[str, int], *, up_to_ms: int) -> None:
        """Book what came in and went out; what is booked already stays. Then note how far the stream was read."""
        fresh: list[Document] = [{"_id": record, "came": at} for record, at in came.items() if record != STATE]
        if fresh:
            try:
                await self._movements.insert_many(fresh, ordered=False)
            except BulkWriteError as error:
                taken(error)
        gone = [UpdateOne({"_id": record}, {"$set": {"went": at}}, upsert=True) for record, at in went.items()]
        if gone:
            await self._movements.bulk_write(gone, ordered=False)
        await self._movements.update_one({"_id": STATE}, {"$set": {"at_ms": up_to_ms}}, upsert=True)

    async def of(self, records: Collection[str]) -> dict[str, Movement]:
        """What is booked of those records."""
        found: dict[str, Movement] = {}
        for part in in_parts(records):
            async for doc in self._movements.find({"_id": {"$in": part}}):
                found[doc["_id"]] = Movement(doc.get("came"), doc.get("went"))
        return found
