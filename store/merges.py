"""Merges are links between records (合并, ARR-13): nothing is moved, so undoing one puts back exactly what was.

The record that joins names the archive (``part_of``) and its stage before; the archive names its parts. A part counts
when both say so; the archive's side is written last, under the condition that it still is what the signers saw. Until
then :meth:`Merges.withdraw` takes the first write back as if it had never been.

Every write is one conditional change of one document; the history entry in it is by what a redelivered command finds
what it did.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import bson

from schemas.errors import Refusal
from store.database import Database, Document, in_parts
from store.record import Record, at_stage
from store.ties import archive_kin

Entry = Mapping[str, Any]


@dataclass(slots=True)
class Waiting:
    """A duplicate in the merge queue.

    Attributes:
        record: the duplicate; ``of`` the archive whose identity it had when it came.
        at_ms: when it came, UNIX milliseconds.
        version: of the duplicate; ``of_version`` the archive's, None when that is destroyed.
    """

    record: str
    of: str
    at_ms: int
    purpose: str
    version: int
    of_version: int | None


@dataclass(slots=True)
class Linked:
    """One merge or undoing in a record's history: ``with_record`` is the other side, ``at_ms`` UNIX milliseconds."""

    kind: str
    with_record: str
    at_ms: int
    by: str
    signed: tuple[str, ...]


@dataclass(slots=True)
class Standing:
    """How a record stands among the links: what it is part of, its parts, what waits beside it, and how that came."""

    record: str
    version: int
    stage: str
    purpose: str
    part_of: str | None
    duplicate_of: str | None
    parts: set[str]
    waiting: set[str]
    links: list[Linked]


