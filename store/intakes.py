"""Intakes: the stages of records before they are archived, and the acts that move them (clauses COL-10, 11, 17, 18).

An act (a review, a hand-over, a confirmation) moves several records together or none, across crashes and many
workers, without transactions. It is one document of ``intakes``: *claimed* while its author looks at the records
again, *decided* in one conditional write, *done* when every record has moved. While it is claimed or decided it stands
under the names of its records in a unique index, so that no other act can have one of them. Who meets a decided act
finishes it himself, since the document says everything; a claim that is left behind is simply dropped. Each record
counts the moves made with it (``moves``), so that a writer who wakes up late finds nothing left to move.

Done acts stay: they are how a redelivered command finds its effect, and a hand-over's is the archived transfer
confirmation (档案移交确认单).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from schemas.audit import Verb
from schemas.levels import Level
from store.database import Database, Document, in_parts
from store.record import Stage

Kind = Literal["review", "hand_over", "confirm"]
#: The stages of a record that waits for somebody's act.
WAITING: tuple[Stage, ...] = ("received", "returned", "reviewed", "handed_over")
_WANTED = (
    "subject", "stage", "version", "sender", "level", "at", "fields", "intake", "review", "moves",
    "objection", "history.by", "history.version",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filed:
    """A record as the rules of intake see it; no value of any field.

    Attributes:
        fields: names of the fields that it holds.
        at_ms: when it was collected, UNIX milliseconds.
        intake: the circumstances of the collection (schemas/intake.py).
        review: of the last review: ``by``, ``at`` (UNIX seconds), ``version``, ``result``; maybe ``reason``,
            ``answer_by``, ``identity_check``.
        revisers: version that was revised -> who did it.
        moves: how many acts have moved it.
        objection: who objected to how it was obtained, if anybody has (COL-07).
    """

    id: str
    subject: str
    stage: Stage
    version: int
    sender: str
    level: Level
    at_ms: int
    fields: frozenset[str]
    intake: Mapping[str, Any] = field(default_factory=dict)
    review: Mapping[str, Any] | None = None
    custodian: str | None = None
    revisers: Mapping[int, str] = field(default_factory=dict)
    moves: int = 0
    objection: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """One record's part in an act: from the stage and number of moves that were seen, to another stage.

    Attributes:
        review: replaces the note of the last review.
        custodian: keeps the record from now on.
    """

    record: str
    seen: Stage
    moves: int
    stage: Stage
    review: Mapping[str, Any] | None = None
    custodian: str | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """What was decided about records together.

    Attributes:
        id: of the command and its sender.
        result: the deed's word in the audit stream.
        digest: of the command, so that another one under its id is told from a redelivery.
        signers: principal ids, in the order of their posts.
        document: a hand-over's transfer confirmation.
        nonce: tells this claim from another one under the id: a redelivered command is claimed anew, with other moves
            perhaps, after its first claim was dropped.
    """

    id: str
    kind: Kind
    result: Verb
    digest: str
    records: tuple[str, ...]
    signers: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()
    document: Mapping[str, Any] | None = None
    state: Literal["claimed", "decided", "done"] = "claimed"
    nonce: str | None = None


async def ensure_indexes(database: Database) -> None:
    """Create the indexes of intakes; repeatable."""
    await database["intakes"].create_index([("open", 1)], name="open", unique=True, sparse=True)
    await database["intakes"].create_index([("command", 1)], name="command", sparse=True)


class Intakes:
    """The ``intakes`` collection, and what of ``records`` concerns it."""

    def __init__(self, database: Database) -> None:
        self._intakes = database["intakes"]
        self._records = database["records"]

    async def filed(self, records: Collection[str]) -> dict[str, Filed]:
        """The live records among those, without their values."""
        found: dict[str, Filed] = {}
        for part in in_parts(records):
            async for doc in self._records.find({"_id": {"$in": part}, "state": "live"}, _WANTED):
                found[doc["_id"]] = _filed(doc)
        return found

    async def waiting(self, stages: Sequence[Stage] = WAITING) -> AsyncIterator[Filed]:
        """Every record that is at one of those stages. It looks at all records: an index on the stage would be paid
        for by every record that is collected, also by those that wait for nobody.
        """
        query = {"stage": {"$in": list(stages)}, "state": "live"}
        async for doc in self._records.find(query, _WANTED).sort("_id", 1):
            yield _filed(doc)

    async def act(self, act: str) -> Act | None:
        """The act of that id."""
        doc = await self._intakes.find_one({"_id": act})
        return _act(doc) if doc else None

    async def confirmation(self, command: str) -> Mapping[str, Any] | None:
        """The transfer confirmation of a hand_over command that was accepted."""
        doc = await self._intakes.find_one({"command": command, "kind": "hand_over", "state": {"$ne": "claimed"}})
        return doc["document"] if doc else None

    async def claim(self, act: Act) -> bool:
        """Claim the act's records for it; False when another act has one of them, or the act exists."""
        try:
            await self._intakes.insert_one(_document(act))
        except DuplicateKeyError:
            return False
        return True

    async def rivals(self, records: Collection[str]) -> list[Act]:
        """The acts that have some of those records and are not done."""
        return [_act(doc) async for doc in self._intakes.find({"open": {"$in": list(records)}})]

    async def drop(self, act: Act) -> None:
        """Remove this very claim of an act, if it is not decided."""
        await self._intakes.delete_one(_claim(act))

    async def decide(self, act: Act) -> bool:
        """Make a claimed act a decided one; False when this very claim was dropped."""
        return (await self._intakes.update_one(_claim(act), {"$set": {"state": "decided"}})).modified_count == 1

    async def finish(self, act: Act) -> None:
        """Move the records of a decided act and mark it as done. Repeatable, by anybody."""
        if act.moves:
            await self._records.bulk_write([_moved(move) for move in act.moves], ordered=False)
        ended = {"$set": {"state": "done"}, "$unset": {"open": "", "moves": ""}}
        await self._intakes.update_one({"_id": act.id, "state": "decided"}, ended)


