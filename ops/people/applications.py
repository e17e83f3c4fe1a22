"""Permissions by application and approval (权限申请、审批、变更, clause SEC-04): drawn up, approved, carried out.

An administrator draws the application up and carries it out; the posts of setting ``people.approval`` sign it in
between. The signatures are kept with what was signed, so that an auditor can verify them later.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from keys import approvals
from keys.ledger import Approver
from ops.audited import Desk
from ops.people.believed import believed, everyone, refuse_unsigned
from ops.people.permissions import check, in_office, is_change, posts_for
from ops.people.registration import enter, new_keys, with_key
from ops.public_keys import PublicKeys
from ops.references import refuse_personal
from schemas.approvals import digest_of
from schemas.errors import DanganError
from schemas.locales import DEFAULT
from schemas.principals import Principal
from schemas.rule_tables.people import People
from schemas.staff import NewKeys, PermissionChange, StaffDocument
from store.people import Held, PeopleDocuments
from store.principals import Principals

#: What a refused signature on a document about people is called.
CODES: Final = approvals.Codes(invalid="DG-SEC-002", own="DG-SEC-003", other="DG-SEC-004", stale="DG-SEC-006")


def keys_of(public: PublicKeys) -> NewKeys:
    """Public keys as an application holds them."""
    return NewKeys(signing=_encode(public.signing), receiving=_encode(public.receiving))


def public_of(principal: str, keys: NewKeys) -> PublicKeys:
    """The public keys that an application holds."""
    return PublicKeys(principal, _decode(keys.signing), _decode(keys.receiving))


async def carry_out(
    desk: Desk, change: PermissionChange, tokens: Collection[str], people: People, *, now: int
) -> Principal:
    """Register what an approved application says.

    Args:
        desk: of the administrator to whom the signatures were given: nobody else's act was approved.
        change: the application.
        tokens: the signatures, compact JWS.
        people: what the organisation demands.
        now: UNIX seconds.

    Raises:
        DanganError: DG-SEC-001 to 007 for the approval; DG-SEC-019 when the registration has changed since; DG-SEC-014
            when who changes post has not handed over; DG-SEC-013 when the registration, or that of a signer, does not
            carry the archive's signature; those of ops.people.registration.enter; DG-OPS-036, 037.
    """
    refuse_personal(principal=change.principal)
    principals = Principals(desk.database)
    known, version = await believed(desk, change.principal, people)
    approvers = await _approved(desk, change, tokens, people, now)
    if version != change.from_version:
        if known is not None and await _is_done(desk, change, known):
            return known
        raise DanganError("DG-SEC-019", field=change.principal)
    wanted = await _wanted(principals, change, known, now)
    check(wanted, people, now)
    await _refuse_holders(desk, known, wanted, people, now)
    await PeopleDocuments(desk.database).put(change.id, kept(change, desk.operator, tokens, now))
    return await enter(desk, wanted, known, version, people, now=now, approvers=approvers)


async def _approved(
    desk: Desk, change: PermissionChange, tokens: Collection[str], people: People, now: int
) -> tuple[str, ...]:
    """Who approved it: for each post another person, neither the administrator nor the one concerned."""
    known = {name: each.principal for name, each in (await everyone(desk, people)).items()}
    signed = verified(desk, change, tokens, known, ("approve-permission",), now)
    if not people.approval:
        return tuple(each.who.id for each in signed)
    if not signed:
        raise DanganError("DG-SEC-001", field=change.principal, detail=", ".join(people.approval))
    posts = posts_for(as_applied_for(change), known.values(), people, now)
    for each in signed:
        who = known[each.who.id]
        if who.id == change.principal:
            raise DanganError("DG-SEC-003", field=who.id)
        if not in_office(who, people, now) or not any(who.roles & post for post in posts):
            raise DanganError("DG-SEC-005", field=who.id)
    chosen = _fill([known[each.who.id] for each in signed], posts)
    if chosen is None:
        raise DanganError("DG-SEC-007", detail=", ".join("/".join(sorted(post)) for post in posts))
    return chosen


def _fill(signers: Collection[Principal], posts: Collection[frozenset[str]]) -> tuple[str, ...] | None:
    """For each post a signer of its own, or None where there is no such way; posts and signers are few."""
    if not posts:
        return ()
    post, *others = posts
    for one in signers:
        if post & one.roles:
            rest = _fill([other for other in signers if other.id != one.id], others)
            if rest is not None:
                return (one.id, *rest)
    return None


def verified(
    desk: Desk,
    document: StaffDocument,
    tokens: Collection[str],
    known: Mapping[str, Principal],
    actions: Collection[str],
    now: int,
) -> tuple[approvals.Signed, ...]:
    """The signatures over a document, each by a key that was good when it signed and is good now.

    Args:
        desk: of who carries it out.
        document: what must have been signed.
        tokens: compact JWS.
        known: the registrations by id, from ops.people.believed.everyone.
        actions: which actions the signatures may say.
        now: UNIX seconds.

    Raises:
        DanganError: DG-SEC-002 (invalid), 003 (by who carries it out), 004 (another document), 006 (too old), 013 (the
            signer's registration does not carry the archive's signature).
    """
    by_kid = {key.kid: (one, key) for one in known.values() for key in one.signing_keys}

    def approver(kid: str, at: int) -> Approver | None:
        if kid not in by_kid:
            return None
        one, key = by_kid[kid]
        refuse_unsigned(one)
        return Approver(one.id, key.x) if key.valid_at(at) and key.valid_at(now) and one.active else None

    return approvals.verified(
        list(tokens),
        actions=actions,  # type: ignore[arg-type]  # compared as text only
        digest=digest_of(document, desk.operator),
        requester=desk.operator,
        approver=approver,
        at=now,
        codes=CODES,
    )


def as_applied_for(change: PermissionChange) -> Principal:
    """The principal that an application describes, without its keys."""
    return Principal(
        id=change.principal,
        kind=change.kind,
        roles=frozenset(change.roles),
        department=change.department,
        clearance=change.clearance,
        signing_keys=(),
        receiving_keys=(),
        locale=change.locale or DEFAULT,
        scope=frozenset(change.scope),
        agreement=change.agreement,
        agreement_until=change.agreement_until,
    )


async def _wanted(principals: Principals, change: PermissionChange, known: Principal | None, now: int) -> Principal:
    signing_keys = known.signing_keys if known else ()
    receiving_keys = known.receiving_keys if known else ()
    if change.keys is not None:
        public = public_of(change.principal, change.keys)
        signing, receiving = await new_keys(principals, public, now, change.days)
        signing_keys, receiving_keys = with_key(signing_keys, signing), with_key(receiving_keys, receiving)
    if not signing_keys:
        raise DanganError("DG-SEC-018", field="keys")
    said = as_applied_for(change)
    locale = change.locale or (known.locale if known else DEFAULT)
    return replace(said, signing_keys=signing_keys, receiving_keys=receiving_keys, locale=locale)


async def _refuse_holders(desk: Desk, known: Principal | None, wanted: Principal, people: People, now: int) -> None:
    """Who changes post hands over in full first (离岗, clause SEC-14)."""
    if known is None or not people.handover_required or not is_change(known, wanted):
        return
    if known.department == wanted.department and known.roles <= wanted.roles:
        return
    held = await Held.of(desk.database, known.id, now)
    if held.records or held.grants:
        raise DanganError("DG-SEC-014", field=known.id, detail=held.counts())


async def _is_done(desk: Desk, change: PermissionChange, known: Principal) -> bool:
    """Whether just this application was carried out already, and stands: the same again changes nothing."""
    standing = await PeopleDocuments(desk.database).get(change.id)
    if standing is None or standing["document"] != change.model_dump(mode="json"):
        return False
    return not is_change(known, as_applied_for(change))


def kept(change: StaffDocument, operator: str, tokens: Collection[str], now: int) -> dict[str, object]:
    """A document with its signatures, as it is kept."""
    return {
        "principal": change.principal,
        "document": change.model_dump(mode="json"),
        "by": operator,
        "approvals": list(tokens),
        "at": now,
    }


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=")
