"""Records: one document each, with its field ciphertexts, key references, tokens and history.

An update changes one document, so a record is never half updated, and its history dies with it. A
destroyed record leaves a tombstone under the same ``_id``: the fence that no later insert can pass.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import bson
from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from keys.ports import KeyRef
from schemas.errors import Refusal, Transient
from schemas.levels import Level
from store.archive_index import ArchiveIndex
from store.attachments import Attachments
from store.database import Database, Document, in_parts, taken
from store.key_refs import NOT_SEALED, keys_in, naming, to_list
from store.proposals import Proposals
from store.record import Occupied, Record, Revision, at_stage, from_document, to_document
from store.ties import EVERY, open_papers


async def ensure_indexes(database: Database) -> None:
    """Create the indexes: tokens, subjects, one archive per identity. Repeatable; each more costs every collect."""
    records = database["records"]
    await records.create_index([("tokens.t", 1)], name="tokens", sparse=True)
    await records.create_index([("subject", 1)], name="subject")
    await records.create_index([("identity", 1)], name="identity", unique=True, sparse=True)


class Records:
    """The ``records`` collection. Implements :class:`keys.ports.RecordKeys` as well."""

    def __init__(self, database: Database) -> None:
        self._records = database["records"]
        self._attachments = Attachments(database)
        self._index = ArchiveIndex(database)
        self._papers = open_papers(database)
        self._proposals = Proposals(database)

    async def insert(self, records: Sequence[Record]) -> dict[str, Occupied | None]:
        """Insert new records; those whose id is taken are left as they are and described.

        Returns:
            record id -> what stands there already, or None when nothing does and the record was not inserted
            because another has its identity; empty when all were inserted.
        """
        if not records:
            return {}
        try:
            await self._records.insert_many([to_document(record) for record in records], ordered=False)
        except BulkWriteError as error:
            ids = {records[at].id for at in taken(error)}
            rivals = {records[at].id for at in _identity_taken(error)}
            standing = await self.occupied(ids)
            # Where both are taken, either may be told: the id decides.
            if (ids - rivals) - standing.keys():  # what took the id is not majority-committed yet
                raise Transient("DG-STO-001", detail="a record is not readable yet") from error
            return {record: standing.get(record) for record in ids}
        return {}

    async def occupied(self, ids: Collection[str]) -> dict[str, Occupied]:
        """What stands under those ids, live or tombstone."""
        wanted = {"state": 1, "command": 1, "sender": 1, "version": 1, "at": 1, "duplicate_of": 1}
        found = self._found(ids, {}, wanted)
        return {
            doc["_id"]: Occupied(
                live=doc["state"] == "live",
                command=doc.get("command"),
                sender=doc.get("sender"),
                version=doc.get("version", 0),
                at_ms=doc["at"],
                of=doc.get("duplicate_of"),
            )
            async for doc in found
        }

    async def get(self, ids: Collection[str], *, history: bool = False) -> dict[str, Record]:
        """The live records among ``ids``; ``history`` says whether their past versions come along."""
        found = self._found(ids, {"state": "live"}, None if history else {"history": 0})
        return {doc["_id"]: from_document(doc) async for doc in found}

    async def entries_of(self, command: str, record: str, *, by: str) -> list[Mapping[str, Any]]:
        """What a sender's command left in the history, without fields; more than one entry where its id was reused."""
        names = ("command", "by", "at", "version", "proposal", "digest", "reason_level")
        wanted = {f"history.{name}": 1 for name in names}
        doc = await self._records.find_one({"_id": record}, wanted)
        return [e for e in (doc or {}).get("history", []) if e["by"] == by and e["command"] == command]

    async def give_up(self, record: str, version: int, claim: str) -> bool:
        """Let no revision of that claim be applied any more; False when the record is not live at that version."""
        where = {"_id": record, "state": "live", "version": version}
        return (await self._records.update_one(where, {"$addToSet": {"given_up": claim}})).matched_count == 1

    async def is_given_up(self, record: str, claim: str) -> bool:
        """Whether no revision of that claim is applied any more."""
        return await self._records.find_one({"_id": record, "given_up": claim}, {"_id": 1}) is not None

    async def revise(self, revision: Revision) -> bool:
        """Apply a revision; False when the record is not live at the version and stage it starts from.

        Raises:
            Refusal: DG-MRG-003 when another archive has the new identity.
        """
        changes: Document = {"version": revision.version, "level": revision.level.value}
        removals: Document = {}
        for name, ciphertext in revision.fields.items():
            if ciphertext is None:
                removals[f"fields.{name}"] = removals[f"field_versions.{name}"] = ""
            else:
                changes[f"fields.{name}"] = ciphertext
                changes[f"field_versions.{name}"] = revision.version
        where: Document = {"_id": revision.record, "state": "live", "version": revision.version - 1}
        where["stage"] = at_stage(revision.seen)
        where["given_up"] = {"$ne": revision.claim}
        where |= NOT_SEALED
        for level, ref in revision.new_keys.items():
            changes[f"keys.{level.value}"] = to_list(ref)
            # A key that a proposal brought meanwhile (store/revisions.py) must stay named: forgetting goes by names.
            where[f"keys.{level.value}"] = {"$exists": False}
        pushed: Document = {"history": dict(revision.past)}
        if revision.paper_open:
            await self._papers.tie([(EVERY, revision.record)])
            pushed["paper_open"] = revision.version
        update: Document = {
            "$set": changes,
            "$push": pushed,
            "$addToSet": {"ingest": revision.ingest_key},
            "$inc": {"history_bytes": len(bson.encode(revision.past))},
        }
        if revision.identity:  # an empty list would be a value of its own to the index
            changes["identity"] = list(revision.identity)
        if revision.stage is not None:
            changes["stage"] = revision.stage
        if revision.parts:
            removed = [name for name, ciphertext in revision.fields.items() if ciphertext is None]
            update["$addToSet"] |= {f"dropped.{name}": {"$each": list(revision.parts)} for name in removed}
        if removals:
            update["$unset"] = removals
        if revision.tokens:
            await self._replace_tokens(revision, changes)
        try:
            result = await self._records.update_one(where, update)
        except DuplicateKeyError:
            if revision.if_free:
                return await self.revise(replace(revision, identity=None, stage=None, if_free=False))
            holder = await self._records.find_one({"identity": {"$in": changes.get("identity", [])}}, {"_id": 1})
            raise Refusal("DG-MRG-003", detail=holder["_id"] if holder else None) from None
        return result.modified_count == 1

    async def _replace_tokens(self, revision: Revision, changes: Document) -> None:
        # Read, then written under the version condition of the same update: a change in between fails it.
        doc = await self._records.find_one({"_id": revision.record}, {"tokens": 1})
        kept = {t["f"]: t["t"] for t in (doc or {}).get("tokens", [])}
        kept.update(revision.tokens)
        changes["tokens"] = [{"f": f, "t": t} for f, t in kept.items() if t is not None]

    async def find_by_token(self, name: str, token: bytes, *, limit: int = 10) -> list[str]:
        """Ids of live records whose field has that blind index token."""
        query = {"tokens.t": token, "state": "live"}
        return [
            doc["_id"]
            async for doc in self._records.find(query, {"tokens": 1}).limit(limit)
            if any(t["f"] == name and t["t"] == token for t in doc["tokens"])
        ]

    # --- what the key hierarchy may see and touch (keys.ports.RecordKeys) ---

    async def keys_of(self, records: Collection[str]) -> dict[str, Mapping[Level, KeyRef]]:
        """The key references of the live records among ``records``."""
        found = self._found(records, {"state": "live"}, {"keys": 1})
        return {doc["_id"]: keys_in(doc) async for doc in found}

    async def ingest_keys_of(self, records: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Ingest key ids that sealed bundles with those live records."""
        found = self._found(records, {"state": "live"}, {"ingest": 1})
        return {doc["_id"]: tuple(doc["ingest"]) async for doc in found}

    async def pages_in_use(self, pages: Collection[str]) -> set[str]:
        """Which of those pages some live record relies on. One scan: pages asked about are few and rare."""
        wanted = set(pages)
        used: set[str] = set()
        if wanted:
            async for _record, keys in self.live_keys():
                used.update(ref.holder[0] for ref in keys.values() if ref.holder[0] in wanted)
        return used

    async def live_keys(self) -> AsyncIterator[tuple[str, Mapping[Level, KeyRef]]]:
        """Every live record's id and key references."""
        async for doc in self._records.find({"state": "live"}, {"keys": 1}, batch_size=5000):
            yield doc["_id"], keys_in(doc)

    async def erase_many(self, records: Mapping[str, Mapping[Level, KeyRef] | None], *, at: int) -> set[str]:
        """Turn records into tombstones where their key references still are the ones given.

        None stands for no live record: a tombstone is inserted where nothing stands. Repeatable.

        Returns:
            The ids under which a tombstone stands now.
        """
        tombstones = {record: {"_id": record, "state": "destroyed", "at": at * 1000} for record in records}
        changes = [
            ReplaceOne(naming(record, keys), tombstones[record]) for record, keys in records.items() if keys is not None
        ]
        if changes:
            await self._records.bulk_write(changes, ordered=False)
        fences = [tombstones[record] for record, keys in records.items() if keys is None]
        if fences:
            try:
                await self._records.insert_many(fences, ordered=False)
            except BulkWriteError as error:
                taken(error)
        gone = {doc["_id"] async for doc in self._found(records, {"state": "destroyed"}, {"_id": 1})}
        await self._attachments.erase(gone)
        await self._proposals.erase(gone)
        await self._index.remove(gone)
        return gone

    async def _found(
        self, ids: Collection[str], condition: Document, wanted: Document | None
    ) -> AsyncIterator[Document]:
        """Those of the ids that meet the condition."""
        for part in in_parts(ids):
            async for doc in self._records.find({"_id": {"$in": part}, **condition}, wanted):
                yield doc


def _identity_taken(error: BulkWriteError) -> list[int]:
    problems = (error.details or {}).get("writeErrors", [])
    return [problem["index"] for problem in problems if "identity" in problem.get("keyPattern", ())]
