"""Registering principals, grants and holds: the acts behind ``dangan admin``."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from ops.audited import Desk
from ops.public_keys import PublicKeys
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.principals import Grant, Principal, PublicKey
from store.holds import Hold, Holds
from store.principals import Grants, Principals

#: The role of those who run the system; it goes with no other (clause SEC-06).
ADMINISTRATOR = "administrator"
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
) -> Principal:
    """Register a principal, or add keys and replace roles of a registered one.

    Raises:
        DanganError: DG-OPS-032 when an administrator is given a business role; DG-OPS-037 for a key that is revoked
            or that another principal has; DG-OPS-039 when the registration changed meanwhile.
    """
    if ADMINISTRATOR in roles and len(set(roles)) > 1:
        raise DanganError("DG-OPS-032", detail=", ".join(sorted(roles)))
    principals = Principals(desk.database)
    known, version = await principals.versioned(keys.principal)
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
    )
    await desk.record("principal", record=principal.id)
    if not await principals.put(principal, if_version=version):
        raise DanganError("DG-OPS-039", detail=principal.id)
    return principal


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
    principals = Principals(desk.database)
    if await principals.get(principal) is None:
        raise DanganError("DG-OPS-031", detail=principal)
    await desk.record("principal", record=principal)
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
        DanganError: DG-OPS-031 when its principal is not registered; DG-OPS-038 when there was a grant of that id.
    """
    if await Principals(desk.database).get(grant.principal) is None:
        raise DanganError("DG-OPS-031", detail=grant.principal)
    grants = Grants(desk.database)
    if await grants.get([grant.id]):
        raise DanganError("DG-OPS-038", detail=grant.id)
    await desk.record("grant", grant=grant.id)
    if not await grants.put(grant):
        raise DanganError("DG-OPS-038", detail=grant.id)


async def recall(desk: Desk, grant: str, *, now: int) -> None:
    """Recall a grant; later reads under it are refused.

    Raises:
        DanganError: DG-OPS-031 when there is none that is not recalled already.
    """
    await desk.record("recall", grant=grant)
    if not await Grants(desk.database).recall(grant, at=now):
        raise DanganError("DG-OPS-031", detail=grant)


async def hold(desk: Desk, placed: Hold) -> None:
    """Place a legal hold."""
    await desk.record("hold", record=placed.record)
    await Holds(desk.database).put(placed)


async def lift(desk: Desk, record: str) -> None:
    """Lift a legal hold.

    Raises:
        DanganError: DG-OPS-031 when there is none.
    """
    await desk.record("hold", record=record)
    if not await Holds(desk.database).lift(record):
        raise DanganError("DG-OPS-031", detail=record)


def _with(keys: tuple[PublicKey, ...], new: PublicKey) -> tuple[PublicKey, ...]:
    return (*(key for key in keys if key.kid != new.kid), new)


def _revoked(key: PublicKey, now: int) -> PublicKey:
    return key if key.revoked_at is not None else replace(key, revoked_at=now)
