"""The index of the archive (索引目录): one entry a record, found and counted without opening content (ARR-11).

An entry holds what arrangement knows of a record: its code, the kind of customer, the names of categories, its grade;
no value, no ciphertext, no key. What is decided about it later (importance tier, standing) stands beside that and stays
when the entry is made anew. What changes with every step of an intake, its stage, is looked up in the record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict
from itertools import groupby
from typing import Any, Final, Literal

from pymongo import UpdateOne
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.errors import BulkWriteError

from store.archive_entries import Assigned, Entry, Row, Standing, check_code, check_mark, row_of, to_document
from store.database import Database, Document, in_parts, taken
from store.papers import Papers

#: Records entered at once, and documents fetched at once.
_BATCH: Final = 500
_FETCH: Final = 1000


async def ensure_indexes(database: Database) -> None:
    """Create the indexes of ``archive_index``; repeatable."""
    await database["archive_index"].create_index([("customer", 1)], name="customer")
    for member in ("code", "household", "paper"):
        await database["archive_index"].create_index([(member, 1)], name=member, sparse=True)


class ArchiveIndex:
    """The ``archive_index`` collection, what it needs to know of ``records``, and the register of papers."""

    def __init__(self, database: Database) -> None:
        self._entries = database["archive_index"]
        self._records = database["records"]
        self._codes = database["codes"]
        self._attachments = database["attachments.files"]
        self._revisions = database["full_revisions"]
        self.papers = Papers(database)

    async def enter(self, entries: Sequence[Entry], *, codes_required: bool = False) -> None:
        """Enter records, or make their entries anew; what was decided about them stays.

        Args:
            entries: made of the records as they are now.
            codes_required: whether a record without a code is refused.

        Raises:
            Refusal: before anything is entered, for the first entry that is not right: DG-ARR-006; DG-ARR-003 for a
                code that was never given, 004 for another record's, 005 for a missing one (clause ARR-10).
        """
        owners = await self._owners([each.code for each in entries if each.code is not None])
        for entry in entries:
            check_mark(entry)
            check_code(entry, owners, required=codes_required)
        if not entries:
            return
        new = [{"_id": each.record, **to_document(each)} for each in entries]
        try:
            await self._entries.insert_many(new, ordered=False)
        except BulkWriteError as error:  # some are there already
            known = [entries[at] for at in taken(error)]
            changes = [UpdateOne({"_id": each.record}, {"$set": to_document(each)}) for each in known]
            await self._entries.bulk_write(changes, ordered=False)

    async def _owners(self, codes: Collection[str]) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for part in in_parts(codes):
            async for doc in self._codes.find({"_id": {"$in": part}}, {"record": 1}):
                found[doc["_id"]] = doc.get("record")
        return found

    async def to_enter(self, stages: Collection[str]) -> AsyncGenerator[list[str]]:
        """Live records of those stages that have no entry, or one of another version or without a code, in batches."""
        records = self._records.find({"state": "live"}, {"version": 1, "stage": 1}, batch_size=_FETCH)
        entries = self._entries.find({}, {"version": 1, "code": 1}, batch_size=_FETCH)
        due: list[str] = []
        async with aclosing(_joined(records, entries)) as pairs:
            async for record, entry in pairs:
                if record.get("stage", "archived") not in stages:
                    continue
                if entry is None or entry.get("code") is None or entry["version"] != record["version"]:
                    due.append(record["_id"])
                if len(due) == _BATCH:
                    yield due
                    due = []
        if due:
            yield due

    async def rows(self, **equal: str) -> AsyncGenerator[Row]:
        """Entries of live records, by ascending record id, fetched some hundred at a time.

        Args:
            equal: members that an entry must have: record, customer, code, type, business_type, segment, special,
                grade, household, paper, standing or tier.
        """
        query: Document = {_STORED.get(name, name): value for name, value in equal.items()}
        if _FEW.isdisjoint(equal):
            entries = self._entries.find(query, batch_size=_FETCH)
            live = self._records.find({"state": "live"}, {"stage": 1}, batch_size=_FETCH)
            async with aclosing(_joined(entries, live)) as pairs:
                async for doc, record in pairs:
                    if record is not None:  # a destroyed record's entry waits to be removed
                        yield row_of(doc, record.get("stage", "archived"))
            return
        batch = sorted([doc async for doc in self._entries.find(query)], key=lambda doc: str(doc["_id"]))
        stages = await self._stages([doc["_id"] for doc in batch])
        for doc in batch:
            if doc["_id"] in stages:
                yield row_of(doc, stages[doc["_id"]])

    async def groups(self, by: Literal["customer", "household"]) -> AsyncGenerator[list[Row]]:
        """Entries of live records, all of one customer or household at a time, in ascending order of that.

        Yields:
            The entries, by record id, with the kinds of their complete attachments, of which nothing is opened.
        """
        batch: list[Document] = []
        async with self._entries.find({by: {"$gt": ""}}, batch_size=_FETCH).sort(by, 1) as entries:
            async for doc in entries:
                if len(batch) >= _BATCH and doc[by] != batch[-1][by]:
                    for group in await self._living(batch, by):
                        yield group
                    batch = []
                batch.append(doc)
        for group in await self._living(batch, by):
            yield group

    async def _living(self, batch: Sequence[Document], by: str) -> list[list[Row]]:
        groups: list[list[Row]] = []
        ids = [doc["_id"] for doc in batch]
        stages, kinds = await self._stages(ids), await self._kinds(ids)
        for _, group in groupby(batch, key=lambda doc: str(doc[by])):
            living = (doc for doc in group if doc["_id"] in stages)
            rows = [row_of(doc, stages[doc["_id"]], kinds.get(doc["_id"], ())) for doc in living]
            if rows:
                groups.append(sorted(rows, key=lambda row: row.entry.record))
        return groups

    async def _kinds(self, records: Collection[str]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        wanted = {"metadata.record": 1, "metadata.kind": 1}
        for part in in_parts(records):
            query = {"metadata.record": {"$in": part}, "metadata.state": "complete"}
            async for doc in self._attachments.find(query, wanted):
                found[doc["metadata"]["record"]].add(doc["metadata"]["kind"])
        return found

    async def _stages(self, records: Collection[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for part in in_parts(records):
            async for doc in self._records.find({"_id": {"$in": part}, "state": "live"}, {"stage": 1}):
                found[doc["_id"]] = doc.get("stage", "archived")
        return found

    async def assign(self, record: str, assigned: Assigned) -> bool:
        """Put a record into an importance tier; False when the index does not have it."""
        return await self._set(record, {"tier": asdict(assigned)})

    async def stand(self, record: str, standing: Standing) -> bool:
        """Say that the customer is a past, present or prospective one; the archive itself is not touched (ARR-07)."""
        return await self._set(record, {"standing": standing})

    async def has(self, record: str) -> bool:
        """Whether the record is entered."""
        return await self._entries.find_one({"_id": record}, {"_id": 1}) is not None

    async def begin_revision(self, at: int, by: str) -> None:
        """Note that a full revision begins: every archive is to be assigned anew (clause ARR-08)."""
        await self._revisions.update_one({"_id": at}, {"$setOnInsert": {"by": by}}, upsert=True)

    async def last_revision(self) -> int | None:
        """When the last full revision began, UNIX seconds; None if there was none."""
        async for doc in self._revisions.find({}).sort("_id", -1).limit(1):
            return int(doc["_id"])
        return None

    async def _set(self, record: str, members: Mapping[str, Any]) -> bool:
        return (await self._entries.update_one({"_id": record}, {"$set": members})).matched_count == 1

    async def remove(self, records: Collection[str]) -> int:
        """Remove the entries of those records; return how many there were."""
        removed = 0
        for part in in_parts(records):
            removed += (await self._entries.delete_many({"_id": {"$in": part}})).deleted_count
        return removed

    async def remove_destroyed(self) -> int:
        """Remove the entries of records that are live no more; return how many.

        Destruction removes them; left are those that were made anew at the same time, and those of a restored backup.
        """
        entries = self._entries.find({}, {"_id": 1}, batch_size=_FETCH)
        live = self._records.find({"state": "live"}, {"_id": 1}, batch_size=_FETCH)
        return await self.remove([doc["_id"] async for doc, record in _joined(entries, live) if record is None])


async def _joined(
    left: AsyncCursor[Document], right: AsyncCursor[Document]
) -> AsyncGenerator[tuple[Document, Document | None]]:
    """Every document of the left with the one of the same id of the right, or None; by ascending id.

    Two cursors that run side by side: the embedded store looks at every document for each query by a range of ids.
    """
    async with left.sort("_id", 1) as lefts, right.sort("_id", 1) as rights:  # closed also when half read
        other = await anext(rights, None)
        async for doc in lefts:
            while other is not None and other["_id"] < doc["_id"]:
                other = await anext(rights, None)
            yield doc, other if other is not None and other["_id"] == doc["_id"] else None


#: Members of which few entries have the same: these are looked up, others are scanned for.
_FEW: Final = frozenset({"record", "customer", "code", "household", "paper"})
_STORED: Final[Mapping[str, str]] = {"record": "_id", "tier": "tier.tier"}
