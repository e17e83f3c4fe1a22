"""Approvals verified with public keys alone (clauses DES-04, DES-05): when a command is decided, when its certificate
is written, and whenever somebody verifies that certificate.

What stands in the destruction ledger proves nothing by itself: whoever can write to the database can write an entry.
The approvers' signatures are what he cannot write. Other commands that people sign (schemas/approvals.ACTIONS_OF) are
verified here too; who must have signed them is the consumers' to say (consumers/approvals.py).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import ValidationError

from keys.ledger import Approver, Order
from keys.okp import thumbprint
from schemas.approvals import APPROVERS_NEEDED, TYP_APPROVAL, Approval, ApprovalAction, digest_of
from schemas.commands import Destroy
from schemas.destruction import Application
from schemas.errors import Refusal

_ALGORITHM: Final = "Ed25519"  # RFC 9864
#: An approval older than this is stale: circumstances change (seconds).
MAX_AGE: Final = 30 * 24 * 3600
MAX_AHEAD: Final = 300


@dataclass(frozen=True, slots=True)
class Codes:
    """The error codes of one use of approvals."""

    invalid: str
    own: str
    other: str
    stale: str


_DESTROY: Final[tuple[ApprovalAction, ...]] = ("approve-destroy",)
_SIGNED: Final[tuple[ApprovalAction, ...]] = ("approve-destroy", "apply-destroy", "witness-destroy")
_DESTRUCTION: Final = Codes(invalid="DG-DES-002", own="DG-DES-003", other="DG-DES-004", stale="DG-DES-002")
#: Of every other command that people sign.
_OTHERWISE: Final = Codes(invalid="DG-APR-002", own="DG-APR-003", other="DG-APR-004", stale="DG-APR-006")


@dataclass(frozen=True, slots=True)
class Signed:
    """A verified approval: who signed, as what, and when (UNIX seconds)."""

    who: Approver
    action: ApprovalAction
    at: int


def verified(
    approvals: Sequence[str],
    *,
    actions: Collection[ApprovalAction],
    digest: str,
    requester: str | None,
    approver: Callable[[str, int], Approver | None],
    at: float,
    codes: Codes = _OTHERWISE,
) -> tuple[Signed, ...]:
    """Every approval, verified, in the order given; one bad one spoils all.

    Args:
        approvals: compact JWS.
        actions: which actions they may say.
        digest: of the request they must have signed (schemas/approvals.py).
        requester: who made the request, and so cannot approve it; None where the requester is one of the signers.
        approver: who may sign with the key of a key id, and signed at a time (UNIX seconds).
        at: when it is decided, UNIX seconds.
        codes: what a refusal is called.

    Raises:
        Refusal: DG-APR-002 (invalid), 003 (the requester's own), 004 (another request), 006 (too old or ahead).
    """
    found: list[Signed] = []
    for token in approvals:
        who, approval = _verified(token, approver, codes)
        if approval.action not in actions:
            raise Refusal(codes.invalid, detail="action")
        if not at - MAX_AGE <= approval.at <= at + MAX_AHEAD:
            raise Refusal(codes.stale, detail="time")
        if not hmac.compare_digest(approval.digest, digest):
            raise Refusal(codes.other)
        if approval.approver == requester:
            raise Refusal(codes.own)
        found.append(Signed(who, approval.action, approval.at))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Signatories:
    """Who signed a destruction: its approvers by id, and, with an application, its applicant and its witness."""

    approvers: tuple[Approver, ...]
    others: tuple[Approver, ...] = ()


def signatories(
    approvals: Sequence[str],
    *,
    digest: str,
    requester: str,
    approver: Callable[[str, int], Approver | None],
    at: float,
    application: Application | None = None,
) -> Signatories:
    """The distinct people who validly signed a destruction; no one of them in two roles, none its executor.

    Args:
        approvals: compact JWS.
        digest: of the request they must have signed (schemas/approvals.py).
        requester: who sends the request and so carries it out: he cannot sign it.
        approver: who may sign with the key of a key id, and signed at a time (UNIX seconds).
        at: when it is decided, UNIX seconds.
        application: names the applicant and the witness, who sign as such.

    Raises:
        Refusal: DG-DES-001 (too few approvers), 002 (invalid), 003 (the executor's own), 004 (another request), 024
            (one person in two roles), 025 (the applicant's signature is missing), 026 (the witness's).
    """
    signed = verified(
        approvals,
        actions=_DESTROY if application is None else _SIGNED,
        digest=digest,
        requester=requester,
        approver=approver,
        at=at,
        codes=_DESTRUCTION,
    )
    found = {each.who.id: each.who for each in signed if each.action == "approve-destroy"}
    if len(found) < APPROVERS_NEEDED or len({who.x for who in found.values()}) < APPROVERS_NEEDED:
        raise Refusal("DG-DES-001", detail=f"{len(found)} of {APPROVERS_NEEDED}")
    others = () if application is None else _others(signed, application)
    everyone = [*found.values(), *others]
    if len({who.id for who in everyone}) < len(everyone) or len({who.x for who in everyone}) < len(everyone):
        raise Refusal("DG-DES-024")
    return Signatories(tuple(found[name] for name in sorted(found)), others)


def _others(signed: Sequence[Signed], application: Application) -> tuple[Approver, ...]:
    """The applicant and the witness whom the application names: each has signed as what he is, and nobody else has."""
    found: list[Approver] = []
    for action, name, code in (
        ("apply-destroy", application.applicant, "DG-DES-025"),
        ("witness-destroy", application.witness, "DG-DES-026"),
    ):
        by = {each.who.id: each.who for each in signed if each.action == action}
        if by.keys() != ({name} if name is not None else set()):
            raise Refusal(code)
        found += by.values()
    return tuple(found)


def signatories_of(order: Order) -> Signatories:
    """Who signed an order, by the keys that it names.

    Raises:
        Refusal: as :func:`signatories`; DG-DES-004 too when it is not a request that anybody could have approved.
    """
    by_kid = {thumbprint(_ALGORITHM, who.x): who for who in (*order.approvers, *order.others)}
    return signatories(
        order.approvals,
        digest=request_digest(order),
        requester=order.requester,
        approver=lambda kid, _at: by_kid.get(kid),
        at=order.at,
        application=order.application,
    )


def request_digest(order: Order) -> str:
    """The digest of the request that an order carries out.

    Raises:
        Refusal: DG-DES-004 when it is no request.
    """
    members = {
        "id": order.command, "records": order.records, "ground": order.ground, "reason": order.reason,
        "application": order.application,
    }  # fmt: skip
    try:
        request = Destroy.model_validate({"type": "destroy", "approvals": (), **members})
    except ValidationError:
        raise Refusal("DG-DES-004", detail="not a request") from None
    return digest_of(request, order.requester)


def _verified(token: str, approver: Callable[[str, int], Approver | None], codes: Codes) -> tuple[Approver, Approval]:
    try:
        claimed = jws.extract_compact(token.encode())
        header: dict[str, Any] = claimed.headers()
        kid = header.get("kid")
        if not isinstance(kid, str) or header.get("typ") != TYP_APPROVAL:
            raise Refusal(codes.invalid, detail="unknown key or kind")
        approval = Approval.model_validate_json(claimed.payload)
        who = approver(kid, approval.at)
        if who is None or who.id != approval.approver:
            raise Refusal(codes.invalid, detail="signer or key")
        key = OKPKey.import_key(Ed25519PublicKey.from_public_bytes(who.x))
        jws.deserialize_compact(token, key, algorithms=[_ALGORITHM])
    except (JoseError, ValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refusal(codes.invalid, detail="signature or contents") from error
    return who, approval
