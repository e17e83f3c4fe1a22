"""Proposed corrections: one document each, its values encrypted under the record's own keys, so that they die with it.

``open`` -> ``claimed`` (an approving decision is being applied) -> ``approved``; or ``open`` -> ``rejected``. Each
step is a compare-and-swap on the state, so that of two decisions one is taken. A decided proposal has no values.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pymongo.errors import DuplicateKeyError

from schemas.levels import Level
from store.database import Database, Document, in_parts

State = Literal["open", "claimed", "approved", "rejected"]


@dataclass(frozen=True, slots=True)
class Claim:
    """Which decision a proposal is taken by.

    Attributes:
        command: the decide command's id.
        by: its sender.
        approvers: who signed it.
        version: the record's version that came of it; 0 while it is being applied, and for a rejection.
        reason: of a rejection, as a ciphertext under the record's keys; None when the record is gone.
        since: when it was made, UNIX seconds; None in one that was kept before this was noted.
    """

    command: str
    by: str
    approvers: tuple[str, ...] = ()
    version: int = 0
    reason: bytes | None = None
    since: int | None = None

    @property
    def token(self) -> str:
        """What tells it from every other claim, also from a later one by the same command."""
        return f"{self.command} {self.since}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed correction (变更信息反馈, clause UPD-01).

    Attributes:
        id: the propose command's id.
        by: who proposes.
        at_ms: when Kafka took it, UNIX milliseconds.
        version: the record's version when it was taken; 0 when it is about no live record.
        levels: the fields' levels, by name.
        values: field -> ciphertext, or None to remove the field; None once there are none any more.
        reason: ciphertext, under the key of ``reason_level``.
        overdue: whether it was found to be overdue.
    """

    id: str
    record: str
    by: str
    at_ms: int
    version: int
    evidence: str
    by_subject: bool
    levels: Mapping[str, Level]
    ingest_key: str
    values: Mapping[str, bytes | None] | None = None
    reason: bytes | None = None
    reason_level: Level = Level.BASIC
    state: State = "open"
    claim: Claim | None = None
    overdue: bool = False


async def ensure_indexes(database: Database) -> None:
    """Create the indexes: by state and age, by record, and by who proposes; repeatable."""
    await database["proposals"].create_index([("state", 1), ("at", 1)], name="state")
    await database["proposals"].create_index([("record", 1)], name="record")
    await database["proposals"].create_index([("by", 1), ("state", 1), ("record", 1)], name="by")


class Proposals:
    """The ``proposals`` collection."""

    def __init__(self, database: Database) -> None:
        self._proposals = database["proposals"]

    async def add(self, proposal: Proposal) -> bool:
        """Keep a proposal; False when there is one of that id."""
        try:
            await self._proposals.insert_one(_document(proposal))
        except DuplicateKeyError:
            return False
        return True

    async def get(self, proposal: str) -> Proposal | None:
        """One proposal, or None."""
        doc = await self._proposals.find_one({"_id": proposal})
        return _proposal(doc) if doc else None

    async def claim(self, proposal: str, claim: Claim) -> bool:
        """Take an open proposal for a decision that is about to be applied; False when it is not open."""
        return await self._swap(proposal, "open", None, {"state": "claimed", "claim": _claim_document(claim)})

    async def release(self, proposal: str, claim: Claim) -> bool:
        """Open a proposal again whose decision could not be applied."""
        return await self._swap(proposal, "claimed", claim, {"state": "open", "claim": None})

    async def approve(self, proposal: str, claim: Claim, version: int) -> bool:
        """Close a claimed proposal that became a version of the record; its values go."""
        done = _claim_document(replace(claim, version=version))
        return await self._swap(proposal, "claimed", claim, {"state": "approved", "claim": done, **_ERASED})

    async def reject(self, proposal: str, claim: Claim) -> bool:
        """Close an open proposal; its values go. False when it is not open."""
        return await self._swap(
            proposal, "open", None, {"state": "rejected", "claim": _claim_document(claim), **_ERASED}
        )

    async def erase(self, records: Collection[str]) -> None:
        """Erase every ciphertext of proposals about those records, which are destroyed; repeatable.

        Each update looks and writes in one step: a claim may be released, or a reason come, in between.
        """
        for part in in_parts(records):
            theirs = {"record": {"$in": part}}
            await self._proposals.update_many({**theirs, "values": {"$ne": None}}, {"$set": _ERASED})
            await self._proposals.update_many(
                {**theirs, "claim.reason": {"$ne": None}}, {"$set": {"claim.reason": None}}
            )

    async def undecided(self) -> AsyncIterator[Proposal]:
        """The proposals that are not decided, oldest first."""
        found = self._proposals.find({"state": {"$in": ["open", "claimed"]}}, {"values": 0, "reason": 0})
        async for doc in found.sort([("at", 1), ("_id", 1)]):
            yield _proposal(doc)

    async def undecided_of(self, by: str, record: str | None = None, *, limit: int) -> int:
        """How many proposals of somebody are not decided, about one record or in all; counted up to the limit."""
        query: Document = {"by": by, "state": {"$in": ["open", "claimed"]}}
        if record is not None:
            query["record"] = record
        return await self._proposals.count_documents(query, limit=limit)

    async def mark_overdue(self, proposal: str) -> None:
        """Note that a proposal was found to be overdue."""
        await self._proposals.update_one({"_id": proposal}, {"$set": {"overdue": True}})

    async def _swap(self, proposal: str, state: State, claim: Claim | None, change: Document) -> bool:
        where: Document = {"_id": proposal, "state": state}
        if claim is not None:
            where |= {"claim.command": claim.command, "claim.since": claim.since}
        return (await self._proposals.update_one(where, {"$set": change})).modified_count == 1


_ERASED = {"values": None, "reason": None}


def _document(proposal: Proposal) -> Document:
    return {
        "_id": proposal.id,
        "record": proposal.record,
        "by": proposal.by,
        "at": proposal.at_ms,
        "version": proposal.version,
        "evidence": proposal.evidence,
        "by_subject": proposal.by_subject,
        "levels": {name: level.value for name, level in proposal.levels.items()},
        "ingest": proposal.ingest_key,
        "values": dict(proposal.values) if proposal.values is not None else None,
        "reason": proposal.reason,
        "reason_level": proposal.reason_level.value,
        "state": proposal.state,
        "claim": _claim_document(proposal.claim) if proposal.claim else None,
        "overdue": proposal.overdue,
    }


def _claim_document(claim: Claim) -> dict[str, Any]:
    return {
        "command": claim.command,
        "by": claim.by,
        "approvers": list(claim.approvers),
        "version": claim.version,
        "reason": claim.reason,
        "since": claim.since,
    }


def _proposal(doc: Document) -> Proposal:
    claim = doc["claim"]
    return Proposal(
        id=doc["_id"],
        record=doc["record"],
        by=doc["by"],
        at_ms=doc["at"],
        version=doc["version"],
        evidence=doc["evidence"],
        by_subject=doc["by_subject"],
        levels={name: Level(level) for name, level in doc["levels"].items()},
        ingest_key=doc["ingest"],
        values=doc.get("values"),
        reason=doc.get("reason"),
        reason_level=Level(doc["reason_level"]),
        state=doc["state"],
        claim=Claim(**{**claim, "approvers": tuple(claim["approvers"])}) if claim else None,
        overdue=doc["overdue"],
    )
