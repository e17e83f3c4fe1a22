"""Registering principals and locking them: the acts behind ``dangan admin principal``.

Each is audited before it is done, and what is stored carries the archive's signature (keys/stored_signatures.py); what
is signed anew carried it before (ops/people/believed.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Final

from keys.stored_signatures import REGISTRATION, sign_stored
from ops.audited import Desk, stored_digest
from ops.people.believed import believed, emptied, is_unsigned, looked_up
from ops.people.permissions import check, is_change, lapses_at, needs_approval, neglected, never_held, people_rules
from ops.public_keys import PublicKeys
from ops.references import refuse_personal
from schemas.audit import Verb
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.locales import DEFAULT, Locale
from schemas.principals import Principal, PublicKey
from schemas.rule_tables.people import ADMINISTRATOR, People
from store.principals import Principals, principal_document

_ATTEMPTS: Final = 10
#: Keys are valid from so many seconds ago: clocks differ.
_SKEW: Final = 300


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
    scope: Collection[tuple[str, str]] = (),
    agreement: str | None = None,
    agreement_until: int | None = None,
    people: People | None = None,
) -> Principal:
    """Register a principal, or replace a registration, without an application.

    Where permissions need an approval, new keys of a business role need one too: whoever has them acts in that role.

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
        scope: attribute and value of what its duty covers.
        agreement: reference of the confidentiality agreement; by default the one that is registered.
        agreement_until: when that ends, UNIX seconds.
        people: what is demanded; by default what the installation's profile says.

    Raises:
        DanganError: as :func:`enter`; DG-OPS-037 for a key that is revoked or that another principal has; DG-SEC-001
            for what others must approve; DG-SEC-013 for a registration without the archive's signature.
    """
    people = people or people_rules(desk.settings)
    principals = Principals(desk.database)
    refuse_personal(principal=keys.principal)
    known, version = await believed(desk, keys.principal, people)
    signing, receiving = await new_keys(principals, keys, now, days)
    wanted = Principal(
        id=keys.principal,
        kind="person" if person else "system",
        roles=frozenset(roles),
        department=department,
        clearance=clearance,
        signing_keys=with_key(known.signing_keys if known else (), signing),
        receiving_keys=with_key(known.receiving_keys if known else (), receiving),
        locale=locale or (known.locale if known else DEFAULT),
        scope=frozenset(scope),
        agreement=agreement or (known.agreement if known else None),
        agreement_until=agreement_until or (known.agreement_until if known else None),
    )
    everyone = await principals.all()
    first, back = never_held(wanted, known, everyone, people), neglected(wanted, known, everyone, people, now)
    if people.approval and needs_approval(known, wanted) and not first:
        check(wanted, people, now)
        raise DanganError("DG-SEC-001", field=wanted.id, detail=", ".join(people.approval))
    if back:
        wanted = replace(wanted, lapses_at=lapses_at(wanted, people, now))
    return await enter(desk, wanted, known, version, people, now=now, bootstrap=bootstrap or first or back)


async def enter(
    desk: Desk,
    wanted: Principal,
    known: Principal | None,
    version: int,
    people: People,
    *,
    now: int,
    bootstrap: bool = False,
    approvers: tuple[str, ...] = (),
) -> Principal:
    """Make a registration that nobody need approve any more.

    Args:
        desk: the operator's.
        wanted: the whole registration; when it lapses is worked out here, unless it says so itself.
        known: the one that it replaces, of that ``version``.
        people: what is demanded.
        now: UNIX seconds.
        bootstrap: whether nobody stands behind this.
        approvers: who approved it.

    Raises:
        DanganError: as ops.people.permissions.check; DG-OPS-032 when an administrator would be one no more; DG-OPS-039
            when the registration changed meanwhile.
    """
    check(wanted, people, now)
    if known is not None and ADMINISTRATOR in known.roles and ADMINISTRATOR not in wanted.roles:
        raise DanganError("DG-OPS-032", detail="an administrator stays one, or is deactivated")
    changes = is_change(known, wanted)
    until = known.lapses_at if known is not None and not changes else lapses_at(wanted, people, now)
    wanted = replace(wanted, active=True, lapses_at=wanted.lapses_at or until)
    await desk.record(
        "principal",
        verb=_verb(known, wanted, bootstrap),
        record=wanted.id,
        roles=tuple(sorted(wanted.roles)),
        approvers=approvers,
        digest=stored_digest(principal_document(wanted, version + 1)),
    )
    if not await save(desk, wanted, version):
        raise DanganError("DG-OPS-039", detail=wanted.id)
    return wanted


async def save(desk: Desk, principal: Principal, version: int) -> bool:
    """Store a registration with the archive's signature; False when it is not that ``version`` any more."""
    signature = await sign_stored(desk.transit, REGISTRATION, principal_document(principal, version + 1))
    return await Principals(desk.database).put(principal, if_version=version, signature=signature)


