"""What the retention engine reads and keeps: facts about customers, approved extensions, records that fell due."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from typing import Any, Final

from pymongo import ReplaceOne, UpdateOne
from pymongo.errors import DuplicateKeyError

from store.database import Database, Document, in_parts

_FETCH: Final = 1000
_WANTED: Final = {
    "subject": 1, "purpose": 1, "cohort": 1, "at": 1, "version": 1, "intake.happened_at": 1, "intake.item": 1,
    "consent.retention_months": 1, "stage": 1, "sealed": 1,
}  # fmt: skip
#: Two days before the calendar ends.
_LAST: Final = date.max - timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened at a customer on a day (``end_of_business``), with its evidence."""

    subject: str
    event: str
    day: date
    evidence: str
    by: str
    at: int


@dataclass(frozen=True, slots=True)
class Extension:
    """An approved longer period for a record: until when, why, by whose signatures."""

    record: str
    until: date
    reason: str
    approvals: tuple[str, ...]
    approvers: tuple[str, ...]
    by: str
    at: int


@dataclass(frozen=True, slots=True)
class Held:
    """What the engine needs to know of a live record. ``collected_ms``: None when only the quarter is known."""

    id: str
    subject: str
    purpose: str
    cohort: str
    happened_at: str | None
    collected_ms: int | None
    item: str | None
    told_months: int | None
    stage: str
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Expired:
    """A record that was found to be due: since when, when it was found (UNIX seconds), what is to happen."""

    record: str
    due: date
    found_at: int
    action: str


def held_records(database: Database, records: Collection[str] | None = None) -> AsyncGenerator[list[Held]]:
    """Live records, or those of some, in batches; only what decides a period is fetched."""
    return _batches(database, [{}] if records is None else ({"_id": {"$in": part}} for part in in_parts(records)))


def ripe_records(
    database: Database, *, by_fact: Collection[str], subjects: Collection[str], collected: date, told: bool
) -> AsyncGenerator[list[Held]]:
    """Live records that may be due, in batches, each once.

    Args:
        by_fact: purposes of which only the records of ``subjects`` may be.
        subjects: customers at whom something has happened.
        collected: the last day on which a record of another purpose may have been collected.
        told: whether one of these whose customer was told a period may be, whenever it was collected.
    """
    purposes = sorted(by_fact)
    theirs = ({"subject": {"$in": part}, "purpose": {"$in": purposes}} for part in in_parts(subjects))
    others: Document = {"purpose": {"$nin": purposes}}
    if collected < _LAST:
        # Two days more, whatever the time zone. Only a first version without a day of its own is as old as it says.
        end = datetime.combine(collected, time(), UTC) + timedelta(days=2)
        old: list[Document] = [{"at": {"$lt": int(end.timestamp()) * 1000}}, {"version": {"$gt": 1}}]
        old.append({"intake.happened_at": {"$exists": True}})
        if told:
            old.append({"consent.retention_months": {"$exists": True}})
        others["$or"] = old
    return _batches(database, chain(theirs, [others]))


async def _batches(database: Database, conditions: Iterable[Document]) -> AsyncGenerator[list[Held]]:
    for condition in conditions:
        batch: list[Held] = []
        async with database["records"].find({**condition, "state": "live"}, _WANTED, batch_size=_FETCH) as found:
            async for doc in found:
                batch.append(_held(doc))
                if len(batch) == _FETCH:
                    yield batch
                    batch = []
        if batch:
            yield batch


class RetentionFacts:
    """The ``retention_facts`` collection: one document a subject and event, the newest statement with those before.

    One that was taken back has no day.
    """

    def __init__(self, database: Database) -> None:
        self._facts = database["retention_facts"]

    async def put(self, facts: Sequence[Fact]) -> None:
        """State facts; a later statement about the same event replaces the earlier one, which stays in its history."""
        changes = []
        for fact in facts:
            said = {"day": fact.day.isoformat(), "evidence": fact.evidence, "by": fact.by, "at": fact.at}
            key = {"_id": f"{fact.subject} {fact.event}"}
            of = {"subject": fact.subject, "event": fact.event}
            changes.append(UpdateOne(key, {"$set": {**of, **said}, "$addToSet": {"said": said}}, upsert=True))
        if changes:
            await self._facts.bulk_write(changes)

    async def retract(
        self, subject: str, event: str, *, evidence: str, by: str, at: int, seen: date | None = None
    ) -> bool:
        """Take a fact back: it has not happened. What was stated before stays in its history.

        Args:
            seen: the day that was stated; without it whatever was stated up to ``at``.

        Returns:
            False when there is no such statement.
        """
        said = {"evidence": evidence, "by": by, "at": at}
        change = {"$set": said, "$unset": {"day": ""}, "$addToSet": {"said": {"day": None, **said}}}
        stated = {"day": seen.isoformat()} if seen is not None else {"day": {"$exists": True}, "at": {"$lte": at}}
        return (await self._facts.update_one({"_id": f"{subject} {event}", **stated}, change)).matched_count == 1

    async def of(self, subjects: Collection[str]) -> dict[str, dict[str, date]]:
        """Subject -> event -> day, of those that have facts."""
        found: dict[str, dict[str, date]] = {}
        for part in in_parts(subjects):
            async for doc in self._facts.find({"subject": {"$in": part}, "day": {"$exists": True}}):
                found.setdefault(doc["subject"], {})[doc["event"]] = date.fromisoformat(doc["day"])
        return found

    async def subjects(self, until: Mapping[str, date]) -> set[str]:
        """At whom an event has happened by its day. ``until``: event -> day."""
        if not until:
            return set()
        either = [{"event": event, "day": {"$lte": day.isoformat()}} for event, day in until.items()]
        found = self._facts.find({"$or": either}, {"subject": 1}, batch_size=5000)
        return {doc["subject"] async for doc in found}

    async def all(self) -> dict[str, dict[str, date]]:
        """As :meth:`of`, of every subject: some hundred bytes each."""
        found: dict[str, dict[str, date]] = {}
        stated = {"day": {"$exists": True}}
        async for doc in self._facts.find(stated, {"subject": 1, "event": 1, "day": 1}, batch_size=5000):
            found.setdefault(doc["subject"], {})[doc["event"]] = date.fromisoformat(doc["day"])
        return found


