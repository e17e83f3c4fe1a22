"""Leavers and movers hand over in full before their account or custody ends (离职、离岗交接, clause SEC-14).

The list holds all that the archive knows a person to hold, and what the person adds: papers, drives, working copies.
The successor signs it; what nobody needs is destroyed by two persons, who sign it too. Locking somebody at once is
another matter (ops/people/registration.deactivate): it ends no custody and needs no list.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence

from consumers.intake_rules import keeps
from ops.audited import Desk, stored_digest
from ops.people.applications import kept, verified
from ops.people.believed import everyone, refuse_unsigned
from ops.people.permissions import in_office
from ops.people.registration import deactivate
from ops.references import refuse_personal
from ops.registry import recall
from schemas.audit import Verb
from schemas.errors import DanganError
from schemas.principals import Principal
from schemas.rule_tables.people import People
from schemas.staff import StaffHandOver
from store.database import Database
from store.intake_notes import IntakeNotes
from store.people import Held, PeopleDocuments
from store.principals import Principals


async def draw_up(
    database: Database,
    principal: str,
    successor: str,
    *,
    now: int,
    media: Sequence[str] = (),
    destroy: Sequence[str] = (),
    name: str | None = None,
) -> StaffHandOver:
    """The list of what a person holds now.

    Args:
        database: the archive's.
        principal: who leaves or changes post.
        successor: who takes over.
        now: UNIX seconds.
        media: papers, drives and working copies that are handed over, by reference.
        destroy: those that nobody needs any more.
        name: the list's id, a UUID; a new one by default.

    Raises:
        DanganError: DG-OPS-036 for what is no opaque reference; DG-OPS-031 when the person is not registered.
    """
    refuse_personal(principal=principal, successor=successor)
    for reference in (*media, *destroy):
        refuse_personal(reference=reference)
    if await Principals(database).get(principal) is None:
        raise DanganError("DG-OPS-031", detail=principal)
    held = await Held.of(database, principal, now)
    return StaffHandOver(
        id=name or str(uuid.uuid4()),
        principal=principal,
        successor=successor,
        records=held.records,
        grants=held.grants,
        keys=held.keys,
        media=tuple(sorted(set(media))),
        destroy=tuple(sorted(set(destroy))),
    )


async def leave(desk: Desk, principal: str, people: People, *, now: int) -> None:
    """Close an account without a list: possible where the organisation demands none.

    Raises:
        DanganError: DG-SEC-014 where one is demanded; those of ops.people.registration.deactivate.
    """
    if people.handover_required:
        raise DanganError("DG-SEC-014", field=principal)
    await deactivate(desk, principal, now=now, verb="leave", people=people)


async def complete(
    desk: Desk, document: StaffHandOver, tokens: Collection[str], people: People, *, now: int, closes: bool = True
) -> None:
    """Carry a signed list out: custody goes to the successor, grants end, and the account is closed.

    After a crash the same again, with the same signatures, goes on where it stopped.

    Args:
        desk: of the administrator to whom the signatures were given.
        document: the list.
        tokens: the signatures, compact JWS.
        people: what the organisation demands.
        now: UNIX seconds.
        closes: whether the account is closed; not for somebody who changes post.

    Raises:
        DanganError: DG-SEC-015 when the list is not what the person holds; DG-SEC-016, 017 for signatures that are
            missing; DG-SEC-002 to 006 and 013 for those that do not count; DG-SEC-022 for a successor who cannot take
            over.
    """
    documents = PeopleDocuments(desk.database)
    begun = await documents.get(document.id)
    if begun is None:
        await _check_complete(desk, document, now)
    # also where it goes on: that a list is kept as begun does not show that anybody signed it
    signers = await _signers(desk, document, tokens, people, now)
    if begun is None:
        verb: Verb = "leave" if closes else "hand_over"
        digest = stored_digest(document.model_dump(mode="json"))
        await desk.record(
            "principal",
            verb=verb,
            record=document.principal,
            reader=document.successor,
            approvers=signers,
            digest=digest,
        )
        await documents.put(document.id, kept(document, desk.operator, tokens, now))
    elif begun["document"] != document.model_dump(mode="json"):
        raise DanganError("DG-SEC-015", field=document.principal)
    await _move(desk, document, now)
    rest = await Held.of(desk.database, document.principal, now)
    if rest.records or rest.grants:  # came to the person meanwhile
        raise DanganError("DG-SEC-015", field=document.principal, detail=rest.counts())
    if closes:
        await deactivate(desk, document.principal, now=now, people=people)


async def _check_complete(desk: Desk, document: StaffHandOver, now: int) -> None:
    current = await draw_up(
        desk.database,
        document.principal,
        document.successor,
        now=now,
        media=document.media,
        destroy=document.destroy,
        name=document.id,
    )
    if current != document:
        held = Held(current.records, current.grants, current.keys)
        raise DanganError("DG-SEC-015", field=document.principal, detail=held.counts())


async def _signers(
    desk: Desk, document: StaffHandOver, tokens: Collection[str], people: People, now: int
) -> tuple[str, ...]:
    """The successor, and two persons where anything is to be destroyed."""
    known = {name: each.principal for name, each in (await everyone(desk, people)).items()}
    signed = verified(desk, document, tokens, known, ("take-over", "approve-destroy"), now)
    if any(each.who.id == document.principal for each in signed):
        raise DanganError("DG-SEC-003", field=document.principal)
    successor = known.get(document.successor)
    refuse_unsigned(successor)
    _check_successor(successor, document, people, now)
    if not any(each.action == "take-over" and each.who.id == document.successor for each in signed):
        raise DanganError("DG-SEC-016", field=document.successor)
    destroyers = sorted(
        {
            each.who.id
            for each in signed
            if each.action == "approve-destroy" and in_office(known[each.who.id], people, now)
        }
    )
    if document.destroy and len(destroyers) < 2:
        raise DanganError("DG-SEC-017", detail=f"{len(destroyers)} of 2")
    return (document.successor, *destroyers)


def _check_successor(successor: Principal | None, document: StaffHandOver, people: People, now: int) -> None:
    able = in_office(successor, people, now) and document.successor != document.principal
    if not able or (document.records and not keeps(successor)):
        raise DanganError("DG-SEC-022", field=document.successor)


async def _move(desk: Desk, document: StaffHandOver, now: int) -> None:
    held = await Held.of(desk.database, document.principal, now)
    notes = IntakeNotes(desk.database)
    for record in sorted(set(held.records) & set(document.records)):
        await desk.record("intake", verb="assign", record=record, reader=document.successor)
        await notes.assign(record, document.successor)
    for grant in sorted(set(held.grants) & set(document.grants)):
        await recall(desk, grant, now=now)
