"""Reviews, hand-overs and confirmations decided: pure. What each moves, all its records or none.

    received -> reviewed -> handed over -> archived      (初步审核, 移交, 审批确认)
       ^---- returned <--'       (a query to the originating department, ARR-14)

Who must sign, and which steps there are, is the rule book's to say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from consumers import intake_rules
from consumers.approvals import Post, Registered, signed_by, signers
from consumers.authorize import Action
from consumers.calendars import calendar
from consumers.received import Received
from consumers.rules import Rules
from schemas.approvals import digest_of
from schemas.audit import Verb
from schemas.commands import Confirm, HandOver, Review
from schemas.errors import Refusal
from schemas.levels import Level, highest
from schemas.values import looks_personal
from schemas.working_days import day_of, day_of_moment, deadline, end_of, seconds_of
from store.intakes import Act, Filed, Kind, Move
from store.record import Stage

#: Who signs a hand-over: the department's designated person, and the archive department (COL-17, COL-18).
HAND_OVER: Final = (Post("hand-over", "deliverer"), Post("take-over", "archivist"))
Deed = Review | HandOver | Confirm


@dataclass(frozen=True, slots=True)
class Sight:
    """What is looked at to decide.

    Attributes:
        filed: the live records among those named.
        codes: their archive codes, of those that have one.
        directory: who is registered.
        now: UNIX seconds.
    """

    filed: Mapping[str, Filed]
    codes: Mapping[str, str]
    directory: Registered
    rules: Rules
    now: float


def decide(received: Received[Any], sight: Sight) -> Act:
    """What a review, hand-over or confirmation does.

    Raises:
        Refusal: DG-CMD-004, DG-COL-007, DG-INT-001 to 004, 006 to 012, 016, DG-APR-001 to 007.
    """
    command: Deed = received.command
    check_references(command)
    _check_sender(received, sight)
    filed = _all(command.records, sight)
    if isinstance(command, Review):
        return _review(received, command, filed, sight)
    if isinstance(command, HandOver):
        return _hand_over(received, command, filed, sight)
    return _confirm(received, command, filed, sight)


def check_references(command: Deed) -> None:
    """Refuse references that look like personal data: before anything is said of them in an event, which stays.

    Raises:
        Refusal: DG-COL-007.
    """
    if any(map(looks_personal, command.records)):
        raise Refusal("DG-COL-007")


def _review(received: Received[Any], command: Review, filed: Sequence[Filed], sight: Sight) -> Act:
    passed, sender = command.result == "passed", received.sender.id
    if looks_personal(command.reason or ""):
        raise Refusal("DG-COL-007", field="reason")
    if not passed and not (command.reason or "").strip():
        raise Refusal("DG-INT-006", field="reason")
    check, book = command.identity_check, sight.rules.book
    if check is not None and len(filed) > 1:
        raise Refusal("DG-INT-004", detail="a check is of one record")
    intake_rules.check_not_ahead(check, sight.now)
    notes: dict[str, Any] = {"by": sender, "at": int(sight.now), "result": command.result}
    if check is not None:
        notes["identity_check"] = check.model_dump(exclude_none=True)
    if not passed:
        notes |= {"reason": command.reason, "answer_by": _answer_by(command, sight)}
    if passed:
        for each in filed:
            intake_rules.check_review_of(each, sender)
    if passed or command.versions:
        intake_rules.check_versions(filed, command.versions)
    stage: Stage = "returned" if not passed else "reviewed" if _takes_more(sight) else "archived"
    moves = []
    for each in filed:
        if passed:
            intake_rules.check_identity_of(each, sight.rules.catalogue, book, check)
        elif each.stage not in ("received", "reviewed", "handed_over") and not intake_rules.reviewable(each):
            raise Refusal("DG-INT-002", field=each.id, detail=each.stage)
        if stage == "archived":
            intake_rules.check_custodian(each, None, book, sight.directory.principal)
        kept = (each.review or {}).get("identity_check")
        noted = {**({"identity_check": kept} if kept else {}), **notes, "version": each.version}
        moves.append(replace(_move(each, stage), review=noted))
    return _act(received, "review", "pass" if passed else "return", moves)


def _hand_over(received: Received[Any], command: HandOver, filed: Sequence[Filed], sight: Sight) -> Act:
    rules, book = sight.rules, sight.rules.book
    if command.custodian and looks_personal(command.custodian):
        raise Refusal("DG-COL-007", field="custodian")
    by = signed_by(
        command,
        HAND_OVER,
        requester=received.sender.id,
        directory=sight.directory,
        authorizer=rules.authorizer,
        now=sight.now,
        requester_signs=True,
    )
    if tuple(item.record for item in command.catalogue) != command.records:
        raise Refusal("DG-INT-007", detail="the catalogue lists other records")
    deliverer = sight.directory.principal(by[0].id)
    stage: Stage = "handed_over" if book.approval.archive_creation else "archived"
    moves = []
    for each, item in zip(filed, command.catalogue, strict=True):
        _check_stage(each, ("reviewed",) if book.intake.review_required else ("received", "reviewed"))
        origin = sight.directory.principal(each.sender)
        if deliverer is None or origin is None or origin.department != deliverer.department:
            raise Refusal("DG-INT-011", field=each.id)
        intake_rules.check_reviewed(each, book)
        intake_rules.check_listed(each, item, sight.codes.get(each.id), rules.catalogue, book)
        _check_archivable(each, sight, stage, named=command.custodian)
        moves.append(replace(_move(each, stage), custodian=command.custodian))
    act = _act(received, "hand_over", "hand_over", moves, tuple(who.id for who in by))
    confirmation = {
        "id": command.id,
        "requester": received.sender.id,
        "at": int(sight.now),
        "request": command.model_dump(mode="json", exclude={"approvals"}),
        "digest": digest_of(command, received.sender.id),
        "approvals": list(command.approvals),
        "signers": [{"id": who.id, "x": who.x, "action": post.action} for who, post in zip(by, HAND_OVER, strict=True)],
    }
    return replace(act, document=confirmation)


def _confirm(received: Received[Any], command: Confirm, filed: Sequence[Filed], sight: Sight) -> Act:
    rules, book = sight.rules, sight.rules.book
    by = signers(
        command,
        action="confirm-archive",
        requester=received.sender.id,
        posts=book.approval.archive_creation,
        directory=sight.directory,
        authorizer=rules.authorizer,
        now=sight.now,
    )
    names = tuple(who.id for who in by)
    needed: tuple[Stage, ...] = ("reviewed",) if book.intake.review_required else ("received", "reviewed")
    moves = []
    for each in filed:
        _check_stage(each, ("handed_over",) if book.handover.required else needed)
        intake_rules.check_confirmer(each, names)
        intake_rules.check_reviewed(each, book)
        _check_archivable(each, sight, "archived")
        moves.append(_move(each, "archived"))
    intake_rules.check_versions(filed, command.versions)
    return _act(received, "confirm", "confirm", moves, names)


def _takes_more(sight: Sight) -> bool:
    book = sight.rules.book
    return book.handover.required or bool(book.approval.archive_creation)


def _all(records: Sequence[str], sight: Sight) -> list[Filed]:
    missing = next((record for record in records if record not in sight.filed), None)
    if missing is not None:
        raise Refusal("DG-INT-001", field=missing)
    if len(set(records)) != len(records):
        raise Refusal("DG-INT-002", detail="a record is named twice")
    return [sight.filed[record] for record in records]


def _check_sender(received: Received[Any], sight: Sight) -> None:
    """Before anything else: who may not act is not told which records there are."""
    level = highest({Level.BASIC, *(each.level for each in sight.filed.values())})
    authorizer = sight.rules.authorizer
    if not any(authorizer.allows(received.sender, action, level, "intake") for action in _may_send(received.command)):
        raise Refusal("DG-CMD-004")


def _may_send(command: Deed) -> tuple[Action, ...]:
    """Whose command it may be: of those who may do one of these."""
    if isinstance(command, Review):
        return ("review",) if command.result == "passed" else ("review", "take-over")
    return ("hand-over", "take-over") if isinstance(command, HandOver) else ("take-over",)


def _check_stage(filed: Filed, stages: Sequence[Stage]) -> None:
    if filed.stage not in stages:
        raise Refusal("DG-INT-002", field=filed.id, detail=filed.stage)


def _check_archivable(filed: Filed, sight: Sight, stage: Stage, *, named: str | None = None) -> None:
    """What must hold when a record becomes an archive; a custodian that is named is checked at once."""
    if stage == "archived":
        intake_rules.check_identity_of(filed, sight.rules.catalogue, sight.rules.book)
    if stage == "archived" or named is not None:
        intake_rules.check_custodian(filed, named, sight.rules.book, sight.directory.principal)


def _answer_by(command: Review, sight: Sight) -> str:
    rules = sight.rules.book.handover
    if command.answer_by is None:
        last = deadline(day_of(sight.now), rules.answer_working_days, calendar(rules.working_calendar))
        return end_of(last)
    try:
        day_of_moment(command.answer_by)  # what is compared with the day on which somebody looks for the overdue
        past = seconds_of(command.answer_by) <= sight.now
    except ValueError:
        past = True
    if past:
        raise Refusal("DG-INT-012", field="answer_by")
    return command.answer_by


def _move(filed: Filed, stage: Stage) -> Move:
    return Move(filed.id, filed.stage, filed.moves, stage)


def _act(received: Received[Any], kind: Kind, result: Verb, moves: Sequence[Move], signed: tuple[str, ...] = ()) -> Act:
    command: Deed = received.command
    return Act(act_id(received), kind, result, act_digest(command), command.records, signed, tuple(moves))


def act_id(received: Received[Any]) -> str:
    """The id of the act of a command: another sender's command of the same id is another one."""
    return f"{received.command.id}|{received.sender.id}"


def act_digest(command: Deed) -> str:
    """SHA-256 of the whole command, in hex."""
    document = command.model_dump(mode="json")
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
