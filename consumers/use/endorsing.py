"""One more signature under an application: an opinion, an approval or a rejection (审核、审批; clause USE-03). Pure.

    applied -> endorsed -> granted          by the posts in their order, each another person, none the applicant
       '--------'--------> rejected         by any of the posts, with a reason

Every wrong signature has a code of its own, DG-USE-030 to 042.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from consumers.about import About
from consumers.approvals import Registered
from consumers.received import Received
from consumers.rules import Rules
from consumers.use.applying import check_records, within_scope
from consumers.use.genuine import check_whole
from consumers.use.scope import covers
from consumers.use.signatures import StepCodes, step_before, verified_one
from keys.approvals import Codes, Signed
from schemas.approvals import ApprovalAction
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Principal
from schemas.use import Endorse
from schemas.values import looks_personal
from store.applications import OPEN, Application, Step
from store.record import Record

_ACTIONS: Final[tuple[ApprovalAction, ...]] = ("approve-use", "reject-use", "opine")
_CODES: Final = StepCodes(
    Codes(invalid="DG-USE-030", own="DG-USE-033", other="DG-USE-034", stale="DG-USE-035"),
    expired="DG-USE-031",
    revoked="DG-USE-032",
    again="DG-USE-042",
)
#: Who may give an opinion besides the posts that sign: the archive department.
_ARCHIVE: Final = frozenset({"archivist", "custodian"})
_MAX_OPINIONS: Final = 16
_OPINIONS_EACH: Final = 3


@dataclass(frozen=True, slots=True)
class Endorsed:
    """What becomes of an application.

    Attributes:
        step: the signature.
        again: whether this very command had counted before, so that nothing changes.
    """

    application: Application
    step: Step
    again: bool = False

    @property
    def gives(self) -> bool:
        """Whether this signature is the one that the grant waited for."""
        approved = self.application.approved
        complete = self.application.next_post is None and self.application.sign_by is None
        return complete and bool(approved) and approved[-1] == self.step

    @property
    def recalls(self) -> bool:
        """Whether it takes back the grant of an emergency."""
        return self.step.action == "reject-use" and self.application.sign_by is not None


def decide_endorse(
    received: Received[Endorse],
    application: Application | None,
    found: Mapping[str, Record],
    directory: Registered,
    rules: Rules,
    now: float,
) -> Endorsed:
    """Count one signature under an application.

    Args:
        application: the one it names, if there is one.
        found: the live records that the application names.
        now: UNIX seconds.

    Raises:
        Refusal: DG-CMD-001, DG-COL-007, DG-USE-012, 022, 023, 030 to 046.
    """
    command = received.command
    if looks_personal(command.reason or ""):
        raise Refusal("DG-COL-007", field="reason")
    if application is None:
        raise Refusal("DG-USE-022", field="application")
    if len(command.approvals) != 1:
        raise Refusal("DG-USE-040", field="approvals")
    token = command.approvals[0]
    before = step_before(application.steps, command.id, received.sender.id, token, _CODES)
    if before is not None:
        check_whole(application, directory)  # the grant may have to be made still
        return Endorsed(application, before, again=True)
    signed = verified_one(
        token,
        actions=_ACTIONS,
        digest=application.digest,
        requester=application.applicant,
        directory=directory,
        now=now,
        codes=_CODES,
    )
    if signed.action != "approve-use" and received.sender.id != signed.who.id:
        raise Refusal("DG-USE-045", detail=signed.who.id)  # the reason is not signed: it is the sender's word
    who = directory.principal(signed.who.id)
    if who is None or not rules.authorizer.allows(who, signed.action, Level.BASIC, "use"):
        raise Refusal("DG-USE-037", detail=signed.who.id)
    if signed.action != "approve-use" and not (command.reason or "").strip():
        raise Refusal("DG-USE-041", field="reason")
    _check_open(application, now)
    if signed.action == "approve-use":
        check_whole(application, directory)
        applicant = directory.principal(application.applicant)
        if applicant is None:
            raise Refusal("DG-USE-044", detail=application.applicant)
        check_records(application, found, applicant, rules)
    step = Step(
        action=signed.action,
        by=who.id,
        x=signed.who.x,
        post=_post(signed, who, application, within_scope(application, found), rules),
        at=signed.at,
        token=token,
        command=command.id,
        sender=received.sender.id,
        reason=command.reason,
    )
    return Endorsed(_with(application, step), step)


def _check_open(application: Application, now: float) -> None:
    """An emergency is signed after its grant, also when that is over; anything else before its period ends."""
    if application.rejected:
        raise Refusal("DG-USE-023", detail="rejected")
    if application.sign_by is not None:
        waits = application.next_post is not None and application.state not in ("rejected", "withdrawn")
        if not waits or now >= application.sign_by:
            raise Refusal("DG-USE-023", detail=application.state)
    elif application.state not in OPEN or now >= application.not_after:
        raise Refusal("DG-USE-023", detail="expired" if application.state in OPEN else application.state)


def _post(signed: Signed, who: Principal, application: Application, concerned: list[About], rules: Rules) -> str:
    """The post that a signature stands for; empty for what is not counted."""
    concerns = who.roles & {*application.posts}
    if signed.action == "opine":
        if not concerns | (who.roles & _ARCHIVE):
            raise Refusal("DG-USE-037", detail=who.id)
        opinions = [step.by for step in application.steps if step.action == "opine"]
        if len(opinions) >= _MAX_OPINIONS or opinions.count(who.id) >= _OPINIONS_EACH:
            raise Refusal("DG-USE-043")
        return ""
    if any(who.id == step.by or signed.who.x == step.x for step in application.approved):
        raise Refusal("DG-USE-036", detail=who.id)
    if not concerns:
        raise Refusal("DG-USE-037", detail=who.id)
    post = application.next_post or ""
    if signed.action == "approve-use":
        if post not in who.roles:
            raise Refusal("DG-USE-038", detail=post)
        if application.approved and signed.at < application.approved[-1].at:
            raise Refusal("DG-USE-038", detail=post)
    _check_scope(who, concerns if signed.action == "reject-use" else {post}, application, concerned, rules)
    return post if signed.action == "approve-use" else ""


def _check_scope(
    who: Principal, posts: frozenset[str] | set[str], application: Application, concerned: list[About], rules: Rules
) -> None:
    """Posts of a department sign for their own; who has a scope signs for what is within it (clause USE-04)."""
    of_department = posts <= {*rules.book.use.department_posts}
    if of_department and who.department != application.signing_department:
        raise Refusal("DG-USE-039", detail=who.id)
    bounds = [pair for pair in who.scope if pair[0] != "grade"]  # a grade is a permission, not a bound (STO-04)
    if bounds and not all(covers(bounds, each) for each in concerned):
        raise Refusal("DG-USE-039", detail=who.id)


def _with(application: Application, step: Step) -> Application:
    changed = replace(application, steps=(*application.steps, step))
    if step.action == "reject-use":
        return replace(changed, state="rejected")
    if step.action == "opine" or application.sign_by is not None:
        return changed
    return replace(changed, state="granted" if changed.next_post is None else "endorsed")
