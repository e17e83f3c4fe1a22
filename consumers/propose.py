"""Proposals (变更信息反馈, clause UPD-01): whoever learns of a change may propose it, and learns nothing of the record.

The answer is the same whether the record exists, is destroyed, or needs the field at all: "taken". Otherwise anybody
with a key could ask which customers the archive has. What cannot be applied is kept without its values, so that the
custodian sees a mistyped id in his list. (How long the answer takes may still differ; the sender sees that much.)

Whoever has a key may propose, so what one sender may leave undecided is bounded, about one record and in all. That is
counted from what he sent himself, about whatever ids, so that reaching the bound tells nothing of a record either.

The values are encrypted under the record's own keys, so that they die with it. A level that the record has no key of
yet gets one, which the record names before the proposal is stored: forgetting goes by what a record names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import orjson

from consumers.received import OF_THE_RECORD, Outcome, Received, fact, refused
from consumers.revise import Values, in_normal_form
from consumers.rules import Rules
from keys.cipher import FieldCipher
from keys.ports import KeyRef
from keys.ring import Deks, KeyRing
from schemas.commands import Propose
from schemas.errors import DanganError, Refusal, Transient
from schemas.levels import Level, highest
from schemas.replies import Result
from schemas.values import looks_personal
from store.proposals import Proposal, Proposals
from store.record import Record
from store.records import Records

#: What :class:`keys.cipher.FieldCipher` binds a proposal's texts to; no field and no other proposal has such a name.
_NAME = "_proposal.{}.{}"
#: So many undecided proposals of one sender are kept: about one record, and in all.
MAX_OF_RECORD = 16
MAX_OF_SENDER = 1000


class Adopting(Protocol):
    """Has a record name keys (store/revisions.py)."""

    async def adopt(self, record: str, new_keys: Mapping[Level, KeyRef], ingest_key: str) -> bool:
        """False when the record is not live, or has keys of those levels by now."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposal that the rules allow: values in normal form, not yet encrypted."""

    values: Values
    levels: Mapping[str, Level]
    applicable: bool


def decide(received: Received[Propose], record: Record | None, rules: Rules) -> Draft:
    """Check one proposal. Nothing that is refused here depends on the record.

    Raises:
        Refusal: DG-CMD-004, DG-COL-001, 002 or 007.
    """
    command, catalogue = received.command, rules.catalogue
    check_references(command)
    levels = {name: catalogue.field(name).level for name in command.fields}
    if not rules.authorizer.allows(received.sender, "propose", highest(set(levels.values())), ""):
        raise Refusal("DG-CMD-004")
    values = in_normal_form(command.fields, catalogue)
    return Draft(values, levels, record is not None and _takes(record, command, rules))


def check_references(command: Propose) -> None:
    """Check that the references are opaque: every answer's audit event names the record in clear.

    Raises:
        Refusal: DG-COL-007.
    """
    if looks_personal(command.record) or looks_personal(command.evidence):
        raise Refusal("DG-COL-007")


def _takes(record: Record, command: Propose, rules: Rules) -> bool:
    """Whether such a correction of the record could be applied: not under a withdrawn consent, merged, or sealed."""
    if record.consent_state is not None or record.part_of is not None or record.sealed:
        return False
    return command.fields.keys() <= rules.catalogue.needed[record.purpose].keys()


