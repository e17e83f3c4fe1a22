"""Searches: what they find is within the grant, and what they do not find tells nothing about what lies outside."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.levels import Level
from store.record import Record
from tests.consumers.samples import NOW, grant, principal, search
from tests.simulators.reading import Shelves, stored

CLERK = principal("per:clerk-7", "reader", kind="person")
PHONE, OTHER = "+8613800138000", "+8613900139000"
STATES: tuple[dict[str, Any], ...] = (
    {}, {"consent_state": "withdrawn"}, {"consent_state": "checking"}, {"stage": "received"}, {"objected": True},
    {"purpose": "marketing"},
)  # fmt: skip


def record(name: str, phone: str = PHONE, **changes: Any) -> Record:
    return stored(name, {"name": "张三", "phone": phone}, **changes)


@pytest.mark.clause("USE-07")
@given(
    st.lists(st.tuples(st.sampled_from((PHONE, OTHER)), st.sampled_from(STATES), st.booleans()), max_size=9),
    st.booleans(),
)
async def test_a_search_finds_just_what_may_be_read(made: list[tuple[str, dict[str, Any], bool]], every: bool) -> None:
    records = {f"rec-{at}": (phone, state, granted) for at, (phone, state, granted) in enumerate(made)}
    named = frozenset(name for name, (_, _, granted) in records.items() if granted)
    held = grant(CLERK.id, records=frozenset({"*"}) if every else named)
    shelves = Shelves(*(record(name, phone, **state) for name, (phone, state, _) in records.items()), grants=[held])
    outcome = await shelves.ask(search(), CLERK)
    wanted = [
        n for n, (phone, state, granted) in records.items() if phone == PHONE and not state and (granted or every)
    ]
    assert outcome.result.values == {"records": wanted, "more": False}
    assert [event.record for event in outcome.facts] == (wanted or [None])
    assert {(event.action, event.fields, event.allowed) for event in outcome.facts} == {("query", ("phone",), True)}


@pytest.mark.clause("USE-07")
@pytest.mark.parametrize("outside", [(), (1,), tuple(range(60)), tuple(range(250))])
async def test_matches_outside_the_grant_are_answered_as_no_match(outside: tuple[int, ...]) -> None:
    held = grant(CLERK.id, records=frozenset({"rec-mine"}))
    none = Shelves(record("rec-mine", OTHER), grants=[held])
    some = Shelves(record("rec-mine", OTHER), *(record(f"rec-{at}") for at in outside), grants=[held])
    command = search()
    answers = [await shelves.ask(command, CLERK) for shelves in (none, some)]
    assert answers[0] == answers[1]
    assert none.looked_up == some.looked_up


async def test_a_part_is_found_as_its_archive_unless_its_consent_is_gone() -> None:
    held = grant(CLERK.id, records=frozenset({"rec-main"}))
    part = record("rec-part", stage="merged", part_of="rec-main")
    for changes, found in (({}, ["rec-main"]), ({"consent_state": "withdrawn"}, []), ({"objected": True}, [])):
        main = stored("rec-main", {"name": "张三"}, parts=("rec-part",))
        shelves = Shelves(main, replace(part, **changes), grants=[held])  # type: ignore[arg-type]
        assert (await shelves.ask(search(), CLERK)).result.values == {"records": found, "more": False}


@pytest.mark.clause("USE-07", "USE-09", "SEC-07")
@pytest.mark.parametrize(
    ("of_part", "of_main"),
    [
        ({"intake": {"assessment": {"risk_grade": "high"}}}, {}),  # restricted readers only
        ({"purpose": "marketing"}, {}),  # collected for something else
        ({}, {"dropped": {"phone": ("rec-part",)}}),  # removed with the archive's own
        ({}, {"fields": {"name": "张三", "phone": OTHER}}),  # the archive's own value is what a read shows
    ],
)
async def test_what_a_read_of_the_archive_does_not_show_is_not_found_in_its_parts(
    of_part: dict[str, Any], of_main: dict[str, Any]
) -> None:
    held = grant(CLERK.id, records=frozenset({"rec-main"}))
    part = record("rec-part", stage="merged", part_of="rec-main", **of_part)
    fields = of_main.pop("fields", {"name": "张三"})
    main = stored("rec-main", fields, parts=("rec-part",), **of_main)
    shelves = Shelves(main, part, grants=[held])
    assert (await shelves.ask(search(), CLERK)).result.values == {"records": [], "more": False}


async def test_at_most_fifty_are_named() -> None:
    held = grant(CLERK.id, records=frozenset({"*"}))
    outcome = await Shelves(*(record(f"rec-{at:03d}") for at in range(60)), grants=[held]).ask(search(), CLERK)
    values: dict[str, Any] = outcome.result.values or {}
    assert (len(values["records"]), values["more"], len(outcome.facts)) == (50, True, 50)


@pytest.mark.clause("USE-07", "STO-03")
@pytest.mark.parametrize(
    ("members", "changes", "code"),
    [
        ({"field": "city", "value": "Suzhou"}, {}, "DG-ACC-021"),
        ({"field": "id_number", "value": "x"}, {"fields": frozenset({"phone"})}, "DG-ACC-003"),
        ({"value": "no number"}, {}, "DG-COL-002"),
        ({"purpose": "marketing"}, {}, "DG-ACC-004"),
        ({}, {"not_after": NOW}, "DG-ACC-002"),
        ({}, {"principal": "per:other"}, "DG-ACC-001"),
    ],
)
async def test_outside_the_grant_nothing_is_searched(
    members: dict[str, Any], changes: dict[str, Any], code: str
) -> None:
    shelves = Shelves(record("rec-1"), grants=[replace(grant(CLERK.id, records=frozenset({"*"})), **changes)])
    outcome = await shelves.ask(search(**members), CLERK)
    assert (outcome.result.code, outcome.result.values) == (code, None)
    assert [(event.action, event.allowed, event.code) for event in outcome.facts] == [("query", False, code)]
    assert "tokens" not in shelves.looked_up


async def test_who_may_not_read_the_field_does_not_search_by_it() -> None:
    shelves = Shelves(record("rec-1"), grants=[grant(CLERK.id, records=frozenset({"*"}))])
    outcome = await shelves.ask(search(), replace(CLERK, clearance=Level.BASIC))
    assert (outcome.result.code, outcome.result.values) == ("DG-CMD-004", None)
