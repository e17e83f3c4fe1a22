"""Whether a registration gives anything at the moment (SEC-05, 06, 08, 09): agreement, review, separation of duties.

Looked at wherever registrations are read, so that it holds for senders and for those who sign alike, and costs a
command nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from schemas.principals import Principal
from schemas.rule_tables.people import ADMINISTRATOR, People

#: A registration without the archive's signature (keys/stored_signatures.py), where signatures are demanded.
UNSIGNED: Final = "DG-SEC-013"


def bar(principal: Principal, people: People | None, now: float) -> str | None:
    """Why a registration gives nothing now: an error code, or None.

    Args:
        principal: as registered.
        people: what the organisation demands; None: what the registration itself says is looked at alone.
        now: UNIX seconds.

    Returns:
        DG-SEC-008 (no confidentiality agreement in force), 009 (lapsed), 011 (roles that nobody holds together), 012
        (an account of several), or None.
    """
    if principal.kind not in ("person", "system"):
        return "DG-SEC-012"
    if clashing(principal.roles, people):
        return "DG-SEC-011"
    if lacks_agreement(principal, people, now):
        return "DG-SEC-008"
    if principal.lapses_at is not None and now >= principal.lapses_at:
        return "DG-SEC-009"
    return None


def clashing(roles: frozenset[str], people: People | None) -> tuple[str, str] | None:
    """Two of the roles that nobody holds together (职责分离, clause SEC-06), or None."""
    if ADMINISTRATOR in roles and len(roles) > 1:
        return ADMINISTRATOR, min(roles - {ADMINISTRATOR})
    pairs = people.incompatible if people is not None else ()
    return next(((one, other) for one, other in pairs if one in roles and other in roles), None)


def lacks_agreement(principal: Principal, people: People | None, now: float) -> bool:
    """Whether a person with a business role has no confidentiality agreement in force (人员保密协议, clause SEC-09)."""
    if principal.kind != "person" or not principal.roles - {ADMINISTRATOR}:
        return False
    if principal.agreement_until is not None:
        return now >= principal.agreement_until
    return people is not None and people.agreement_required


def as_it_stands(principal: Principal, people: People | None, now: float) -> Principal:
    """The principal as it counts now: barred and inactive where :func:`bar` gives a code."""
    code = principal.barred or bar(principal, people, now)
    return principal if code is None else barred(principal, code)


def barred(principal: Principal, code: str) -> Principal:
    """The principal, good for nothing until the reason is gone."""
    return replace(principal, active=False, barred=code)
