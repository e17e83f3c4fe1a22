"""One signature at a time under an application of any kind: verified, and counted once. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import keys.approvals
from consumers.approvals import Registered
from keys.approvals import Codes, Signed
from keys.ledger import Approver
from keys.okp import thumbprint
from schemas.approvals import ApprovalAction
from schemas.errors import Refusal
from store.applications import Step


@dataclass(frozen=True, slots=True)
class StepCodes:
    """The error codes of one kind of application.

    Attributes:
        wrong: of what the signature itself can be.
        expired, revoked: of the signer's key.
        again: the same signature by another command.
    """

    wrong: Codes
    expired: str
    revoked: str
    again: str


def verified_again(step: Step, digest: str, directory: Registered) -> bool:
    """Whether a step that was kept is a signature over that digest, with a key that is registered for its signer.

    The key may have expired or been revoked since: it was looked at when the step was counted.
    """
    who = directory.principal(step.by)
    if who is None or all(key.x != step.x for key in who.signing_keys):
        return False
    kid = thumbprint("Ed25519", step.x)
    signer = Approver(step.by, step.x)
    try:
        keys.approvals.verified(
            [step.token],
            actions=[step.action],
            digest=digest,
            requester=None,
            approver=lambda named, _at: signer if named == kid else None,
            at=step.at,
        )
    except Refusal:
        return False
    return True


def step_before(steps: Iterable[Step], command: str, sender: str, token: str, codes: StepCodes) -> Step | None:
    """The step that this very command made, if it counted before.

    Raises:
        Refusal: DG-CMD-001 when its id is taken, ``codes.again`` when the signature counted already.
    """
    for step in steps:
        same = (step.command, step.sender) == (command, sender)
        if same and step.token == token:
            return step
        if same:
            raise Refusal("DG-CMD-001")
        if step.token == token:
            raise Refusal(codes.again)
    return None


def verified_one(
    token: str,
    *,
    actions: Collection[ApprovalAction],
    digest: str,
    requester: str,
    directory: Registered,
    now: float,
    codes: StepCodes,
) -> Signed:
    """One signature over an application, by a key that is registered and good now.

    Args:
        token: compact JWS.
        actions: what may be signed.
        digest: of the application (schemas/approvals.py).
        requester: who applies, and so cannot sign.
        directory: who is registered.
        now: UNIX seconds.
        codes: what a refusal is called.

    Raises:
        Refusal: one of ``codes``.
    """

    def registered(kid: str, at: int) -> Approver | None:
        known = directory.signer(kid)
        if known is None:
            return None
        key = known[1]
        if key.revoked_at is not None and now >= key.revoked_at:
            raise Refusal(codes.revoked, detail=known[0])
        if not key.valid_at(at) or not key.valid_at(now):
            raise Refusal(codes.expired, detail=known[0])
        return Approver(known[0], key.x)

    (signed,) = keys.approvals.verified(
        [token], actions=actions, digest=digest, requester=requester, approver=registered, at=now, codes=codes.wrong
    )
    return signed
