"""Who of the registered principals may approve, and did (clauses DES-04, DES-05)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keys.approvals
from consumers.authorize import Authorizer
from keys.ledger import Approver
from schemas.levels import Level
from schemas.principals import Principal, PublicKey


def approvers(
    approvals: Sequence[str],
    *,
    digest: str,
    requester: str,
    signer: Callable[[str], tuple[str, PublicKey] | None],
    principal: Callable[[str], Principal | None],
    authorizer: Authorizer,
    now: float,
) -> tuple[Approver, ...]:
    """The distinct principals who validly approved the request, by id, with the keys they signed with.

    Args:
        approvals: compact JWS.
        digest: of the request they must have signed (schemas/approvals.py).
        requester: who made the request, and so cannot approve it.
        signer: principal id and key registered under a key id.
        principal: looks a principal up by id.
        authorizer: says who may approve.
        now: UNIX seconds.

    Raises:
        Refusal: DG-DES-001 (too few), 002 (invalid), 003 (the requester's own), 004 (another request).
    """

    def approver(kid: str, at: int) -> Approver | None:
        known = signer(kid)
        if known is None or not known[1].valid_at(at) or not known[1].valid_at(now):
            return None
        who = principal(known[0])
        if who is None or not authorizer.allows(who, "approve-destroy", Level.BASIC, "destruction"):
            return None
        return Approver(who.id, known[1].x)

    return keys.approvals.approvers(approvals, digest=digest, requester=requester, approver=approver, at=now)
