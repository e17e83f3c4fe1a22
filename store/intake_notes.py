"""What is noted on records beside their intake: objections (异议, COL-07), custodians (ARR-18), deadlines told of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

from store.database import Database, Document, in_parts


class IntakeNotes:
    """Notes on live records; none of them holds a personal value.

    Lists look at every record: an index would be paid for by every record that is collected.
    """

    def __init__(self, database: Database) -> None:
        self._records = database["records"]

    async def object(self, record: str, *, by: str, reason: str, at: int) -> bool:
        """Block the use of a record; an objection that stands stays. False when there is no live record.

        Args:
            at: UNIX seconds.
        """
        note = {"by": by, "reason": reason, "at": at}
        unblocked = {"_id": record, "state": "live", "objection": {"$exists": False}}
        await self._records.update_one(unblocked, {"$set": {"objection": note}})
        return await self.objection(record) is not None

    async def objection(self, record: str) -> Document | None:
        """The objection to a live record."""
        doc = await self._records.find_one({"_id": record, "state": "live"}, {"objection": 1})
        found: Document | None = (doc or {}).get("objection")
        return found

    async def clear(self, record: str) -> bool:
        """End the objection to a record; False when there is none."""
        blocked = {"_id": record, "state": "live", "objection": {"$exists": True}}
        return (await self._records.update_one(blocked, {"$unset": {"objection": ""}})).modified_count == 1

    async def objected(self) -> AsyncIterator[tuple[str, Document]]:
        """Every record with an objection, oldest first."""
        found = self._records.find({"objection.at": {"$gt": 0}, "state": "live"}, {"objection": 1})
        async for doc in found.sort("objection.at", 1):
            yield doc["_id"], doc["objection"]

    async def objections_to(self, records: Collection[str]) -> dict[str, Document | None]:
        """The objections to those of the records that are live: None for one that nobody objects to."""
        found: dict[str, Document | None] = {}
        for part in in_parts(records):
            async for doc in self._records.find({"_id": {"$in": part}, "state": "live"}, {"objection": 1}):
                found[doc["_id"]] = doc.get("objection")
        return found

    async def put_back(self, record: str, objection: Mapping[str, Any] | None) -> None:
        """Make a restored live record's objection what it was; None for none."""
        change: Document = {"$set": {"objection": objection}} if objection else {"$unset": {"objection": ""}}
        await self._records.update_one({"_id": record, "state": "live"}, change)

    async def assign(self, record: str, custodian: str) -> bool:
        """Name a record's custodian; False when there is no live record."""
        result = await self._records.update_one(
            {"_id": record, "state": "live"}, {"$set": {"intake.custodian": custodian}}
        )
        return result.matched_count == 1

    async def kept_by(self, custodians: Collection[str]) -> AsyncIterator[tuple[str, str]]:
        """The live records that name one of those as custodian: record, custodian."""
        for part in in_parts(custodians):
            query = {"intake.custodian": {"$in": part}, "state": "live"}
            async for doc in self._records.find(query, {"intake.custodian": 1}).sort("_id", 1):
                yield doc["_id"], doc["intake"]["custodian"]

    async def without_custodian(self) -> AsyncIterator[str]:
        """The archives that name no custodian."""
        query = {"intake.custodian": None, "stage": None, "state": "live"}
        async for doc in self._records.find(query, {"_id": 1}).sort("_id", 1):
            yield doc["_id"]

    async def told(self, record: str, what: str) -> None:
        """Note that a deadline's passing was told of."""
        await self._records.update_one({"_id": record, "state": "live"}, {"$addToSet": {"overdue": what}})

    async def already_told(self, records: Collection[str]) -> dict[str, frozenset[str]]:
        """record -> what was told of it."""
        found: dict[str, frozenset[str]] = {}
        for part in in_parts(records):
            async for doc in self._records.find({"_id": {"$in": part}}, {"overdue": 1}):
                found[doc["_id"]] = frozenset(doc.get("overdue", ()))
        return found