async def new_keys(principals: Principals, keys: PublicKeys, now: int, days: int) -> tuple[PublicKey, PublicKey]:
    """Signing and receiving key as they will be registered.

    Raises:
        DanganError: DG-OPS-037 for a key that is revoked or that another principal has.
    """
    signing, receiving = keys.valid(now - _SKEW, now + days * 86400)
    kids = {signing.kid, receiving.kid}
    refuse_known_keys(keys.principal, kids, await principals.with_keys(kids))
    return signing, receiving


def _verb(known: Principal | None, wanted: Principal, bootstrap: bool) -> Verb:
    if bootstrap:
        return "bootstrap"
    if known is None:
        return "register"
    if not known.active:
        return "reactivate"
    return "move" if known.department != wanted.department else "renew"


def refuse_known_keys(principal: str, kids: Collection[str], owners: Iterable[Principal]) -> None:
    """Refuse a key that was revoked, wherever, or that is registered under another principal (clause SEC-08).

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


async def deactivate(
    desk: Desk, principal: str, *, now: int, verb: Verb = "deactivate", people: People | None = None
) -> None:
    """Let a principal do nothing any more, and revoke its keys: the urgent lock, possible at once and by itself.

    It closes nothing: what a person holds is handed over later (ops/people/hand_over.py). Of a registration without
    the archive's signature nothing is kept but that its keys are nobody's.

    Raises:
        DanganError: DG-OPS-031 when there is none; DG-OPS-039 when its registration keeps changing.
    """
    refuse_personal(principal=principal)
    principals = Principals(desk.database)
    if await principals.get(principal) is None:
        raise DanganError("DG-OPS-031", detail=principal)
    await desk.record("principal", verb=verb, record=principal)
    for _ in range(_ATTEMPTS):  # a registration made meanwhile must not keep this one from happening
        known, version = await looked_up(desk, principal, people)
        if known is None:
            raise DanganError("DG-OPS-031", detail=principal)
        if await save(desk, emptied(known, now) if is_unsigned(known) else _locked(known, now), version):
            return
    raise DanganError("DG-OPS-039", detail=principal)


def without_keys(known: Principal, wanted: Callable[[PublicKey], bool], now: int) -> Principal:
    """The registration with those keys revoked."""
    return replace(
        known,
        signing_keys=tuple(revoked(key, now) if wanted(key) else key for key in known.signing_keys),
        receiving_keys=tuple(revoked(key, now) if wanted(key) else key for key in known.receiving_keys),
    )


def _locked(known: Principal, now: int) -> Principal:
    return replace(without_keys(known, lambda _: True, now), active=False)


def with_key(keys: tuple[PublicKey, ...], new: PublicKey) -> tuple[PublicKey, ...]:
    """The keys and one more, or with one of them renewed."""
    return (*(key for key in keys if key.kid != new.kid), new)


def revoked(key: PublicKey, now: int) -> PublicKey:
    """The key, revoked now unless it was before."""
    return key if key.revoked_at is not None else replace(key, revoked_at=now)
