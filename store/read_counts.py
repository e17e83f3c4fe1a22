"""How much each principal asked for: one small document for a principal and day, counted by all workers together.

A message counts once: marks of the last messages stand in the document, and one that comes again, redelivered after a
crash or replayed by somebody, is found there. Count and mark are written in one update: a crash leaves both or neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from store.database import Database, Document

_KEEP_SECONDS: Final = 2 * 24 * 3600
#: A principal's messages that may come again after a crash; of more the oldest would count twice, to its loss.
_REMEMBERED: Final = 512


@dataclass(frozen=True, slots=True)
class Asked:
    """What a principal asked for so far: requests in that minute, records on that day."""

    requests: int
    records: int


async def ensure_indexes(database: Database) -> None:
    """Create the index that ends the counts after two days; repeatable."""
    await database["read_counts"].create_index("at", name="expiry", expireAfterSeconds=_KEEP_SECONDS)


class ReadCounts:
    """The ``read_counts`` collection."""

    def __init__(self, database: Database) -> None:
        self._counts = database["read_counts"]

    async def add(self, principal: str, mark: str, *, requests: int, records: int, at_ms: int) -> Asked:
        """Count one message of a principal, unless it was counted before.

        Args:
            principal: who asks.
            mark: stands for the message, and for it alone; at most 32 characters.
            requests: how many commands it holds.
            records: how many records these ask for.
            at_ms: when Kafka took it, UNIX milliseconds: it decides minute and day.

        Returns:
            What stands then, this message included.
        """
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        key, minute = f"{principal} {at:%Y-%m-%d}", f"minutes.{at:%H%M}"
        update: Document = {
            "$inc": {"records": records, minute: requests},
            "$push": {"marks": {"$each": [mark], "$slice": -_REMEMBERED}},
            "$setOnInsert": {"at": at},
        }
        for _ in range(2):  # two workers may insert the day's document at once
            try:
                doc = await self._counts.find_one_and_update(
                    {"_id": key, "marks": {"$ne": mark}},
                    update,
                    {"records": 1, minute: 1},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
                return _asked(doc or {}, minute)
            except DuplicateKeyError:
                standing = await self._counts.find_one({"_id": key, "marks": mark}, {"records": 1, minute: 1})
                if standing is not None:
                    return _asked(standing, minute)
        return await self.add(principal, mark, requests=requests, records=records, at_ms=at_ms)


def _asked(doc: Document, minute: str) -> Asked:
    # Of a message that was counted in another minute, nothing may stand under this one.
    return Asked(doc.get("minutes", {}).get(minute.partition(".")[2], 0), doc.get("records", 0))
