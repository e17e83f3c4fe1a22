"""Grants and holds: acts behind ``dangan admin``; registering principals is in ops/people/registration.py.

Every reference is looked at before the event is made: an event stays for good, and stands in clear.
"""

from __future__ import annotations

from ops.audited import Desk, stored_digest
from ops.people.registration import deactivate, refuse_known_keys, register
from ops.references import refuse_personal
from schemas.audit import Verb
from schemas.errors import DanganError
from schemas.principals import Grant
from store.holds import Hold, Holds, hold_document, place
from store.principals import Grants, Principals, grant_document

__all__ = ["deactivate", "give", "hold", "lift", "recall", "refuse_known_keys", "refuse_personal", "register"]


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
    before = await Holds(desk.database).get(placed.record)
    verb: Verb = "place" if before is None else "replace"
    await desk.record("hold", verb=verb, record=placed.record, digest=stored_digest(hold_document(placed)))
    try:
        await place(desk.database, placed)
    except DanganError:  # the stream must not say for ever that it stands
        verb = "lift" if before is None else "replace"
        stands = stored_digest(hold_document(before or placed))
        await desk.record("hold", verb=verb, record=placed.record, digest=stands)
        raise


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
