"""Permissions reviewed regularly (定期审查权限, clause SEC-05): what is due, unused or too wide; and the signature.

When a permission was last used is read from the audit stream, which has an event of every command: nothing is noted
while commands run. Whoever reviews signs the list; what was used holds for another period, what was not lapses.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import keys.signer
from keys.principal_keys import PrincipalKeys
from ops.audited import Desk, stored_digest
from ops.people.believed import everyone as all_believed
from ops.people.believed import refuse_unsigned
from ops.people.permissions import in_office, lapses_at, wider
from ops.people.registration import save
from schemas.approvals import digest_of
from schemas.errors import DanganError
from schemas.principals import Principal
from schemas.rule_tables.people import ADMINISTRATOR, People
from schemas.staff import PermissionReview
from store.people import PeopleDocuments
from store.principals import Registration, principal_document

#: Permissions that lapse within so many days are due for review.
DUE_DAYS: Final = 31
_DAY: Final = 86400


@dataclass(frozen=True, slots=True)
class Line:
    """One registration in the list.

    Attributes:
        last_used: UNIX seconds of the last event in its name, or None for none.
        reasons: why it stands out: ``due``, ``lapsed``, ``unused``, ``wider``, ``never lapses``.
    """

    principal: Principal
    version: int
    last_used: int | None
    reasons: tuple[str, ...]

    @property
    def unused(self) -> bool:
        """Whether it was not used for long, so that a review does not renew it."""
        return "unused" in self.reasons

    def as_dict(self) -> dict[str, object]:
        """The line for a machine."""
        one = self.principal
        return {
            "principal": one.id,
            "kind": one.kind,
            "roles": sorted(one.roles),
            "department": one.department,
            "clearance": one.clearance.value,
            "scope": sorted(f"{name}={value}" for name, value in one.scope),
            "version": self.version,
            "last_used": self.last_used,
            "lapses_at": one.lapses_at,
            "agreement_until": one.agreement_until,
            "reasons": list(self.reasons),
        }


def lines(everyone: Iterable[Registration], used: Mapping[str, int], people: People, now: int) -> list[Line]:
    """Every active registration with what stands out about it, by id.

    Args:
        everyone: who is registered.
        used: principal -> UNIX seconds of its last event, over ``people.unused_days`` at least.
        people: what the organisation demands.
        now: UNIX seconds.
    """
    found = [
        Line(each.principal, each.version, used.get(each.principal.id), _reasons(each.principal, used, people, now))
        for each in everyone
        if each.principal.active
    ]
    return sorted(found, key=lambda line: line.principal.id)


def _reasons(one: Principal, used: Mapping[str, int], people: People, now: int) -> tuple[str, ...]:
    reasons = []
    business = bool(one.roles - {ADMINISTRATOR})
    if one.lapses_at is not None:
        if now >= one.lapses_at:
            reasons.append("lapsed")
        elif now >= one.lapses_at - DUE_DAYS * _DAY:
            reasons.append("due")
    elif business and people.review_months:
        reasons.append("never lapses")
    if business and people.unused_days:
        since = max([used.get(one.id, 0), *(key.not_before for key in one.signing_keys)])  # a new one had no time yet
        if now - since > people.unused_days * _DAY:
            reasons.append("unused")
    if wider(one, people):
        reasons.append("wider")
    return tuple(reasons)


async def sign(
    desk: Desk,
    reviewed: Collection[Line],
    reviewer: PrincipalKeys,
    people: People,
    *,
    now: int,
    end: Collection[str] = (),
    name: str | None = None,
) -> PermissionReview:
    """Sign a review and do what it says: renew what was used, let lapse what was not or is named in ``end``.

    Args:
        desk: the reviewer's.
        reviewed: the registrations looked at.
        reviewer: the reviewer's keys; ops.operators.prove has shown that they are good.
        people: what the organisation demands.
        now: UNIX seconds.
        end: principals whose permissions end.
        name: the review's id, a UUID; a new one by default.

    Raises:
        DanganError: DG-SEC-020 when the reviewer stands in the list; DG-SEC-005 when the reviewer holds no reviewing
            post; DG-SEC-013 when the reviewer's registration, or one that is reviewed, does not carry the archive's
            signature; DG-SEC-019 when a registration has changed since the list was made.
    """
    if any(line.principal.id == reviewer.principal for line in reviewed):
        raise DanganError("DG-SEC-020", field=reviewer.principal)
    registered = await all_believed(desk, people)
    known = registered[reviewer.principal].principal if reviewer.principal in registered else None
    refuse_unsigned(known)
    if known is None or not in_office(known, people, now) or known.roles.isdisjoint(people.reviewers):
        raise DanganError("DG-SEC-005", field=reviewer.principal)
    for line in reviewed:
        _refuse_altered(line, registered.get(line.principal.id))
    over = {line.principal.id for line in reviewed if line.unused or line.principal.id in end}
    review = PermissionReview(
        id=name or str(uuid.uuid4()),
        renewed=tuple((line.principal.id, line.version) for line in reviewed if line.principal.id not in over),
        ended=tuple((line.principal.id, line.version) for line in reviewed if line.principal.id in over),
    )
    token = keys.signer.approval(
        reviewer.signing,
        approver=reviewer.principal,
        action="review-permissions",
        digest=digest_of(review, reviewer.principal),
        at=now,
    )
    document = review.model_dump(mode="json")
    await desk.record("principal", verb="review", record=review.id, digest=stored_digest(document))
    await PeopleDocuments(desk.database).put(
        review.id, {"by": reviewer.principal, "document": document, "approvals": [token], "at": now}
    )
    for line in reviewed:
        await _settle(desk, line, now if line.principal.id in over else lapses_at(line.principal, people, now))
    return review


def _refuse_altered(line: Line, registered: Registration | None) -> None:
    """What is signed anew is what the archive signed before, and what the reviewer looked at."""
    if registered is not None:
        refuse_unsigned(registered.principal)
    if registered is None or (registered.principal, registered.version) != (line.principal, line.version):
        raise DanganError("DG-SEC-019", field=line.principal.id)


async def _settle(desk: Desk, line: Line, until: int | None) -> None:
    if ADMINISTRATOR in line.principal.roles:
        return  # they are looked at, and lapse never
    new = replace(line.principal, lapses_at=until)
    digest = stored_digest(principal_document(new, line.version + 1))
    await desk.record("principal", verb="review", record=new.id, digest=digest)
    if not await save(desk, new, line.version):
        raise DanganError("DG-SEC-019", field=new.id)