def _claim(act: Act) -> Document:
    return {"_id": act.id, "state": "claimed", "nonce": act.nonce}


def _moved(move: Move) -> UpdateOne:
    # Exactly the move that was decided: a record that somebody else moved or destroyed meanwhile stays as it is.
    seen: Document = {"_id": move.record, "state": "live", "stage": move.seen}
    seen["moves"] = move.moves or {"$exists": False}
    changes: Document = {"$set": {"moves": move.moves + 1}}
    if move.review is not None:
        changes["$set"]["review"] = move.review
    if move.custodian is not None:
        changes["$set"]["intake.custodian"] = move.custodian
    if move.stage == "archived":  # which is what a record without a stage is
        changes["$unset"] = {"stage": ""}
    else:
        changes["$set"]["stage"] = move.stage
    return UpdateOne(seen, changes)


def _filed(doc: Document) -> Filed:
    return Filed(
        id=doc["_id"],
        subject=doc["subject"],
        stage=doc.get("stage", "archived"),
        version=doc["version"],
        sender=doc["sender"],
        level=Level(doc["level"]),
        at_ms=doc["at"],
        fields=frozenset(doc["fields"]),
        intake=doc.get("intake") or {},
        review=doc.get("review"),
        custodian=(doc.get("intake") or {}).get("custodian"),
        revisers={entry["version"]: entry["by"] for entry in doc.get("history", ()) if "by" in entry},
        moves=doc.get("moves", 0),
        objection=doc.get("objection"),
    )


def _document(act: Act) -> Document:
    doc: Document = {
        "_id": act.id,
        "command": act.id.split("|")[0],
        "kind": act.kind,
        "result": act.result,
        "digest": act.digest,
        "records": list(act.records),
        "signers": list(act.signers),
        "state": act.state,
        "moves": [asdict(move) for move in act.moves],
        "open": list(act.records),
        "nonce": act.nonce,
    }
    if act.document is not None:
        doc["document"] = dict(act.document)
    return doc


def _act(doc: Document) -> Act:
    return Act(
        id=doc["_id"],
        kind=doc["kind"],
        result=doc["result"],
        digest=doc["digest"],
        records=tuple(doc["records"]),
        signers=tuple(doc["signers"]),
        moves=tuple(Move(**move) for move in doc.get("moves", ())),
        document=doc.get("document"),
        state=doc["state"],
        nonce=doc.get("nonce"),
    )
