"""What a registration may give at most, and who must have approved it: looked at when permissions are given.

The same rules count again whenever the registration is used (consumers/standing.py); templates and approvals count
here alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from consumers.standing import bar, clashing, lacks_agreement
from ops.references import refuse_personal
from ops.rules import policy_root, rule_book
from schemas.errors import DanganError
from schemas.principals import Principal
from schemas.rule_tables.people import ADMINISTRATOR, People
from schemas.settings import Settings
from schemas.values import looks_personal

_MONTH: Final = 30 * 86400


def people_rules(settings: Settings) -> People:
    """What an installation demands of people: table ``[people]`` of its profile's rule book.

    Raises:
        DanganError: DG-OPS-030 when the rule book cannot be read, DG-POL-013 for a profile that there is not.
    """
    return _people(settings.policies, settings.profile)


@cache
def _people(policies: Path | None, profile: str) -> People:
    return rule_book(policy_root(policies), profile).people


def check(wanted: Principal, people: People, now: int) -> None:
    """Refuse a registration that gives more than may be given.

    Args:
        wanted: what is to be registered.
        people: what the organisation demands.
        now: UNIX seconds.

    Raises:
        DanganError: DG-OPS-036 for what is no opaque reference; DG-SEC-012 (an account of several); DG-OPS-032 or
            DG-SEC-011 (roles that nobody holds together); DG-SEC-010 (more than the role may have); DG-SEC-008 (no
            confidentiality agreement in force).
    """
    refuse_personal(principal=wanted.id, **({"agreement": wanted.agreement} if wanted.agreement else {}))
    for role in wanted.roles:
        refuse_personal(role=role)
    for name, value in wanted.scope:
        if looks_personal(value):
            raise DanganError("DG-OPS-036", field=name)
    if wanted.kind not in ("person", "system"):
        raise DanganError("DG-SEC-012", field="kind")
    if clash := clashing(wanted.roles, people):
        code = "DG-OPS-032" if ADMINISTRATOR in clash else "DG-SEC-011"
        raise DanganError(code, detail=", ".join(sorted(clash)))
    _check_template(wanted, people)
    if lacks_agreement(wanted, people, now):
        raise DanganError("DG-SEC-008", field="agreement")


def _check_template(wanted: Principal, people: People) -> None:
    templates = {role: people.template(role) for role in sorted(wanted.roles)}
    found = {role: template for role, template in templates.items() if template is not None}
    if not found:
        return
    if wanted.clearance.rank > max(template.clearance.rank for template in found.values()):
        raise DanganError("DG-SEC-010", field="clearance", detail=wanted.clearance.value)
    named = {name for name, _ in wanted.scope}
    for role, template in found.items():
        if missing := set(template.scope) - named:
            raise DanganError("DG-SEC-010", field="scope", detail=f"{role}: {', '.join(sorted(missing))}")
        if wanted.kind not in template.kinds:
            raise DanganError("DG-SEC-010", field="kind", detail=f"{role}: {wanted.kind}")


def wider(known: Principal, people: People) -> bool:
    """Whether a registration gives more than its roles' templates (clause SEC-05): it was made before them."""
    try:
        _check_template(known, people)
    except DanganError:
        return True
    return False


def is_change(known: Principal | None, wanted: Principal) -> bool:
    """Whether a registration gives permissions, or changes them; keys and an agreement do not."""
    if known is None or not known.active:
        return bool(wanted.roles - {ADMINISTRATOR})

    def of(one: Principal) -> tuple[object, ...]:
        return (one.kind, one.roles, one.department, one.clearance, one.scope)

    return of(known) != of(wanted)


def needs_approval(known: Principal | None, wanted: Principal) -> bool:
    """Whether the posts must approve a registration: a change of permissions, or new keys of a business role.

    Who has such a key acts and signs in that role. Only a rotation, which the old key signs, goes without.
    """
    if known is None or is_change(known, wanted):
        return is_change(known, wanted)
    return bool(wanted.roles - {ADMINISTRATOR}) and not _kids(wanted) <= _kids(known)


def _kids(one: Principal) -> set[str]:
    return {key.kid for key in (*one.signing_keys, *one.receiving_keys)}


def never_held(wanted: Principal, known: Principal | None, everyone: Iterable[Principal], people: People) -> bool:
    """Whether somebody new is registered for an approving post that nobody was ever registered for.

    Somebody has to be the first. It is audited as a bootstrap. A holder who was locked held the post: else an
    administrator would lock the holder and fill the post himself.
    """
    if known is not None or len(wanted.roles) != 1 or not wanted.roles <= set(people.approval):
        return False
    return not any(wanted.roles <= one.roles for one in everyone)


def neglected(
    wanted: Principal, known: Principal | None, everyone: Iterable[Principal], people: People, now: float
) -> bool:
    """Whether a holder of an approving post comes back, unchanged, since nobody is left to review permissions.

    Where nobody reviewed for a whole period, everybody's permissions have lapsed, those of the posts and of the
    reviewers too, and nobody could let anybody in again. The person, the keys and the permissions are those that
    were approved before. It is audited as a bootstrap.
    """
    if known is None or not known.active or not _lapsed(known, now) or needs_approval(known, wanted):
        return False
    if len(known.roles) != 1 or not known.roles <= set(people.approval):
        return False
    return all(_lapsed(one, now) for one in everyone if not one.roles.isdisjoint(people.reviewers))


def _lapsed(one: Principal, now: float) -> bool:
    return one.lapses_at is not None and now >= one.lapses_at


def posts_for(
    change: Principal, everyone: Iterable[Principal], people: People, now: float
) -> tuple[frozenset[str], ...]:
    """Who must sign a change of permissions: for each signature the roles of which the signer holds one.

    These are the posts of setting ``people.approval``. To fill one of them that nobody holds any more, those that
    are held sign, and somebody of a reviewing post for those that are not.

    Args:
        change: what is applied for.
        everyone: the registrations, as they are believed.
        people: what the organisation demands.
        now: UNIX seconds.
    """
    registered = list(everyone)
    others = [one for one in registered if one.id != change.id and in_office(one, people, now)]
    held = {post for post in people.approval if any(post in one.roles for one in others)}
    if len(change.roles) == 1 and change.roles <= set(people.approval) - held:
        reviewers = frozenset(people.reviewers)
        needed = [frozenset({post}) for post in people.approval if post in held]
        if not needed or any(not one.roles.isdisjoint(reviewers) for one in registered):
            needed.append(reviewers)
        return tuple(needed)
    return tuple(frozenset({post}) for post in people.approval)


def in_office(one: Principal | None, people: People, now: float) -> bool:
    """Whether somebody is an active person against whom nothing stands."""
    return one is not None and one.kind == "person" and one.active and bar(one, people, now) is None


def lapses_at(wanted: Principal, people: People, now: int) -> int | None:
    """When permissions given or reviewed now lapse (clause SEC-05), UNIX seconds; None for never.

    Those of administrators do not: nobody could let anybody in again. They are listed for review like all others.
    """
    if not people.review_months or ADMINISTRATOR in wanted.roles:
        return None
    return now + people.review_months * _MONTH
