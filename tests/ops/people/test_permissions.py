"""What may be given at most (SEC-03), and what a review of permissions shows (SEC-05); no server needed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.people import review
from ops.people.permissions import (
    check,
    in_office,
    is_change,
    lapses_at,
    needs_approval,
    neglected,
    never_held,
    people_rules,
    posts_for,
    wider,
)
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.principals import Principal
from schemas.rule_tables.people import ADMINISTRATOR, People, RoleTemplate
from schemas.settings import Settings
from store.principals import Registration
from tests.consumers.samples import NOW, principal

STRICT = People()
DAY = 86400
ROLES = sorted(STRICT.role_templates)


def person(*roles: str, **changes: Any) -> Principal:
    return principal("staff:1", *roles, **{"kind": "person", "agreement_until": NOW + DAY, **changes})


def code_of(wanted: Principal, people: People = STRICT) -> str | None:
    try:
        check(wanted, people, NOW)
    except DanganError as error:
        return error.code
    return None


@pytest.mark.clause("SEC-03")
@given(
    st.frozensets(st.sampled_from([*ROLES, "role-of-nobody"]), min_size=1, max_size=3),
    st.sampled_from(list(Level)),
    st.frozensets(st.sampled_from(["building", "branch"])),
    st.sampled_from(["person", "system"]),
)
def test_no_registration_ever_gives_more_than_its_roles_templates(
    roles: frozenset[str], clearance: Level, scope: frozenset[str], kind: str
) -> None:
    wanted = person(*roles, clearance=clearance, kind=kind, scope=frozenset((name, "b-07") for name in scope))
    if code_of(wanted) is None:
        templates = [STRICT.role_templates.get(role, RoleTemplate(kinds=("person", "system"))) for role in roles]
        assert any(clearance.rank <= template.clearance.rank for template in templates)
        assert all(set(template.scope) <= scope for template in templates)
        assert all(kind in template.kinds for template in templates)
        assert not wider(wanted, STRICT)


@pytest.mark.clause("SEC-03", "SEC-06", "SEC-08", "SEC-09")
@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (person("steward", clearance=Level.SENSITIVE, scope=frozenset({("building", "b-07")})), None),
        (person("steward", clearance=Level.SENSITIVE), "DG-SEC-010"),
        (person("steward", clearance=Level.CORE, scope=frozenset({("building", "b-07")})), "DG-SEC-010"),
        (person("role-of-nobody", clearance=Level.SENSITIVE), "DG-SEC-010"),
        (person("role-of-nobody", clearance=Level.BASIC), None),
        (person("custodian", kind="system"), "DG-SEC-010"),
        (person("collector", "reviewer"), "DG-SEC-011"),
        (person("archivist", "approver"), "DG-SEC-011"),
        (person("reader", ADMINISTRATOR), "DG-OPS-032"),
        (person("reader", kind="group"), "DG-SEC-012"),
        (person("reader", agreement_until=None), "DG-SEC-008"),
        (person("reader", agreement_until=NOW), "DG-SEC-008"),
        (person(ADMINISTRATOR, agreement_until=None, clearance=Level.BASIC), None),
        (principal("sys:crm", "reader"), None),
        (person("reader", scope=frozenset({("building", "13800138000")})), "DG-OPS-036"),
        (person("reader", agreement="13800138000"), "DG-OPS-036"),
        (replace(person("reader"), id="13800138000"), "DG-OPS-036"),
    ],
)
def test_what_is_refused_when_it_is_given(wanted: Principal, code: str | None) -> None:
    assert code_of(wanted) == code


@pytest.mark.clause("SEC-06")
def test_no_profile_lets_an_administrator_hold_a_business_role() -> None:
    for people in (people_rules(Settings(profile=name)) for name in ("trial", "")):
        assert code_of(person(ADMINISTRATOR, "reader", clearance=Level.BASIC), people) == "DG-OPS-032"


@pytest.mark.clause("SEC-04")
def test_only_new_keys_and_agreements_are_no_change_of_permissions() -> None:
    known = person("reader")
    same = replace(known, signing_keys=(), agreement="nda-2", agreement_until=NOW + 9, lapses_at=NOW)
    assert not is_change(known, same)
    for members in (
        {"roles": frozenset({"reader", "editor"})}, {"department": "law"}, {"clearance": Level.BASIC},
        {"scope": frozenset({("building", "b-1")})}, {"kind": "system"},
    ):  # fmt: skip
        assert is_change(known, replace(known, **members))
    assert is_change(None, known)
    assert is_change(replace(known, active=False), known)  # back to work is a change


@pytest.mark.clause("SEC-04", "SEC-08")
@pytest.mark.parametrize("kind", ["person", "system"])
@pytest.mark.parametrize("member", ["signing_keys", "receiving_keys"])
def test_new_keys_of_a_business_role_need_an_approval(kind: str, member: str) -> None:
    known = person("reader", kind=kind)
    held = getattr(known, member)
    fresh: dict[str, Any] = {member: (*held, replace(known.signing_keys[0], kid="another"))}
    assert needs_approval(known, replace(known, **fresh))
    renewed: dict[str, Any] = {member: tuple(replace(key, not_after=NOW) for key in held)}
    assert not needs_approval(known, replace(known, **renewed))
    assert not needs_approval(known, replace(known, agreement="nda-2", agreement_until=NOW + 9))
    boss = person(ADMINISTRATOR, kind=kind, clearance=Level.BASIC)
    assert not needs_approval(boss, replace(boss, **fresh))
    assert needs_approval(None, known)
    assert not needs_approval(None, boss)


HEAD = person("unit_head", clearance=Level.BASIC)
OTHER = replace(HEAD, id="staff:2")
GONE: list[dict[str, Any]] = [{"active": False}, {"lapses_at": NOW}, {"agreement_until": NOW}, {"kind": "system"}]


@pytest.mark.clause("SEC-04")
@given(st.lists(st.sampled_from([OTHER, HEAD, *(replace(OTHER, **gone) for gone in GONE)]), max_size=3))
def test_only_a_post_that_nobody_ever_held_is_filled_without_approval(everyone: list[Principal]) -> None:
    """Whoever locks its holder, or lets the agreement end, makes no post vacant."""
    others = [person("security_officer", id="staff:3"), person("reader", id="staff:4")]
    assert never_held(HEAD, None, [*everyone, *others], STRICT) == (not everyone)
    assert not never_held(HEAD, HEAD, everyone, STRICT)
    assert not never_held(HEAD, person("reader"), others, STRICT)  # somebody's registration is not taken over
    assert not never_held(person("reader"), None, [], STRICT)
    assert not never_held(person("unit_head", "reader"), None, [], STRICT)


@pytest.mark.clause("SEC-04", "SEC-05")
def test_where_all_reviewers_lapsed_a_holder_comes_back_unchanged_and_nobody_else() -> None:
    lapsed = replace(HEAD, lapses_at=NOW)
    reviewer = person("auditor", id="staff:3", clearance=Level.BASIC, lapses_at=NOW)
    assert neglected(HEAD, lapsed, [lapsed, reviewer], STRICT, NOW)
    fresh = (*HEAD.signing_keys, replace(HEAD.signing_keys[0], kid="another"))
    for wanted, known, also in (
        (HEAD, None, reviewer),
        (HEAD, HEAD, reviewer),
        (HEAD, replace(lapsed, active=False), reviewer),
        (HEAD, lapsed, replace(reviewer, lapses_at=NOW + 1)),
        (HEAD, lapsed, replace(reviewer, lapses_at=NOW + 1, active=False)),  # else he would be locked to get there
        (replace(HEAD, signing_keys=fresh), lapsed, reviewer),
        (replace(HEAD, clearance=Level.SENSITIVE), lapsed, reviewer),
        (person("reader"), person("reader", lapses_at=NOW), reviewer),
    ):
        assert not neglected(wanted, known, [lapsed, also], STRICT, NOW)


@pytest.mark.clause("SEC-04")
def test_a_post_that_nobody_holds_any_more_is_filled_by_those_held_and_a_reviewer() -> None:
    security = person("security_officer", id="staff:3", clearance=Level.BASIC)
    auditor = person("auditor", id="staff:4", clearance=Level.BASIC)
    locked, reviewers = replace(OTHER, active=False), frozenset(STRICT.reviewers)
    usual = (frozenset({"unit_head"}), frozenset({"security_officer"}))
    assert posts_for(HEAD, [OTHER, security, auditor], STRICT, NOW) == usual
    assert posts_for(HEAD, [locked, security, auditor], STRICT, NOW) == (usual[1], reviewers)
    assert posts_for(HEAD, [HEAD, security, auditor], STRICT, NOW) == (usual[1], reviewers)  # not by himself
    assert posts_for(HEAD, [locked, security, replace(auditor, active=False)], STRICT, NOW) == (usual[1], reviewers)
    assert posts_for(HEAD, [locked, security], STRICT, NOW) == (usual[1],)  # nobody ever reviewed
    assert posts_for(HEAD, [locked], STRICT, NOW) == (reviewers,)  # somebody always signs
    assert posts_for(person("reader"), [locked, security, auditor], STRICT, NOW) == usual
    assert posts_for(person("unit_head", "reader"), [locked, security, auditor], STRICT, NOW) == usual


def registered(who: Principal, version: int = 3) -> Registration:
    return Registration(who, version, None)


@pytest.mark.clause("SEC-05")
def test_the_review_lists_what_is_due_lapsed_unused_or_too_wide() -> None:
    old = tuple(replace(key, not_before=NOW - 400 * DAY) for key in person("reader").signing_keys)

    def made(name: str, *roles: str, **changes: Any) -> Registration:
        return registered(
            person(*(roles or ("reader",)), **{"signing_keys": old, "lapses_at": NOW + 80 * DAY, **changes, "id": name})
        )

    everyone = [
        made("staff:fine"),
        made("staff:due", lapses_at=NOW + 10 * DAY),
        made("staff:lapsed", lapses_at=NOW),
        made("staff:unused"),
        made("staff:new", signing_keys=person("reader").signing_keys),
        made("staff:wide", "steward"),
        made("staff:forever", lapses_at=None),
        made("ops:1", ADMINISTRATOR, lapses_at=None, clearance=Level.BASIC),
        made("staff:gone", active=False, lapses_at=NOW),
    ]
    used = {each.principal.id: NOW - DAY for each in everyone if each.principal.id not in ("staff:unused", "staff:new")}
    found = {line.principal.id: line.reasons for line in review.lines(everyone, used, STRICT, NOW)}
    assert found == {
        "staff:fine": (), "staff:due": ("due",), "staff:lapsed": ("lapsed",), "staff:unused": ("unused",),
        "staff:new": (), "staff:wide": ("wider",), "staff:forever": ("never lapses",), "ops:1": (),
    }  # fmt: skip
    line = review.lines([made("staff:fine")], used, STRICT, NOW)[0].as_dict()
    assert (line["last_used"], line["version"], line["reasons"]) == (NOW - DAY, 3, [])


@pytest.mark.clause("SEC-05")
def test_permissions_lapse_after_the_period_and_administrators_never() -> None:
    assert lapses_at(person("reader"), STRICT, NOW) == NOW + 90 * DAY
    assert lapses_at(person(ADMINISTRATOR), STRICT, NOW) is None
    assert lapses_at(person("reader"), People(review_months=0), NOW) is None
    assert in_office(person("reader"), STRICT, NOW)
    assert not in_office(principal("sys:crm", "reader"), STRICT, NOW)
    assert not in_office(None, STRICT, NOW)