class Proposer:
    """Applies batches of propose commands."""

    def __init__(self, records: Records, proposals: Proposals, adopting: Adopting, ring: KeyRing, rules: Rules) -> None:
        self._records = records
        self._proposals = proposals
        self._adopting = adopting
        self._ring = ring
        self._rules = rules

    async def apply(self, batch: Sequence[Received[Propose]], now: float) -> list[Outcome]:  # noqa: ARG002
        """Keep what the rules allow; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        return [await self._one(received) for received in batch]

    async def _one(self, received: Received[Propose]) -> Outcome:
        command = received.command
        # Each round reads anew: the record may get keys, or be destroyed, between reading and adopting.
        for _round in range(8):
            try:
                check_references(command)  # first: what is said of a used id names the record too
                known = await self._proposals.get(command.id)
                if known is not None:
                    await self._look_behind(known)
                    return _again(received, known)
                record = (await self._records.get([command.record])).get(command.record)
                draft = decide(received, record, self._rules)
                await self._check_room(received)
            except Refusal as refusal:
                return _refused(received, refusal)
            proposal = await self._sealed(received, draft, record if draft.applicable else None)
            if proposal is not None and await self._proposals.add(proposal):
                await self._look_behind(proposal)
                return _taken(received)
        raise Transient("DG-STO-001", detail="the record kept changing")

    async def _check_room(self, received: Received[Propose]) -> None:
        """Check that the sender has not left too much undecided, whether or not there are such records.

        Raises:
            Refusal: DG-COR-012.
        """
        for record, most in ((received.command.record, MAX_OF_RECORD), (None, MAX_OF_SENDER)):
            if await self._proposals.undecided_of(received.sender.id, record, limit=most) >= most:
                raise Refusal("DG-COR-012")

    async def _look_behind(self, proposal: Proposal) -> None:
        """Who destroys a record erases what stands about it; what was added after that is erased here.

        A redelivered proposal is looked behind as well: who added it may have died before it looked.
        """
        if proposal.values is not None and not await self._records.get([proposal.record]):
            await self._proposals.erase([proposal.record])

    async def _sealed(self, received: Received[Propose], draft: Draft, record: Record | None) -> Proposal | None:
        """The proposal, encrypted; without values where no live record takes it; None when a round was lost."""
        bare = _bare(received, draft)
        if record is None:
            return bare
        try:
            deks = dict((await self._ring.open({record.id: record.keys}))[record.id])
        except DanganError as error:
            if error.code not in OF_THE_RECORD:
                raise
            return bare  # being destroyed
        new_keys: dict[Level, KeyRef] = {}
        missing = {level for name, level in draft.levels.items() if draft.values[name] is not None}
        if missing := missing - record.keys.keys():
            (allocated,) = await self._ring.allocate(record.cohort, [(record.id, missing)])
            for level, key in allocated.items():
                deks[level], new_keys[level] = key.dek, key.ref
        if not await self._adopting.adopt(record.id, new_keys, received.ingest_key):
            return None
        return _with_values(bare, received.command, draft.values, record, deks)


def _bare(received: Received[Propose], draft: Draft) -> Proposal:
    command = received.command
    return Proposal(
        id=command.id,
        record=command.record,
        by=received.sender.id,
        at_ms=received.at_ms,
        version=0,
        evidence=command.evidence,
        by_subject=command.by_subject,
        levels=draft.levels,
        ingest_key=received.ingest_key,
    )


def _with_values(bare: Proposal, command: Propose, values: Values, record: Record, deks: Deks) -> Proposal:
    level = highest(set(record.keys))
    sealed = {
        name: None if value is None else _cipher(bare, deks, bare.levels[name]).seal(_name(bare, name), 1, value)
        for name, value in values.items()
    }
    reason = _cipher(bare, deks, level).seal(_name(bare, "_reason"), 1, orjson.dumps(command.reason))
    return replace(bare, version=record.version, values=sealed, reason=reason, reason_level=level)


def opened(proposal: Proposal, deks: Deks, names: Sequence[str] | None = None) -> dict[str, bytes | None]:
    """The proposed values, or those of some fields, as JSON in normal form; None removes a field.

    Raises:
        DanganError: DG-KEY-004 when one does not open.
    """
    values = proposal.values or {}
    return {
        name: None
        if sealed is None
        else _cipher(proposal, deks, proposal.levels[name]).open(_name(proposal, name), 1, sealed)
        for name, sealed in values.items()
        if names is None or name in names
    }


def reason_of(proposal: Proposal, deks: Deks) -> str:
    """The reason that the proposer gave.

    Raises:
        DanganError: DG-KEY-004 when it does not open.
    """
    if proposal.reason is None:
        return ""
    cipher = _cipher(proposal, deks, proposal.reason_level)
    return str(orjson.loads(cipher.open(_name(proposal, "_reason"), 1, proposal.reason)))


def _cipher(proposal: Proposal, deks: Deks, level: Level) -> FieldCipher:
    if level not in deks:  # a record restored from before the proposal does not name the key it brought
        raise DanganError("DG-KEY-005")
    return FieldCipher(deks[level], proposal.record, level)


def _name(proposal: Proposal, field: str) -> str:
    return _NAME.format(proposal.id, field)


def _taken(received: Received[Propose]) -> Outcome:
    command = received.command
    event = fact(received, "propose", record=command.record, fields=tuple(command.fields))
    return Outcome(Result(id=command.id, status="accepted"), (event,))


def _again(received: Received[Propose], known: Proposal) -> Outcome:
    command = received.command
    if known.by != received.sender.id or known.record != command.record:
        return _refused(received, Refusal("DG-CMD-001"))
    if known.at_ms == received.at_ms:  # redelivered
        return _taken(received)
    event = fact(received, "propose", record=command.record, code="DG-CMD-002")
    return Outcome(Result(id=command.id, status="duplicate", code="DG-CMD-002"), (event,))


def _refused(received: Received[Propose], refusal: Refusal) -> Outcome:
    event = fact(received, "propose", record=received.command.record, allowed=False, code=refusal.code)
    return Outcome(refused(received, refusal), (event,))
