"""Approvals counted by distinct verified signatures (clauses DES-04, DES-05)."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import ValidationError

from consumers.authorize import Authorizer
from schemas.approvals import APPROVERS_NEEDED, TYP_APPROVAL, Approval
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Principal, PublicKey

_ALGORITHM = "Ed25519"
#: An approval older than this is stale: circumstances change (seconds).
MAX_AGE = 30 * 24 * 3600
MAX_AHEAD = 300


def approvers(
    approvals: Sequence[str],
    *,
    digest: str,
    requester: str,
    signer: Callable[[str], tuple[str, PublicKey] | None],
    principal: Callable[[str], Principal | None],
    authorizer: Authorizer,
    now: float,
) -> tuple[str, ...]:
    """The distinct principals who validly approved the request, sorted.

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
    found: set[str] = set()
    for token in approvals:
        approval = _verified(token, signer, now)
        if not hmac.compare_digest(approval.digest, digest):
            raise Refusal("DG-DES-004")
        if approval.approver == requester:
            raise Refusal("DG-DES-003")
        who = principal(approval.approver)
        if who is None or not authorizer.allows(who, "approve-destroy", Level.BASIC, "destruction"):
            raise Refusal("DG-DES-002", detail="not an approver")
        found.add(approval.approver)
    if len(found) < APPROVERS_NEEDED:
        raise Refusal("DG-DES-001", detail=f"{len(found)} of {APPROVERS_NEEDED}")
    return tuple(sorted(found))


def named_approvers(approvals: Sequence[str]) -> tuple[str, ...]:
    """Who approved, by approvals that were verified before: those of a ledger entry."""
    claims = (Approval.model_validate_json(jws.extract_compact(token.encode()).payload) for token in approvals)
    return tuple(sorted({approval.approver for approval in claims}))


def _verified(token: str, signer: Callable[[str], tuple[str, PublicKey] | None], now: float) -> Approval:
    try:
        header: dict[str, Any] = jws.extract_compact(token.encode()).headers()
        kid = header.get("kid")
        known = signer(kid) if isinstance(kid, str) and header.get("typ") == TYP_APPROVAL else None
        if known is None:
            raise Refusal("DG-DES-002", detail="unknown key or kind")
        approver, key = known
        signed = jws.deserialize_compact(token, _public(key), algorithms=[_ALGORITHM])
        approval = Approval.model_validate_json(signed.payload)
    except (JoseError, ValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refusal("DG-DES-002", detail="signature or contents") from error
    timely = now - MAX_AGE <= approval.at <= now + MAX_AHEAD
    if approval.approver != approver or not key.valid_at(approval.at) or not key.valid_at(now) or not timely:
        raise Refusal("DG-DES-002", detail="signer, key or time")
    return approval


def _public(key: PublicKey) -> OKPKey:
    return OKPKey.import_key(Ed25519PublicKey.from_public_bytes(key.x))
