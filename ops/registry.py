"""Registering principals, grants and holds: the acts behind ``dangan admin``."""

from __future__ import annotations

from collections.abc import Collection
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
        DanganError: DG-OPS-032 when an administrator is given a business role.
    """
    if ADMINISTRATOR in roles and len(set(roles)) > 1:
        raise DanganError("DG-OPS-032", detail=", ".join(sorted(roles)))
    principals = Principals(desk.database)
    known = await principals.get(keys.principal)
    signing, receiving = keys.valid(now - 300, now + days * 86400)
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
    await principals.put(principal)
    return principal


async def deactivate(desk: Desk, principal: str, *, now: int) -> None:
    """Let a principal do nothing any more, and revoke its keys.

    Raises:
        DanganError: DG-OPS-031 when there is none.
    """
    principals = Principals(desk.database)
    known = await principals.get(principal)
    if known is None:
        raise DanganError("DG-OPS-031", detail=principal)
    await desk.record("principal", record=principal)
    await principals.put(
        replace(
            known,
            active=False,
            signing_keys=tuple(_revoked(key, now) for key in known.signing_keys),
            receiving_keys=tuple(_revoked(key, now) for key in known.receiving_keys),
        )
    )


async def give(desk: Desk, grant: Grant) -> None:
    """Make a grant.

    Raises:
        DanganError: DG-OPS-031 when its principal is not registered.
    """
    if await Principals(desk.database).get(grant.principal) is None:
        raise DanganError("DG-OPS-031", detail=grant.principal)
    await desk.record("grant", grant=grant.id)
    await Grants(desk.database).put(grant)


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
