"""Who of the registered principals may approve, and did.

A destruction is signed by its approvers, and with an application by its applicant and its witness (clauses DES-04 to
DES-06): :func:`destruction_signed_by`. Other commands are signed by named posts (岗位), each by another person (clauses
COL-11, COL-18, ARR-13, UPD-02): :func:`signers` where all posts sign the same action, :func:`signed_by` where they do
not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

import keys.approvals
from consumers.authorize import Authorizer
from keys.approvals import Signatories, Signed
from keys.ledger import Approver
from schemas.approvals import ApprovalAction, digest_of
from schemas.commands import Approved, Destroy
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Principal, PublicKey


class Registered(Protocol):
    """Who is registered (consumers/directory.py)."""

    def principal(self, principal: str, /) -> Principal | None:
        """The principal of that id."""

    def signer(self, kid: str, /) -> tuple[str, PublicKey] | None:
        """The principal id and signing key registered under a key id."""


def destruction_signed_by(
    command: Destroy, *, requester: str, directory: Registered, authorizer: Authorizer, now: float
) -> Signatories:
    """Who validly signed a destruction: its approvers, and with an application its applicant and its witness.

    Args:
        command: with its approvals.
        requester: its sender, who carries it out and so cannot sign it.
        directory: who is registered.
        authorizer: says who may sign what.
        now: UNIX seconds.

    Raises:
        Refusal: DG-DES-001 to 004, 024 to 026 (keys/approvals.signatories).
    """

    def signer(kid: str, at: int) -> Approver | None:
        known = directory.signer(kid)
        if known is None or not known[1].valid_at(at) or not known[1].valid_at(now):
            return None
        who = directory.principal(known[0])
        if who is None or not any(authorizer.allows(who, each, Level.BASIC, "destruction") for each in _DESTRUCTION):
            return None
        return Approver(who.id, known[1].x)

    signed = keys.approvals.signatories(
        command.approvals,
        digest=digest_of(command, requester),
        requester=requester,
        approver=signer,
        at=now,
        application=command.application,
    )
    for who in signed.approvers:
        known = directory.principal(who.id)
        if known is None or not authorizer.allows(known, "approve-destroy", Level.BASIC, "destruction"):
            raise Refusal("DG-DES-002", detail="signer or key")
    return signed


_DESTRUCTION: Final[tuple[ApprovalAction, ...]] = ("approve-destroy", "apply-destroy", "witness-destroy")


@dataclass(frozen=True, slots=True)
class Post:
    """A signature that a command needs: the action that is signed, by somebody with that role."""

    action: ApprovalAction
    role: str


def signers(
    command: Approved,
    *,
    action: ApprovalAction,
    requester: str,
    posts: Sequence[str],
    directory: Registered,
    authorizer: Authorizer,
    now: float,
) -> tuple[Approver, ...]:
    """Who signed a command for each of the posts, in the posts' order; each is another person, none the requester.

    Args:
        command: with its approvals.
        action: what they must have signed (schemas/approvals.ACTIONS_OF).
        requester: the command's sender.
        posts: roles, in the order in which they must act; none: nobody has to sign.
        directory: who is registered.
        authorizer: says who may sign at all.
        now: UNIX seconds.

    Raises:
        Refusal: as :func:`signed_by`.
    """
    needed = tuple(Post(action, role) for role in posts)
    return signed_by(
        command, needed, requester=requester, directory=directory, authorizer=authorizer, now=now, actions=(action,)
    )


def signed_by(
    command: Approved,
    posts: Sequence[Post],
    *,
    requester: str,
    directory: Registered,
    authorizer: Authorizer,
    now: float,
    actions: Sequence[ApprovalAction] = (),
    requester_signs: bool = False,
) -> tuple[Approver, ...]:
    """As :func:`signers`, where each post may sign an action of its own.

    Args:
        posts: in the order in which they must act.
        actions: those that may be signed besides the posts' own.
        requester_signs: whether the requester may be one of the signers.

    Raises:
        Refusal: DG-APR-001 (a post's signature is missing), 002 (invalid), 003 (the requester's own), 004 (another
            request), 005 (the signer holds none of the posts), 006 (too old or ahead), 007 (not in the posts' order).
    """

    def registered(kid: str, at: int) -> Approver | None:
        known = directory.signer(kid)
        if known is None or not known[1].valid_at(at) or not known[1].valid_at(now):
            return None
        return Approver(known[0], known[1].x)

    signed = keys.approvals.verified(
        command.approvals,
        actions={*actions, *(post.action for post in posts)},
        digest=digest_of(command, requester),
        requester=None if requester_signs else requester,
        approver=registered,
        at=now,
    )
    for each in signed:
        who = directory.principal(each.who.id)
        if who is None or not authorizer.allows(who, each.action, Level.BASIC, "approval"):
            raise Refusal("DG-APR-005", detail=each.who.id)
        if posts and not any(_fills(each, post, directory) for post in posts):
            raise Refusal("DG-APR-005", detail=each.who.id)
    ways = list(_ways(signed, tuple(posts), directory))
    if not ways:
        detail = f"{len({each.who.id for each in signed})} of {', '.join(post.role for post in posts)}"
        raise Refusal("DG-APR-001", detail=detail)
    for way in ways:
        if all(one.at <= after.at for one, after in pairwise(way)):
            return tuple(each.who for each in way)
    raise Refusal("DG-APR-007", detail=", ".join(post.role for post in posts))


def _fills(signed: Signed, post: Post, directory: Registered) -> bool:
    who = directory.principal(signed.who.id)
    return signed.action == post.action and who is not None and post.role in who.roles


def _ways(
    signed: Sequence[Signed], posts: tuple[Post, ...], directory: Registered, chosen: tuple[Signed, ...] = ()
) -> Iterator[tuple[Signed, ...]]:
    """Every way to give each post a signer of its own. There are at most eight signatures and a few posts."""
    if len(chosen) == len(posts):
        yield chosen
        return
    for each in signed:
        known = any(each.who.id == other.who.id or each.who.x == other.who.x for other in chosen)
        if not known and _fills(each, posts[len(chosen)], directory):
            yield from _ways(signed, posts, directory, (*chosen, each))
