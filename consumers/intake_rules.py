"""What a record must be before it is reviewed, handed over or archived: pure, one record at a time.

Clauses COL-09 (identity verified against originals), COL-10 (review), COL-12 (assessment), COL-18 (catalogue against
content), ARR-14 (queries), ARR-18 (custodian). What of it is demanded is the rule book's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Final

from pydantic import ValidationError

from consumers.about import SECRET_GRADES
from schemas.catalogue import Catalogue
from schemas.commands import Collect
from schemas.errors import Refusal
from schemas.intake import IdentityCheck, Listed
from schemas.moments import AHEAD_MS
from schemas.principals import Principal
from schemas.rulebook import RuleBook
from schemas.values import looks_personal
from schemas.working_days import day_of_moment, seconds_of
from store.intakes import Filed

#: The category of what tells who somebody is.
_IDENTITY: Final = "basic.identity"
#: The role of who keeps archives (专人).
CUSTODIAN: Final = "custodian"
#: The role of who keeps secret and top secret records as well (保密档案专人).
KEEPER: Final = "secret_keeper"


def waits(book: RuleBook) -> bool:
    """Whether a new record waits for somebody: otherwise it is archived as soon as it is collected."""
    return bool(book.intake.review_required or book.handover.required or book.approval.archive_creation)


def check_collection(command: Collect, catalogue: Catalogue, book: RuleBook, at_ms: int) -> None:
    """What of intake is decided at the collection already.

    Args:
        at_ms: when the broker took the command, UNIX milliseconds.

    Raises:
        Refusal: DG-INT-004 for an identity check whose time is none, or not past; DG-INT-005 when business begins
            without an assessment (COL-12); where nobody acts later, DG-INT-004 and 009 for what is missing too.
    """
    rules, intake = book.intake, command.intake
    if intake is not None and intake.identity_check is not None:
        check_not_ahead(intake.identity_check, (at_ms + AHEAD_MS) / 1000)
    if rules.assessment_required and intake is not None and intake.opens_business and intake.assessment is None:
        raise Refusal("DG-INT-005")
    if waits(book):
        return
    if rules.identity_check_required and _identifies(command.fields, catalogue):
        check_identity(intake.identity_check if intake else None)
    if rules.custodian_required and (intake is None or intake.custodian is None):
        raise Refusal("DG-INT-009")


def check_review_of(filed: Filed, reviewer: str) -> None:
    """Whether the record may be reviewed by that person now (COL-10).

    Raises:
        Refusal: DG-INT-002 (nothing to review), 003 (who collected or sent it).
    """
    if reviewer in _origin(filed):
        raise Refusal("DG-INT-003", field=filed.id)
    if not reviewable(filed):
        raise Refusal("DG-INT-002", field=filed.id, detail=filed.stage)


def check_versions(filed: Sequence[Filed], versions: Sequence[int]) -> None:
    """Whether records are what somebody saw who reviewed them, or signed for them (COL-10, COL-11).

    Signatures live for weeks: without this they would hold for whatever a record is changed to meanwhile.

    Args:
        versions: that he saw, in the order of the records.

    Raises:
        Refusal: DG-INT-016.
    """
    if len(versions) != len(filed):
        raise Refusal("DG-INT-016", field="versions")
    for each, version in zip(filed, versions, strict=True):
        if each.version != version:
            raise Refusal("DG-INT-016", field=each.id, detail=f"current version {each.version}")


def reviewable(filed: Filed) -> bool:
    """Whether the record waits for a review: newly received, changed since the last, or answered by its sender."""
    if filed.stage == "received":
        return True
    if filed.review is None:
        return filed.stage == "handed_over"  # it was handed over when no review was demanded
    if filed.stage == "returned":
        return answered(filed)
    return filed.stage in ("reviewed", "handed_over") and _changed(filed)


def answered(filed: Filed) -> bool:
    """Whether the sender of a returned record has answered with an update since it was returned (ARR-14)."""
    returned_at = filed.review["version"] if filed.review else 0
    return any(by == filed.sender and version >= returned_at for version, by in filed.revisers.items())


def check_reviewed(filed: Filed, book: RuleBook) -> None:
    """Whether the record, exactly as it is, passed its review (COL-10).

    Raises:
        Refusal: DG-INT-002 (no review passed), 008 (changed since).
    """
    if not book.intake.review_required:
        return
    if filed.review is None or filed.review["result"] != "passed":
        raise Refusal("DG-INT-002", field=filed.id, detail="not reviewed")
    if _changed(filed):
        raise Refusal("DG-INT-008", field=filed.id)


def check_identity_of(filed: Filed, catalogue: Catalogue, book: RuleBook, check: IdentityCheck | None = None) -> None:
    """Whether the identity data of a record was verified (COL-09), by the review or at the collection.

    Args:
        check: that a review brings.

    Raises:
        Refusal: DG-INT-004.
    """
    if not book.intake.identity_check_required or not _identifies(filed.fields, catalogue):
        return
    noted = (filed.review or {}).get("identity_check") or filed.intake.get("identity_check")
    try:
        known = IdentityCheck.model_validate(dict(noted)) if noted else None
    except ValidationError:
        raise Refusal("DG-INT-004", field=filed.id, detail="unreadable") from None
    check_identity(check or known, record=filed.id)


def check_identity(check: IdentityCheck | None, *, record: str | None = None) -> None:
    """Whether an identity check (核对原件; 联网核验) says what it must.

    Raises:
        Refusal: DG-INT-004, saying what is wrong with it.
    """
    if check is None:
        raise Refusal("DG-INT-004", field=record, detail="no check")
    if check.result != "matches":
        raise Refusal("DG-INT-004", field=record, detail=check.result)
    if check.manner == "online":
        raise Refusal("DG-INT-004", field=record, detail="the original was not seen")
    if check.document == "identity_card" and check.manner != "original_and_online":
        raise Refusal("DG-INT-004", field=record, detail="an identity card is checked online too")
    try:
        late = check.expires is not None and date.fromisoformat(check.expires) < day_of_moment(check.at)
    except ValueError:
        raise Refusal("DG-INT-004", field=record, detail="no such time") from None
    if late:
        raise Refusal("DG-INT-004", field=record, detail="the document had expired")


def check_not_ahead(check: IdentityCheck | None, now: float) -> None:
    """A check was made before it was sent, by somebody whose reference is one.

    Args:
        now: UNIX seconds.

    Raises:
        Refusal: DG-INT-004, DG-COL-007.
    """
    if check is None:
        return
    if looks_personal(check.checker):
        raise Refusal("DG-COL-007")
    try:
        day_of_moment(check.at)  # what is compared with the day on which the document expires
        ahead = seconds_of(check.at) > now
    except ValueError:
        ahead = True
    if ahead:
        raise Refusal("DG-INT-004", detail="the time of the check")


def check_listed(filed: Filed, listed: Listed, code: str | None, catalogue: Catalogue, book: RuleBook) -> None:
    """Compare one item of a hand-over's catalogue with the record itself (COL-18).

    Args:
        code: the record's archive code, if it has one.

    Raises:
        Refusal: DG-INT-007, saying what does not agree.
    """
    paper = filed.intake.get("paper")
    for agrees, what in (
        (listed.version == filed.version, "version"),
        (len(set(listed.fields)) == len(listed.fields) and set(listed.fields) == filed.fields, "fields"),
        (all(name in catalogue.fields and catalogue.fields[name].category for name in filed.fields), "category"),
        (listed.code == code, "code"),
        (code is not None or not book.arrange.codes_required, "no code"),
        (listed.papers_checked or paper in (None, "none"), "papers"),
    ):
        if not agrees:
            raise Refusal("DG-INT-007", field=filed.id, detail=what)


def check_custodian(filed: Filed, named: str | None, book: RuleBook, who: Callable[[str], Principal | None]) -> None:
    """Whether the archive has a custodian: a registered, active person who holds the post (专人管理, ARR-18, STO-04).

    Args:
        named: by the hand-over; otherwise the one noted before counts.
        who: looks principals up.

    Raises:
        Refusal: DG-INT-009.
    """
    custodian = named or filed.custodian
    if custodian is None:
        if book.intake.custodian_required:
            raise Refusal("DG-INT-009", field=filed.id)
        return
    grade = filed.intake.get("grade", "none")
    if (named is not None or book.intake.custodian_required) and not keeps(who(custodian), grade):
        raise Refusal("DG-INT-009", field=filed.id, detail=custodian)


def keeps(who: Principal | None, grade: str = "none") -> bool:
    """Whether somebody can be a custodian; of a secret record, only a dedicated keeper can (STO-04)."""
    if who is None or not who.active or who.kind != "person" or CUSTODIAN not in who.roles:
        return False
    return grade not in SECRET_GRADES or KEEPER in who.roles


def check_confirmer(filed: Filed, confirmers: Iterable[str]) -> None:
    """Nobody confirms what he collected or sent himself (COL-11).

    Raises:
        Refusal: DG-INT-010.
    """
    if not _origin(filed).isdisjoint(confirmers):
        raise Refusal("DG-INT-010", field=filed.id)


def _origin(filed: Filed) -> set[str]:
    """Who sent the record, and who collected what it says."""
    return {filed.sender, filed.intake.get("collector") or filed.sender}


def _changed(filed: Filed) -> bool:
    return filed.review is not None and filed.version != filed.review["version"]


def _identifies(names: Iterable[str], catalogue: Catalogue) -> bool:
    categories = (catalogue.fields[name].category for name in names if name in catalogue.fields)
    return any(category == _IDENTITY or category.startswith(f"{_IDENTITY}.") for category in categories)
