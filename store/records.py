"""Records: one document each, with its field ciphertexts, key references, tokens and history.

An update changes one document, so a record is never half updated, and its history dies with it. A
destroyed record leaves a tombstone under the same ``_id``: the fence that no later insert can pass.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import bson
from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from keys.ports import KeyRef
from schemas.errors import Refusal, Transient
from schemas.levels import LEVELS, Level
from store.archive_index import ArchiveIndex
from store.attachments import Attachments
from store.database import Database, Document, in_parts, taken
from store.key_refs import NOT_SEALED, keys_in, naming, to_list
from store.proposals import Proposals
from store.ties import EVERY, open_papers

#: An intake is received, reviewed, handed over, and archived; a returned one waits for its sender, a duplicate for a
#: decision, a merged one is part of another archive.
Stage = Literal["received", "returned", "reviewed", "handed_over", "archived", "duplicate", "merged"]

ConsentState = Literal["checking", "withdrawn"]


@dataclass(slots=True)  # not frozen: that costs each command 1 us
class Record:
    """A record as it is stored; every value in ``fields`` is a ciphertext.

    Attributes:
        field_versions: record version at which a field was last written, for those above 1.
        ingest_keys: kids of the ingest keys that sealed bundles with this record's values.
        tokens: blind index tokens, field -> token.
        history_bytes: how large the history is.
        at_ms: when the newest version's command was appended to Kafka.
        stage: how far the intake is.
        intake: the circumstances of the collection (schemas/intake.py); no personal value.
        objected: whether somebody objects to how it was obtained (COL-07): nobody uses it.
        consent: the consent, and under ``only`` whether the record rests on it alone (clause COL-04).
        consent_state: ``checking`` until it is known that its consent was not withdrawn meanwhile; ``withdrawn`` when
            the consent was that it rests on alone. Nobody reads either (store/consents.py).
        identity: what no other archive may have (schemas/identity.py); a duplicate has none.
        duplicate_of: the archive whose identity this one had when it came.
        part_of: the archive that a merged record is part of; ``stage_before`` what it was before.
        parts: what was merged into this archive, in that order. Only those count whose ``part_of`` names it.
        dropped: field -> the parts whose value was removed with the archive's own.
        sealed: whether it is sealed (封存, DES-11), on its way there or back: nobody uses it.
    """

    id: str
    subject: str
    version: int
    level: Level
    cohort: str
    purpose: str
    legal_basis: str
    fields: Mapping[str, bytes]
    keys: Mapping[Level, KeyRef]
    command: str
    sender: str
    ingest_keys: tuple[str, ...]
    at_ms: int
    tokens: Mapping[str, bytes] = field(default_factory=dict)
    field_versions: Mapping[str, int] = field(default_factory=dict)
    consent: Mapping[str, Any] | None = None
    history: tuple[Mapping[str, Any], ...] = ()
    history_bytes: int = 0
    stage: Stage = "archived"
    intake: Mapping[str, Any] | None = None
    consent_state: ConsentState | None = None
    identity: tuple[bytes, ...] = ()
    objected: bool = False
    duplicate_of: str | None = None
    part_of: str | None = None
    stage_before: Stage | None = None
    parts: tuple[str, ...] = ()
    dropped: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Occupied:
    """What already stands under a record id; ``of`` when it was kept as a duplicate."""

    live: bool
    command: str | None
    sender: str | None
    version: int
    at_ms: int
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """A new version of a record, applied only where the stored version is ``version - 1`` and the stage still ``seen``.

    ``fields`` maps to the new ciphertext, or None to remove the field; ``past`` is the history entry
    (previous ciphertexts with their versions, who, when, why; the reason is a ciphertext too).
    ``identity`` replaces the identity keys, None leaves them; ``stage`` replaces the stage, None leaves it;
    with ``if_free`` both stay where another archive has that identity. ``parts`` are the record's: a removed field is
    removed from what is read of them too.
    ``paper_open`` says that the paper counterpart has to follow (clause UPD-05). ``claim`` is the token of the claim on
    a proposal that it comes of: it is not applied where that was given up.
    """

    record: str
    version: int
    level: Level
    fields: Mapping[str, bytes | None]
    tokens: Mapping[str, bytes | None]
    new_keys: Mapping[Level, KeyRef]
    ingest_key: str
    past: Mapping[str, Any]
    seen: Stage
    identity: tuple[bytes, ...] | None = None
    stage: Stage | None = None
    if_free: bool = False
    parts: tuple[str, ...] = ()
    paper_open: bool = False
    claim: str = ""


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


def at_stage(stage: Stage) -> str | Document:
    """The condition that a record is at that stage, which an act of intake changes without a new version."""
    return {"$in": [None, "archived"]} if stage == "archived" else stage


def _identity_taken(error: BulkWriteError) -> list[int]:
    problems = (error.details or {}).get("writeErrors", [])
    return [problem["index"] for problem in problems if "identity" in problem.get("keyPattern", ())]


_NAMES = {level: level.value for level in Level}


def to_document(record: Record) -> Document:
    """The record as MongoDB stores it."""
    doc: Document = {
        "_id": record.id,
        "subject": record.subject,
        "state": "live",
        "version": record.version,
        "level": _NAMES[record.level],
        "cohort": record.cohort,
        "purpose": record.purpose,
        "basis": record.legal_basis,
        "fields": record.fields,
        "keys": {_NAMES[level]: to_list(ref) for level, ref in record.keys.items()},
        "command": record.command,
        "sender": record.sender,
        "ingest": list(record.ingest_keys),
        "at": record.at_ms,
    }
    if record.tokens:
        doc["tokens"] = [{"f": name, "t": token} for name, token in record.tokens.items()]
    if record.consent:
        doc["consent"] = record.consent
    if record.stage != "archived":
        doc["stage"] = record.stage
    if record.intake:
        doc["intake"] = record.intake
    if record.consent_state:
        doc["consent_state"] = record.consent_state
    if record.identity:
        doc["identity"] = list(record.identity)
    if record.duplicate_of:
        doc["duplicate_of"] = record.duplicate_of
    return doc


def from_document(doc: Document) -> Record:
    """The record of a live document."""
    return Record(
        id=doc["_id"],
        subject=doc["subject"],
        version=doc["version"],
        level=LEVELS[doc["level"]],
        cohort=doc["cohort"],
        purpose=doc["purpose"],
        legal_basis=doc["basis"],
        fields=doc["fields"],
        keys=keys_in(doc),
        command=doc["command"],
        sender=doc["sender"],
        ingest_keys=tuple(doc["ingest"]),
        at_ms=doc["at"],
        tokens={t["f"]: t["t"] for t in doc.get("tokens", [])},
        field_versions=doc.get("field_versions", {}),
        consent=doc.get("consent"),
        history=tuple(doc.get("history", ())),
        history_bytes=doc.get("history_bytes", 0),
        stage=doc.get("stage", "archived"),
        intake=doc.get("intake"),
        consent_state=doc.get("consent_state"),
        identity=tuple(doc.get("identity", ())),
        duplicate_of=doc.get("duplicate_of"),
        part_of=doc.get("part_of"),
        objected="objection" in doc,
        sealed="sealed" in doc,
        stage_before=doc.get("stage_before"),
        parts=tuple(doc.get("parts", ())),
        dropped=doc.get("dropped", {}),
    )