class Extensions:
    """The ``retention_extensions`` collection: the last extension of a record."""

    def __init__(self, database: Database) -> None:
        self._extensions = database["retention_extensions"]

    async def put(self, extension: Extension) -> None:
        """Keep an extension in place of the record's earlier one, unless that keeps it longer.

        An older request that is sent again must not shorten what was approved since.
        """
        doc = {"_id": extension.record, **extension_document(extension)}
        try:
            await self._extensions.replace_one(
                {"_id": extension.record, "until": {"$lte": doc["until"]}}, doc, upsert=True
            )
        except DuplicateKeyError:
            return  # there is one that ends later

    async def of(self, records: Collection[str]) -> dict[str, date]:
        """Until when those of the records are kept that have an extension."""
        found: dict[str, date] = {}
        for part in in_parts(records):
            async for doc in self._extensions.find({"_id": {"$in": part}}, {"until": 1}):
                found[doc["_id"]] = date.fromisoformat(doc["until"])
        return found

    async def all(self) -> dict[str, Extension]:
        """Every extension, by record."""
        return {doc["_id"]: _extension(doc) async for doc in self._extensions.find({})}


class Expiries:
    """The ``expiries`` collection: records that are to be destroyed or sealed since their period ended (DES-02)."""

    def __init__(self, database: Database) -> None:
        self._expiries = database["expiries"]

    async def enter(self, found: Sequence[Expired]) -> None:
        """Enter records; one that was entered before keeps the time when it was found."""
        known = await self._found_at([each.record for each in found])
        changes = [
            ReplaceOne(
                {"_id": each.record},
                {
                    "_id": each.record, "due": each.due.isoformat(), "action": each.action,
                    "found_at": known.get(each.record, each.found_at),
                },
                upsert=True,
            )
            for each in found
        ]  # fmt: skip
        if changes:
            await self._expiries.bulk_write(changes, ordered=False)

    async def all(self) -> AsyncGenerator[Expired]:
        """Every entry, the longest due first."""
        async with self._expiries.find({}).sort([("due", 1), ("_id", 1)]) as entries:
            async for doc in entries:
                yield Expired(doc["_id"], date.fromisoformat(doc["due"]), doc["found_at"], doc["action"])

    async def remove(self, records: Collection[str]) -> None:
        """Take records off the list: destroyed, sealed, or not due after all."""
        for part in in_parts(records):
            await self._expiries.delete_many({"_id": {"$in": part}})

    async def _found_at(self, records: Collection[str]) -> dict[str, int]:
        known: dict[str, int] = {}
        for part in in_parts(records):
            async for doc in self._expiries.find({"_id": {"$in": part}}, {"found_at": 1}):
                known[doc["_id"]] = doc["found_at"]
        return known


def extension_document(extension: Extension) -> Document:
    """The extension as it is stored: what its audit event holds the digest of."""
    return {
        "until": extension.until.isoformat(),
        "reason": extension.reason,
        "approvals": list(extension.approvals),
        "approvers": list(extension.approvers),
        "by": extension.by,
        "at": extension.at,
    }


def _extension(doc: Mapping[str, Any]) -> Extension:
    return Extension(
        doc["_id"], date.fromisoformat(doc["until"]), doc["reason"], tuple(doc["approvals"]), tuple(doc["approvers"]),
        doc["by"], doc["at"],
    )  # fmt: skip


def _held(doc: Document) -> Held:
    intake, consent = doc.get("intake") or {}, doc.get("consent") or {}
    return Held(
        id=doc["_id"],
        subject=doc["subject"],
        purpose=doc["purpose"],
        cohort=doc["cohort"],
        happened_at=intake.get("happened_at"),
        collected_ms=doc["at"] if doc["version"] == 1 else None,
        item=intake.get("item"),
        told_months=consent.get("retention_months"),
        stage=doc.get("stage", "archived"),
        sealed="sealed" in doc,
    )


async def ensure_indexes(database: Database) -> None:
    """Create the index of facts by subject; repeatable."""
    await database["retention_facts"].create_index([("subject", 1)], name="subject")
