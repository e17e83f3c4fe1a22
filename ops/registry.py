"""Registering principals, grants and holds: the acts behind ``dangan admin``.

Every reference is looked at before the event is made: an event stays for good, and stands in clear.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from ops.audited import Desk, stored_digest
from ops.operators import ADMINISTRATOR
from ops.public_keys import PublicKeys
from schemas.audit import Verb
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.locales import DEFAULT, Locale
from schemas.principals import Grant, Principal, PublicKey
from schemas.values import looks_personal
from schemas.wire import PRINCIPAL
from store.holds import Hold, Holds, hold_document, place
from store.principals import Grants, Principals, grant_document, principal_document

_ATTEMPTS = 10


async def register(
    desk: Desk,
    keys: PublicKeys,
    *,
    roles: Collection[str],
    department: str,
    clearance: Level,
    person: bool,
    now: int,
    days: int = 365,
    bootstrap: bool = False,
    locale: Locale | None = None,
) -> Principal:
    """Register a principal, or add keys and replace roles of a registered one.

    Args:
        desk: the operator's.
        keys: id and public keys.
        roles: the roles, all of them.
        department: the department.
        clearance: the highest level it may read or change.
        person: whether it is a person, otherwise a system.
        now: UNIX seconds.
        days: for how many days the keys are valid.
        bootstrap: whether nobody stands behind this, since it is the first administrator of all.
        locale: the language it is answered in; by default the one that is registered, or English.

    Raises:
        DanganError: DG-OPS-036 for an id or role that is no opaque reference; DG-OPS-032 when an administrator is
            given a business role, or would be one no more; DG-OPS-037 for a key that is revoked or that another
            principal has; DG-OPS-039 when the registration changed meanwhile.
    """
    refuse_personal(principal=keys.principal)
    for role in roles:
        refuse_personal(role=role)
    if ADMINISTRATOR in roles and len(set(roles)) > 1:
        raise DanganError("DG-OPS-032", detail=", ".join(sorted(roles)))
    principals = Principals(desk.database)
    known, version = await principals.versioned(keys.principal)
    if known is not None and ADMINISTRATOR in known.roles and ADMINISTRATOR not in roles:
        raise DanganError("DG-OPS-032", detail="an administrator stays one, or is deactivated")
    signing, receiving = keys.valid(now - 300, now + days * 86400)
    refuse_known_keys(
        keys.principal, {signing.kid, receiving.kid}, await principals.with_keys([signing.kid, receiving.kid])
    )
    principal = Principal(
        id=keys.principal,
        kind="person" if person else "system",
        roles=frozenset(roles),
        department=department,
        clearance=clearance,
        signing_keys=_with(known.signing_keys if known else (), signing),
        receiving_keys=_with(known.receiving_keys if known else (), receiving),
        locale=locale or (known.locale if known else DEFAULT),
    )
    verb: Verb = (
        "bootstrap" if bootstrap else "register" if known is None else "renew" if known.active else "reactivate"
    )
    digest = stored_digest(principal_document(principal, version + 1))
    await desk.record("principal", verb=verb, record=principal.id, roles=tuple(sorted(principal.roles)), digest=digest)
    if not await principals.put(principal, if_version=version):
        raise DanganError("DG-OPS-039", detail=principal.id)
    return principal


def _verb(known: Principal | None) -> Verb:
    if known is None:
        return "register"
    return "renew" if known.active else "reactivate"


def refuse_known_keys(principal: str, kids: Collection[str], owners: Iterable[Principal]) -> None:
    """Refuse a key that was revoked, wherever, or that is registered under another principal.

    A stolen key that was revoked would come back to life by being registered again; a key of two principals would
    let one sign in the other's name. A principal's own good key may be registered again: that renews it.

    Args:
        principal: who is being registered.
        kids: the key ids of the registration.
        owners: the principals under which any of them is registered already.

    Raises:
        DanganError: DG-OPS-037.
    """
    for owner in owners:
        for key in (*owner.signing_keys, *owner.receiving_keys):
            if key.kid in kids and (owner.id != principal or key.revoked_at is not None):
                raise DanganError("DG-OPS-037", field=key.kid)


async def deactivate(desk: Desk, principal: str, *, now: int) -> None:
    """Let a principal do nothing any more, and revoke its keys.

    Raises:
        DanganError: DG-OPS-031 when there is none; DG-OPS-039 when its registration keeps changing.
    """
    refuse_personal(principal=principal)
    principals = Principals(desk.database)
    if await principals.get(principal) is None:
        raise DanganError("DG-OPS-031", detail=principal)
    await desk.record("principal", verb="deactivate", record=principal)
    for _ in range(_ATTEMPTS):  # a registration made meanwhile must not keep this one from happening
        known, version = await principals.versioned(principal)
        if known is None:
            raise DanganError("DG-OPS-031", detail=principal)
        gone = replace(
            known,
            active=False,
            signing_keys=tuple(_revoked(key, now) for key in known.signing_keys),
            receiving_keys=tuple(_revoked(key, now) for key in known.receiving_keys),
        )
        if await principals.put(gone, if_version=version):
            return
    raise DanganError("DG-OPS-039", detail=principal)


async def give(desk: Desk, grant: Grant) -> None:
    """Make a grant.

    Raises:
        DanganError: DG-OPS-036 for what is no opaque reference; DG-OPS-031 when its principal is not registered;
            DG-OPS-038 when there was a grant of that id.
    """
    refuse_personal(grant=grant.id, principal=grant.principal)
    for record in grant.records - {"*"}:
        refuse_personal(record=record)
    if await Principals(desk.database).get(grant.principal) is None:
        raise DanganError("DG-OPS-031", detail=grant.principal)
    grants = Grants(desk.database)
    if await grants.get([grant.id]):
        raise DanganError("DG-OPS-038", detail=grant.id)
    await desk.record(
        "grant",
        verb="give",
        grant=grant.id,
        reader=grant.principal,
        purpose=grant.purpose,
        fields=tuple(sorted(grant.fields)),
        clear=tuple(sorted(grant.clear)),
        digest=stored_digest(grant_document(grant)),
    )
    if not await grants.put(grant):
        raise DanganError("DG-OPS-038", detail=grant.id)


async def recall(desk: Desk, grant: str, *, now: int) -> None:
    """Recall a grant; later reads under it are refused.

    Raises:
        DanganError: DG-OPS-031 when there is none that is not recalled already.
    """
    refuse_personal(grant=grant)
    grants = Grants(desk.database)
    known = (await grants.get([grant])).get(grant)
    if known is None or known.recalled_at is not None:
        raise DanganError("DG-OPS-031", detail=grant)
    await desk.record("recall", verb="recall", grant=grant, reader=known.principal)
    await grants.recall(grant, at=now)


async def hold(desk: Desk, placed: Hold) -> None:
    """Place a legal hold, or put another in its place.

    Raises:
        DanganError: DG-OPS-036 when record, holder or reference is no opaque reference; DG-DES-007 when the
            record's destruction has begun.
    """
    refuse_personal(record=placed.record, holder=placed.holder, reference=placed.reference)
    holds = Holds(desk.database)
    verb: Verb = "place" if await holds.get(placed.record) is None else "replace"
    await desk.record("hold", verb=verb, record=placed.record, digest=stored_digest(hold_document(placed)))
    await place(desk.database, placed)


async def lift(desk: Desk, record: str) -> None:
    """Lift a legal hold.

    Raises:
        DanganError: DG-OPS-031 when there is none.
    """
    refuse_personal(record=record)
    holds = Holds(desk.database)
    known = await holds.get(record)
    if known is None:
        raise DanganError("DG-OPS-031", detail=record)
    await desk.record("hold", verb="lift", record=record, digest=stored_digest(hold_document(known)))
    await holds.lift(record)


def refuse_personal(**references: str) -> None:
    """Refuse what is no opaque reference, or looks like somebody's number or address.

    Raises:
        DanganError: DG-OPS-036 naming the kind of reference, never the reference.
    """
    for name, reference in references.items():
        if not PRINCIPAL.fullmatch(reference) or looks_personal(reference):
            raise DanganError("DG-OPS-036", field=name)


def _with(keys: tuple[PublicKey, ...], new: PublicKey) -> tuple[PublicKey, ...]:
    return (*(key for key in keys if key.kid != new.kid), new)


def _revoked(key: PublicKey, now: int) -> PublicKey:
    return key if key.revoked_at is not None else replace(key, revoked_at=now)
