"""Notices of updates: one document for each new version of a record, with those it is for; no values."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pymongo.errors import BulkWriteError

from store.database import Database, taken

#: How long a notice is kept, seconds: who has not looked for so long reads the record anew anyway.
KEEP_SECONDS = 90 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Notice:
    """A record has a new version.

    Attributes:
        fields: the names of the fields that changed.
        by: who updated it.
        at_ms: when, UNIX milliseconds.
        readers: the principals it is for.
    """

    record: str
    version: int
    fields: tuple[str, ...]
    by: str
    at_ms: int
    readers: frozenset[str] = frozenset()


async def ensure_indexes(database: Database) -> None:
    """Create the indexes of ``notices`` and the one that finds grants by record; repeatable."""
    await database["notices"].create_index([("readers", 1)], name="readers")
    await database["notices"].create_index("at", name="expiry", expireAfterSeconds=KEEP_SECONDS)
    await database["grants"].create_index([("records", 1)], name="records")


class Notices:
    """The ``notices`` collection. Implements :class:`consumers.notify.NoticeStore`."""

    def __init__(self, database: Database) -> None:
        self._notices = database["notices"]
        self._grants = database["grants"]

    async def readers_of(self, records: Collection[str], *, now: float) -> dict[str, frozenset[str]]:
        """Record id -> the principals who may read it now by some grant."""
        open_still = {"recalled_at": None, "returned_at": None, "not_after": {"$gt": now}}
        query = {"records": {"$in": [*records, "*"]}, **open_still}
        readers: dict[str, set[str]] = {record: set() for record in records}
        async for doc in self._grants.find(query, {"principal": 1, "records": 1}):
            for record in records if "*" in doc["records"] else readers.keys() & set(doc["records"]):
                readers[record].add(doc["principal"])
        return {record: frozenset(names) for record, names in readers.items()}

    async def add(self, notices: Sequence[Notice]) -> None:
        """Keep notices; those that are there already stay as they are."""
        docs = [
            {
                "_id": f"{notice.record}/{notice.version}",
                "record": notice.record,
                "version": notice.version,
                "fields": list(notice.fields),
                "by": notice.by,
                "at": datetime.fromtimestamp(notice.at_ms / 1000, UTC),
                "readers": sorted(notice.readers),
            }
            for notice in notices
        ]
        try:
            await self._notices.insert_many(docs, ordered=False)
        except BulkWriteError as error:
            taken(error)

    async def of(self, reader: str) -> list[Notice]:
        """The notices that a principal has not acknowledged, oldest first."""
        found = self._notices.find({"readers": reader}).sort([("at", 1), ("_id", 1)])
        return [
            Notice(
                doc["record"],
                doc["version"],
                tuple(doc["fields"]),
                doc["by"],
                int(doc["at"].replace(tzinfo=UTC).timestamp() * 1000),
                frozenset(doc["readers"]),
            )
            async for doc in found
        ]

    async def acknowledge(self, reader: str, notices: Sequence[Notice]) -> None:
        """Take a reader off notices that he has seen."""
        ids = [f"{notice.record}/{notice.version}" for notice in notices]
        await self._notices.update_many({"_id": {"$in": ids}}, {"$pull": {"readers": reader}})
