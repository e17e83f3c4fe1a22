"""Registrations as the archive itself signed them: what is written from one, or done on its word, is read here.

An operator's act reads a registration, changes a part of it and signs the whole anew. One that somebody wrote into the
database by himself would so get the archive's signature (keys/stored_signatures.py). Whoever approves, succeeds,
reviews or acts is believed on the same terms, those of the workers (consumers/directory.py).
"""

from __future__ import annotations

from dataclasses import replace

from consumers.directory import Directory
from consumers.standing import UNSIGNED, barred
from keys.roots import REGISTRATIONS_KEY
from keys.stored_signatures import REGISTRATION, StoredSeal
from ops.audited import Desk
from ops.people.permissions import people_rules
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.principals import Principal, PublicKey
from schemas.rule_tables.people import People
from store.principals import Principals, Registration, principal_document


async def everyone(desk: Desk, people: People | None = None) -> dict[str, Registration]:
    """Every registration by id; one without the archive's signature is barred, where signatures are demanded.

    Args:
        desk: whose Vault role may read the public key of ``dangan-registrations``.
        people: what the organisation demands; by default what the installation's profile says.

    Raises:
        Transient: DG-KEY-001 when Vault does not answer.
    """
    found = await Principals(desk.database).registrations()
    seal = await _seal(desk, people or people_rules(desk.settings))
    return {each.principal.id: _looked_at(each, seal) for each in found}


async def looked_up(desk: Desk, principal: str, people: People | None = None) -> tuple[Principal | None, int]:
    """One registration, barred as in :func:`everyone`, and its version: None and 0 when there is none.

    For what only takes away; everything else is read with :func:`believed`.

    Raises:
        Transient: DG-KEY-001 when Vault does not answer.
    """
    found = await Principals(desk.database).registration(principal)
    if found is None:
        return None, 0
    seal = await _seal(desk, people or people_rules(desk.settings))
    return _looked_at(found, seal).principal, found.version


async def believed(desk: Desk, principal: str, people: People | None = None) -> tuple[Principal | None, int]:
    """One registration that may be signed anew and acted upon, and its version: None and 0 when there is none.

    Raises:
        DanganError: DG-SEC-013 when it does not carry the archive's signature.
        Transient: DG-KEY-001 when Vault does not answer.
    """
    known, version = await looked_up(desk, principal, people)
    refuse_unsigned(known)
    return known, version


def refuse_unsigned(principal: Principal | None) -> None:
    """Refuse a registration that does not carry the archive's signature.

    Raises:
        DanganError: DG-SEC-013.
    """
    if is_unsigned(principal):
        raise DanganError(UNSIGNED, field=principal.id if principal else None)


def is_unsigned(principal: Principal | None) -> bool:
    """Whether :func:`everyone` or :func:`looked_up` found no signature of the archive on it."""
    return principal is not None and principal.barred == UNSIGNED


def emptied(principal: Principal, now: int) -> Principal:
    """What may be signed of a registration that is not believed: an inactive one that gives nothing.

    Its key ids stay, so that none of them is registered again; as keys of nobody they were never good, since nobody
    knows whose they are. ``now`` in UNIX seconds.
    """

    def void(key: PublicKey) -> PublicKey:
        return replace(key, not_after=key.not_before, revoked_at=now if key.revoked_at is None else key.revoked_at)

    return Principal(
        id=principal.id,
        kind=principal.kind,
        roles=frozenset(),
        department="",
        clearance=Level.BASIC,
        signing_keys=tuple(map(void, principal.signing_keys)),
        receiving_keys=tuple(map(void, principal.receiving_keys)),
        active=False,
    )


async def directory(desk: Desk, people: People) -> Directory:
    """A directory that believes what the workers' does, freshly read.

    Raises:
        Transient: DG-KEY-001 when Vault does not answer.
    """
    seal = StoredSeal(desk.transit, REGISTRATIONS_KEY) if people.signed_registrations else None
    made = Directory(Principals(desk.database), people=people, seal=seal)
    await made.refresh(anew=True)
    return made


async def _seal(desk: Desk, people: People) -> StoredSeal | None:
    if not people.signed_registrations:
        return None
    seal = StoredSeal(desk.transit, REGISTRATIONS_KEY)
    await seal.refresh()
    return seal


def _looked_at(each: Registration, seal: StoredSeal | None) -> Registration:
    if seal is None or seal.holds(REGISTRATION, principal_document(each.principal, each.version), each.signature):
        return each
    return each._replace(principal=barred(each.principal, UNSIGNED))
