"""Intake seen by operators: what is overdue (COL-17, ARR-14), objections (COL-07), custodians (ARR-18), confirmations.

An act is audited before it is done. That a deadline has passed is told once for each record and deadline: the event's
id follows from both, and a note on the record says that it was made durable.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import keys.approvals
from consumers.calendars import calendar
from consumers.intake_rules import answered, keeps
from keys.ledger import Approver
from keys.okp import thumbprint
from ops.audited import Desk
from schemas.approvals import digest_of
from schemas.audit import Fact
from schemas.commands import HandOver
from schemas.errors import DanganError, Refusal
from schemas.rulebook import RuleBook
from schemas.values import looks_personal
from schemas.working_days import day_of, day_of_moment, deadline
from store.database import Database
from store.intake_notes import IntakeNotes
from store.intakes import Filed, Intakes
from store.principals import Principals

#: The role that clears objections (合规).
COMPLIANCE: Final = "compliance"
_NAMESPACE: Final = uuid.UUID("6d3c9a52-0f0e-5b07-9a43-3a1d5c1e7f10")


@dataclass(frozen=True, slots=True)
class Late:
    """A record whose deadline has passed: ``hand_over``, or the ``answer`` to its return."""

    record: str
    what: str
    due: date
    stage: str
    sender: str
    told: bool = False


def late(filed: Filed, book: RuleBook, today: date) -> Late | None:
    """The deadline of a waiting record that has passed on a day, the sender's answer first.

    A record is handed over within ``handover.deadline_working_days`` after the business ended: the time that the
    collection states, or that of the collection.
    """
    if filed.stage == "returned" and filed.review is not None and not answered(filed):
        due = day_of_moment(filed.review["answer_by"])
        return Late(filed.id, "answer", due, filed.stage, filed.sender) if today > due else None
    if not book.handover.required or filed.stage not in ("received", "returned", "reviewed"):
        return None
    due = hand_over_due(filed, book)
    return Late(filed.id, "hand_over", due, filed.stage, filed.sender) if today > due else None


def hand_over_due(filed: Filed, book: RuleBook) -> date:
    """Until when a record has to be handed over: so many working days after the business ended, or it came."""
    stated = filed.intake.get("happened_at")
    try:
        ended = day_of_moment(stated) if stated else day_of(filed.at_ms / 1000)
    except ValueError:
        ended = day_of(filed.at_ms / 1000)
    return deadline(ended, book.handover.deadline_working_days, calendar(book.handover.working_calendar))


async def overdue(at: Desk, book: RuleBook, *, now: float, tell: bool = True) -> list[Late]:
    """Every overdue record, longest first; what is newly so gets its audit event.

    Args:
        now: UNIX seconds.
        tell: whether events are written.
    """
    notes, today = IntakeNotes(at.database), day_of(now)
    found = [each async for filed in Intakes(at.database).waiting() if (each := late(filed, book, today))]
    known = await notes.already_told({each.record for each in found})
    for each in found:
        word = f"{each.what}:{each.due}"
        if not tell or word in known.get(each.record, frozenset()):
            continue
        command = str(uuid.uuid5(_NAMESPACE, f"{each.record}\n{word}"))
        event = Fact(command, "intake", True, None, at.operator, int(now * 1000), record=each.record, verb="overdue")
        await at.audit.publish([event])
        await notes.told(each.record, word)
    return sorted(found, key=lambda each: (each.due, each.record))


async def object_to(at: Desk, record: str, reason: str) -> None:
    """Object to how a record was obtained: nobody uses it until compliance clears it.

    Raises:
        DanganError: DG-COL-007, DG-INT-001.
    """
    await _act(at, "object", record, reason)
    if not await IntakeNotes(at.database).object(record, by=at.operator, reason=reason, at=int(time.time())):
        raise DanganError("DG-INT-001", field=record)


async def clear(at: Desk, record: str, reason: str) -> None:
    """Clear the objection to a record.

    Raises:
        DanganError: DG-COL-007, DG-INT-014.
    """
    if await IntakeNotes(at.database).objection(record) is None:
        raise DanganError("DG-INT-014", field=record)
    await _act(at, "clear", record, reason)
    await IntakeNotes(at.database).clear(record)


async def assign(at: Desk, records: list[str], custodian: str) -> None:
    """Give records a custodian.

    Raises:
        DanganError: DG-INT-009 when it is nobody who holds that post (of a secret record: STO-04), DG-INT-001.
    """
    who = await Principals(at.database).get(custodian)
    if not keeps(who):
        raise DanganError("DG-INT-009", detail=custodian)
    for record in records:
        filed = (await Intakes(at.database).filed([record])).get(record)
        if filed is None:
            raise DanganError("DG-INT-001", field=record)
        if not keeps(who, filed.intake.get("grade", "none")):
            raise DanganError("DG-INT-009", field=record, detail=custodian)
        await at.record("intake", verb="assign", record=record, reader=custodian)
        await IntakeNotes(at.database).assign(record, custodian)


async def unkept(database: Database, book: RuleBook) -> AsyncIterator[tuple[str, str]]:
    """Archives without a custodian in office: record, and who was named ("" for nobody)."""
    notes = IntakeNotes(database)
    gone = [who.id for who in await Principals(database).all() if not keeps(who)]
    async for record, custodian in notes.kept_by(gone):
        yield record, custodian
    if book.intake.custodian_required:
        async for record in notes.without_custodian():
            yield record, ""


async def confirmation(database: Database, command: str) -> Mapping[str, Any]:
    """The transfer confirmation (档案移交确认单) of a hand_over command, its signatures verified.

    Raises:
        DanganError: DG-INT-013 when there is none, 015 when it is not what was signed.
    """
    found = await Intakes(database).confirmation(command)
    if found is None:
        raise DanganError("DG-INT-013", field=command)
    by_kid = {thumbprint("Ed25519", bytes(who["x"])): Approver(who["id"], bytes(who["x"])) for who in found["signers"]}
    try:
        request = HandOver.model_validate({**found["request"], "approvals": ()})
        signed = keys.approvals.verified(
            found["approvals"],
            actions=("hand-over", "take-over"),
            digest=digest_of(request, found["requester"]),
            requester=None,
            approver=lambda kid, _at: by_kid.get(kid),
            at=found["at"],
        )
    except (Refusal, ValueError) as error:
        raise DanganError("DG-INT-015", field=command) from error
    said = {(each.action, each.who.id): each.at for each in signed}
    if any((who["action"], who["id"]) not in said for who in found["signers"]):
        raise DanganError("DG-INT-015", field=command)
    signers = [
        {"id": who["id"], "action": who["action"], "at": said[who["action"], who["id"]]} for who in found["signers"]
    ]
    return {**found, "signers": signers, "items": [item.model_dump() for item in request.catalogue]}


async def _act(at: Desk, verb: Any, record: str, reason: str) -> None:
    if looks_personal(record) or looks_personal(reason):
        raise DanganError("DG-COL-007")
    if record not in await Intakes(at.database).filed([record]):
        raise DanganError("DG-INT-001", field=record)
    await at.record("intake", verb=verb, record=record)