class Merges:
    """The links in the ``records`` collection, and the queue of what waits to be merged."""

    def __init__(self, database: Database) -> None:
        self._records = database["records"]
        self._kin = archive_kin(database)

    # --- the two sides of a merge ---

    async def join(self, duplicate: Record, into: str, entry: Entry) -> bool:
        """Let a record become part of an archive, as far as it is concerned; False when it has changed."""
        await self._kin.tie([(into, duplicate.id)])
        change = {"stage": "merged", "part_of": into, "stage_before": duplicate.stage}
        return await self._change(duplicate, entry, {"$set": change})

    async def withdraw(self, duplicate: Record, into: str, digest: str) -> bool:
        """Take :meth:`join` back, whose archive turned out not to take it: no trace of it is left.

        Args:
            duplicate: as it is now, joined.
            into: the archive.
            digest: of the command that joined it. What another one did is never taken back.
        """
        doc = await self._records.find_one({"_id": duplicate.id, "version": duplicate.version}, {"history": 1})
        if doc is None or not doc.get("history") or doc["history"][-1].get("digest") != digest:
            return False
        update: Document = {
            "$set": {"version": duplicate.version - 1},
            "$unset": {"part_of": "", "stage_before": ""},
            "$pop": {"history": 1},
            "$inc": {"history_bytes": -len(bson.encode(doc["history"][-1]))},
        }
        _back_to(update, duplicate)
        where = {"_id": duplicate.id, "state": "live", "version": duplicate.version, "part_of": into}
        return (await self._records.update_one(where, update)).modified_count == 1

    async def take(self, archive: Record, part: str, entry: Entry) -> bool:
        """Let an archive have a part; False when it has changed."""
        parts = [each for each in archive.parts if each != part]  # an undoing that a crash cut short leaves it there
        return await self._change(archive, entry, {"$set": {"parts": [*parts, part]}})

    # --- the two sides of its undoing ---

    async def leave(self, part: Record, entry: Entry) -> bool:
        """Put a part back to what it was before, its version and history apart; False when it has changed."""
        update: Document = {"$set": {}, "$unset": {"part_of": "", "stage_before": ""}}
        _back_to(update, part)
        return await self._change(part, entry, update)

    async def release(self, archive: Record, part: str, entry: Entry) -> bool:
        """Let an archive no longer have a part; False when it has changed."""
        dropped = {
            name: left for name, parts in archive.dropped.items() if (left := [each for each in parts if each != part])
        }
        parts = [each for each in archive.parts if each != part]
        return await self._change(archive, entry, {"$set": {"parts": parts, "dropped": dropped}})

    async def _change(self, record: Record, entry: Entry, update: Document) -> bool:
        update["$set"]["version"] = record.version + 1
        update["$push"] = {"history": dict(entry)}
        update["$inc"] = {"history_bytes": len(bson.encode(dict(entry)))}
        stage = at_stage(record.stage)
        part_of = record.part_of if record.part_of else {"$exists": False}
        where = {
            "_id": record.id, "state": "live", "version": record.version, "stage": stage, "part_of": part_of
        }  # fmt: skip
        return (await self._records.update_one(where, update)).modified_count == 1

    # --- what is linked, and what waits ---

    async def entries(self, command: str, records: Collection[str], *, by: str, digest: str) -> dict[str, Document]:
        """The history entries that this very command left: record -> entry.

        Args:
            command: its id; ``by`` its sender's.
            digest: tells it from another command to which the sender gave the same id.

        Raises:
            Refusal: DG-CMD-001 when there is none of it, but one of such another command.
        """
        wanted = {f"history.{name}": 1 for name in ("command", "by", "version", "link", "digest")}
        found = self._records.find({"_id": {"$in": list(records)}}, wanted)
        under_this_id = [
            (doc["_id"], entry)
            async for doc in found
            for entry in doc.get("history", ())
            if entry["command"] == command and entry["by"] == by and "link" in entry
        ]
        own = {record: entry for record, entry in under_this_id if entry.get("digest") == digest}
        # Where it has begun it goes on, and so may still take back what it did, even if the two met on one record.
        if under_this_id and not own:
            raise Refusal("DG-CMD-001")
        return own

    async def belonging(self, records: Collection[str], *, queued: bool = True) -> dict[str, set[str]]:
        """What a destruction of the records must reach too: their parts, and duplicates that wait beside them.

        Args:
            queued: whether duplicates that wait count.

        Returns:
            record -> the live records that belong to it; only records that have some.
        """
        kin = {record for tied in (await self._kin.of_many(records)).values() for record in tied}
        found: dict[str, set[str]] = {}
        for record, archive in (await self._belong_to(kin, queued=queued)).items():
            if archive in records:
                found.setdefault(archive, set()).add(record)
        return found

    async def above(self, records: Collection[str]) -> dict[str, str]:
        """What each of the records belongs to, and what that belongs to in turn: :meth:`belonging` the other way.

        Returns:
            record -> what it is part of or waits beside; only live records that do, here or further up.
        """
        found: dict[str, str] = {}
        looked, new = set(records), set(records)
        while new:
            found |= (upper := await self._belong_to(new))
            new = set(upper.values()) - looked
            looked |= new
        return found

    async def unnamed(self, records: Collection[str], *, queued: bool = True) -> set[str]:
        """What belongs to those records and is not among them, and what belongs to that; as :meth:`belonging`."""
        reached, new = set(records), set(records)
        while new:
            new = set().union(*(await self.belonging(new, queued=queued)).values()) - reached
            reached |= new
        return reached - set(records)

    async def _belong_to(self, records: Collection[str], *, queued: bool = True) -> dict[str, str]:
        wanted = {"part_of": 1, "duplicate_of": 1, "stage": 1}
        found: dict[str, str] = {}
        for ids in in_parts(sorted(records)):
            async for doc in self._records.find({"_id": {"$in": ids}, "state": "live"}, wanted):
                archive = doc.get("part_of")
                if archive is None and queued and doc.get("stage") == "duplicate":
                    archive = doc.get("duplicate_of")
                if archive is not None:
                    found[doc["_id"]] = archive
        return found

    async def standing(self, record: str) -> Standing | None:
        """How a live record stands among the links; None when no live record has that id."""
        wanted = {"version": 1, "stage": 1, "part_of": 1, "duplicate_of": 1, "purpose": 1, "history": 1}
        doc = await self._records.find_one({"_id": record, "state": "live"}, wanted)
        if doc is None:
            return None
        links = [
            Linked(
                entry["link"]["kind"], entry["link"]["with"], entry["at"], entry["by"], tuple(entry["link"]["signed"])
            )
            for entry in doc.get("history", ())
            if "link" in entry
        ]
        belongs = (await self.belonging([record], queued=False)).get(record, set())
        waits = (await self.belonging([record])).get(record, set()) - belongs
        stage, part_of, of = doc.get("stage", "archived"), doc.get("part_of"), doc.get("duplicate_of")
        return Standing(record, doc["version"], stage, doc["purpose"], part_of, of, belongs, waits, links)

    async def waiting(self) -> AsyncIterator[Waiting]:
        """The merge queue, the oldest first."""
        wanted = {"duplicate_of": 1, "at": 1, "purpose": 1, "version": 1}
        found: list[Document] = []
        for ids in in_parts(await self._kin.all()):
            query = {"_id": {"$in": ids}, "duplicate_of": {"$exists": True}, "stage": "duplicate", "state": "live"}
            found += [doc async for doc in self._records.find(query, wanted)]
        for doc in sorted(found, key=lambda each: (each["at"], each["_id"])):
            archive = await self._records.find_one({"_id": doc["duplicate_of"], "state": "live"}, {"version": 1})
            version = archive["version"] if archive else None
            yield Waiting(doc["_id"], doc["duplicate_of"], doc["at"], doc["purpose"], doc["version"], version)


def _back_to(update: Document, part: Record) -> None:
    """Complete the update with the stage that the part had before; archived is the stage that is not written."""
    if part.stage_before in (None, "archived"):
        update["$unset"]["stage"] = ""
    else:
        update["$set"]["stage"] = part.stage_before
