"""What stands beside a record's versions in its document: keys adopted for proposals, open paper copies, revisions.

All of it is in the record's one document, and goes when the record is destroyed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from keys.ports import KeyRef
from schemas.levels import Level
from store.database import Database, Document, in_parts
from store.key_refs import NOT_SEALED, to_list
from store.ties import EVERY, open_papers, watches

Deed = Literal["validated", "revised"]
Cause = Literal["growing", "lost"]


@dataclass(frozen=True, slots=True)
class OpenPaper:
    """A version whose paper counterpart is not confirmed as changed (同步更新, clause UPD-05)."""

    record: str
    paper: str
    version: int


@dataclass(frozen=True, slots=True)
class Due:
    """A record that waits for a periodic act; ``since_ms`` is when it was last done or the record collected."""

    record: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class Watched:
    """A growing or lost customer's record under watch, with where its analysed cause is written down (UPD-09)."""

    record: str
    cause: Cause
    note: str
    by: str
    at_ms: int


class Revisions:
    """The parts of the ``records`` collection that correction is about."""

    def __init__(self, database: Database) -> None:
        self._records = database["records"]
        self._papers, self._watches = open_papers(database), watches(database)

    async def adopt(self, record: str, new_keys: Mapping[Level, KeyRef], ingest_key: str) -> bool:
        """Have a live record name keys and an ingest key that protect a proposal about it, so that they die with it.

        Returns:
            False when the record is not live, is sealed, or has keys of those levels by now: nothing was changed.
        """
        where: Document = {"_id": record, "state": "live", **NOT_SEALED}
        change: Document = {"$addToSet": {"ingest": ingest_key}}
        for level, ref in new_keys.items():
            where[f"keys.{level.value}"] = {"$exists": False}
            change.setdefault("$set", {})[f"keys.{level.value}"] = to_list(ref)
        return (await self._records.update_one(where, change)).matched_count == 1

    async def open_papers(self) -> list[OpenPaper]:
        """Every version whose paper counterpart is open, by record and version."""
        listed = [
            OpenPaper(doc["_id"], doc.get("intake", {}).get("paper", ""), version)
            for part in in_parts(await self._papers.of(EVERY))
            async for doc in self._records.find({"_id": {"$in": part}}, {"paper_open": 1, "intake.paper": 1})
            for version in doc.get("paper_open", ())
        ]
        return sorted(listed, key=lambda each: (each.record, each.version))

    async def paper_is_open(self, record: str, version: int) -> bool:
        """Whether that version's paper counterpart is open."""
        return await self._records.find_one({"_id": record, "paper_open": version}, {"_id": 1}) is not None

    async def close_paper(self, record: str, version: int, *, by: str, at_ms: int) -> bool:
        """Note that the paper counterpart was changed; False when it was not open."""
        change = {
            "$pull": {"paper_open": version},
            "$push": {"paper_done": {"version": version, "by": by, "at": at_ms}},
        }
        return (await self._records.update_one({"_id": record, "paper_open": version}, change)).modified_count == 1

    async def live(self, records: Sequence[str]) -> set[str]:
        """Which of those records are live."""
        found = self._records.find({"_id": {"$in": list(records)}, "state": "live"}, {"_id": 1})
        return {doc["_id"] async for doc in found}

    async def done(self, record: str, deed: Deed, *, by: str, at_ms: int) -> bool:
        """Note that a record was validated or revised; False when it is not live."""
        change = {"$set": {deed: {"by": by, "at": at_ms}}}
        return (await self._records.update_one({"_id": record, "state": "live"}, change)).matched_count == 1

    async def due(self, deed: Deed, *, before_ms: int) -> AsyncIterator[Due]:
        """The live records that were neither collected nor validated (revised) since then."""
        query = {
            "state": "live",
            "$or": [
                {f"{deed}.at": {"$lt": before_ms}},
                {deed: {"$exists": False}, "at": {"$lt": before_ms}},
            ],
        }
        async for doc in self._records.find(query, {"at": 1, deed: 1}, batch_size=5000):
            yield Due(doc["_id"], doc.get(deed, {}).get("at", doc["at"]))

    async def watch(self, watched: Watched) -> bool:
        """Put a record under watch, or another cause in place of the one before; False when it is not live."""
        await self._watches.tie([(EVERY, watched.record)])
        told = {"cause": watched.cause, "note": watched.note, "by": watched.by, "at": watched.at_ms}
        change = {"$set": {"watch": told}}
        return (await self._records.update_one({"_id": watched.record, "state": "live"}, change)).matched_count == 1

    async def unwatch(self, record: str) -> bool:
        """End the watch; False when there was none."""
        return (await self._records.update_one({"_id": record}, {"$unset": {"watch": ""}})).modified_count == 1

    async def watched(self) -> list[Watched]:
        """The records under watch, the longest first."""
        found = [
            _watched(doc)
            for part in in_parts(await self._watches.of(EVERY))
            async for doc in self._records.find({"_id": {"$in": part}, "watch": {"$exists": True}}, {"watch": 1})
        ]
        return sorted(found, key=lambda each: each.at_ms)

    async def events(self, event: str, *, since_ms: int) -> AsyncIterator[tuple[str, list[int]]]:
        """The live records with updates of an event, and when those since then were made, UNIX milliseconds."""
        query = {"state": "live", "history.event": event}
        async for doc in self._records.find(query, {"history.event": 1, "history.at": 1}):
            told = (entry for entry in doc["history"] if entry.get("event") == event)
            yield doc["_id"], [entry["at"] for entry in told if entry["at"] >= since_ms]


def _watched(doc: Mapping[str, Any]) -> Watched:
    told = doc["watch"]
    return Watched(doc["_id"], told["cause"], told["note"], told["by"], told["at"])
