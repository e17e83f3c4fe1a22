"""One more signature under an application to share: an opinion, an approval, a rejection (SHR-02, SHR-03). Pure.

applied -> endorsed -> approved         first the departments asked, then the posts, each another person
   '--------'--------> rejected         by any of the posts, with a reason
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from consumers.approvals import Registered
from consumers.received import Received
from consumers.rules import Rules
from consumers.use.signatures import StepCodes, step_before, verified_one
from keys.approvals import Codes, Signed
from schemas.approvals import ApprovalAction
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Principal
from schemas.sharing import EndorseShare
from schemas.values import looks_personal
from store.applications import Step
from store.shares import OPEN, Shared

_ACTIONS: Final[tuple[ApprovalAction, ...]] = ("approve-share", "reject-share", "opine")
_CODES: Final = StepCodes(
    Codes(invalid="DG-SHR-031", own="DG-SHR-034", other="DG-SHR-035", stale="DG-SHR-036"),
    expired="DG-SHR-032",
    revoked="DG-SHR-033",
    again="DG-SHR-042",
)
_MAX_OPINIONS: Final = 32


@dataclass(frozen=True, slots=True)
class Endorsed:
    """What becomes of a share: with its new step, or as it was when this very command had counted before."""

    share: Shared
    step: Step
    again: bool = False


def decide_endorse(
    received: Received[EndorseShare], share: Shared | None, directory: Registered, rules: Rules, now: float
) -> Endorsed:
    """Count one signature under a share.

    Args:
        share: the one it names, if there is one.
        now: UNIX seconds.

    Raises:
        Refusal: DG-CMD-001, DG-COL-007, DG-SHR-030 to 043, 050, 051.
    """
    command = received.command
    if looks_personal(command.reason or ""):
        raise Refusal("DG-COL-007", field="reason")
    if share is None:
        raise Refusal("DG-SHR-050", field="share")
    if len(command.approvals) != 1:
        raise Refusal("DG-SHR-040", field="approvals")
    token = command.approvals[0]
    before = step_before(share.steps, command.id, received.sender.id, token, _CODES)
    if before is not None:
        return Endorsed(share, before, again=True)
    signed = verified_one(
        token,
        actions=_ACTIONS,
        digest=share.digest,
        requester=share.applicant,
        directory=directory,
        now=now,
        codes=_CODES,
    )
    who = directory.principal(signed.who.id)
    if who is None or not rules.authorizer.allows(who, signed.action, Level.BASIC, "share"):
        raise Refusal("DG-SHR-038", detail=signed.who.id)
    if signed.action != "approve-share" and not (command.reason or "").strip():
        raise Refusal("DG-SHR-041", field="reason")
    if share.rejected:
        raise Refusal("DG-SHR-051", detail="rejected")
    if share.state not in OPEN or now >= share.until:
        raise Refusal("DG-SHR-051", detail="expired" if share.state in OPEN else share.state)
    step = Step(
        action=signed.action,
        by=who.id,
        x=signed.who.x,
        post=_post(signed, who, share),
        at=signed.at,
        token=token,
        command=command.id,
        sender=received.sender.id,
        reason=command.reason,
    )
    return Endorsed(_with(share, step), step)


def approval_holds(step: Step, digest: str, applicant: str, directory: Registered) -> Principal:
    """Who made an approval, verified as of the time of its making, whatever the store says of it.

    Raises:
        Refusal: DG-SHR-031 to 038.
    """
    signed = verified_one(
        step.token,
        actions=_ACTIONS[:1],
        digest=digest,
        requester=applicant,
        directory=directory,
        now=step.at,
        codes=_CODES,
    )
    who = directory.principal(signed.who.id)
    if who is None or (who.id, signed.who.x, signed.at) != (step.by, step.x, step.at):
        raise Refusal("DG-SHR-031", detail="signer or key")
    return who


def _post(signed: Signed, who: Principal, share: Shared) -> str:
    """What a signature stands for: of an opinion the department, of an approval the post."""
    if signed.action == "opine":
        if who.department not in share.request["ask"] and who.roles.isdisjoint(share.posts):
            raise Refusal("DG-SHR-038", detail=who.id)
        if sum(step.action == "opine" for step in share.steps) >= _MAX_OPINIONS:
            raise Refusal("DG-SHR-043")
        return who.department
    if who.roles.isdisjoint(share.posts):
        raise Refusal("DG-SHR-038", detail=who.id)
    if signed.action == "reject-share":
        return ""
    if any(who.id == step.by or signed.who.x == step.x for step in share.approved):
        raise Refusal("DG-SHR-037", detail=who.id)
    if share.missing:
        raise Refusal("DG-SHR-030", detail=share.missing[0])
    post = share.next_post or ""
    late = bool(share.approved) and signed.at < share.approved[-1].at
    if post not in who.roles or late:
        raise Refusal("DG-SHR-039", detail=post)
    return post


def _with(share: Shared, step: Step) -> Shared:
    changed = replace(share, steps=(*share.steps, step))
    if step.action == "reject-share":
        return replace(changed, state="rejected")
    if step.action == "opine":
        return changed
    return replace(changed, state="approved" if changed.next_post is None else "endorsed")
