"""Bulk reads: pages hold what single reads would answer, and nothing else; what is withheld is counted, not named."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.reading import browse as browsing
from keys.cursors import CURSOR_CHARACTERS
from schemas.levels import Level
from schemas.principals import Grant
from store.record import Record
from tests.consumers.samples import NOW, RULES, access, browse, grant, principal
from tests.simulators.reading import Shelves, stored

CLERK = principal("per:clerk-7", "reader", kind="person")
EVERY = grant(CLERK.id, records=frozenset({"*"}))
FIELDS = ("name", "phone", "city", "occupation", "id_number")
VALUES = {"name": "张三丰", "phone": "+8613800138000", "city": "Suzhou", "occupation": "cook", "id_number": "11010519491231002X"}  # fmt: skip
#: What can be the matter with a record, and whether a page counts it: a reader who may not know of it learns nothing.
STATES: dict[str, tuple[dict[str, Any], int]] = {
    "good": ({}, 0),
    "withdrawn": ({"consent_state": "withdrawn"}, 1),
    "checking": ({"consent_state": "checking"}, 0),
    "received": ({"stage": "received"}, 1),
    "objected": ({"objected": True}, 1),
    "merged": ({"stage": "merged", "part_of": "rec-0"}, 0),
    "other purpose": ({"purpose": "marketing"}, 1),
}


def records(*states: str) -> list[Record]:
    return [stored(f"rec-{at:03d}", VALUES, **STATES[state][0]) for at, state in enumerate(states, 1)]


#: What keeps a record from a reader altogether.
HIDDEN: dict[str, dict[str, Any]] = {
    "risk": {"intake": {"assessment": {"risk_grade": "high"}}},
    "checking": {"consent_state": "checking"},
    "outside": {"subject": "sub-other"},
}


async def pages(shelves: Shelves, held: Grant, **members: Any) -> list[dict[str, Any]]:
    found, after = [], None
    while True:
        outcome = await shelves.ask(browse(after=after, **members), CLERK)
        assert outcome.result.values is not None, outcome.result
        found.append(outcome.result.values)
        after = outcome.result.values["after"]
        if after is None:
            return found  # type: ignore[return-value]


@given(st.lists(st.sampled_from(sorted(STATES)), max_size=12), st.integers(1, 5), st.booleans())
async def test_pages_hold_just_what_single_reads_answer(states: list[str], limit: int, named: bool) -> None:
    every = records(*states)
    names = frozenset(record.id for record in every) | {"rec-gone"} if named else frozenset({"*"})
    held = grant(CLERK.id, records=names)
    shelves = Shelves(*every, grants=[held])
    found = await pages(shelves, held, limit=limit, fields=FIELDS)
    rows = [row for page in found for row in page["rows"]]
    singles = {}
    for record in every:
        outcome = await shelves.ask(access(record=record.id, fields=FIELDS), CLERK)
        if outcome.result.values is not None:
            singles[record.id] = outcome.result.values
    assert {row["record"]: row["values"] for row in rows} == singles
    assert [row["record"] for row in rows] == sorted(singles)
    assert sum(page["withheld"] for page in found) == sum(STATES[state][1] for state in states)
    assert all(len(page["rows"]) <= limit for page in found)


async def test_each_record_of_a_page_leaves_its_own_event_and_an_empty_page_one() -> None:
    shelves = Shelves(*records("good", "objected", "good"), grants=[EVERY])
    outcome = await shelves.ask(browse(), CLERK)
    assert [(event.action, event.record, event.fields, event.allowed) for event in outcome.facts] == [
        ("access", "rec-001", ("name", "city"), True),
        ("access", "rec-003", ("name", "city"), True),
    ]
    nothing = await Shelves(grants=[EVERY]).ask(browse(), CLERK)
    assert nothing.result.values == {"rows": [], "withheld": 0, "after": None, "next": []}
    assert [(event.record, event.grant) for event in nothing.facts] == [(None, "grant-1")]


@pytest.mark.clause("USE-07")
@pytest.mark.parametrize(
    ("changes", "members", "code"),
    [
        ({"principal": "per:somebody-else"}, {}, "DG-ACC-001"),
        ({"not_after": NOW}, {}, "DG-ACC-002"),
        ({"recalled_at": NOW}, {}, "DG-ACC-002"),
        ({"returned_at": NOW - 1}, {}, "DG-ACC-002"),
        ({"fields": frozenset({"name"})}, {}, "DG-ACC-003"),
        ({"purpose": "marketing"}, {}, "DG-ACC-004"),
        ({}, {"copying": True}, "DG-ACC-022"),
        ({}, {"after": "13800138000"}, "DG-ACC-029"),
        ({}, {"until": "rec-001"}, "DG-ACC-029"),
        ({}, {"purpose": "gossip"}, "DG-COL-006"),
        ({}, {"fields": ["uscc"]}, "DG-COL-005"),
    ],
)
async def test_outside_the_grant_no_page_is_read(changes: dict[str, Any], members: dict[str, Any], code: str) -> None:
    shelves = Shelves(*records("good"), grants=[replace(EVERY, **changes)])
    outcome = await shelves.ask(browse(**members), CLERK)
    assert (outcome.result.code, outcome.result.values) == (code, None)
    (event,) = outcome.facts
    assert (event.allowed, event.code, event.record) == (False, code, None)
    assert {"page", "keys"}.isdisjoint(shelves.looked_up)


@pytest.mark.clause("USE-07")
@given(st.sets(st.sampled_from([f"rec-{at:03d}" for at in range(1, 9)])), st.integers(1, 8))
async def test_a_page_never_holds_a_record_that_the_grant_does_not_name(named: set[str], limit: int) -> None:
    held = grant(CLERK.id, records=frozenset(named))
    found = await pages(Shelves(*records(*["good"] * 8), grants=[held]), held, limit=limit)
    assert {row["record"] for page in found for row in page["rows"]} == named


@pytest.mark.clause("USE-07")
@given(st.lists(st.sampled_from(["b-07", "b-08", None]), max_size=8))
async def test_a_selection_bounds_a_grant_on_all_records(buildings: list[str | None]) -> None:
    held = replace(EVERY, selection=frozenset({("building", "b-07")}))
    every = [
        stored(f"rec-{at}", VALUES, intake={"household": {"building": b, "floor": 1, "unit": "a"}} if b else None)
        for at, b in enumerate(buildings)
    ]
    shelves = Shelves(*every, grants=[held])
    found = await pages(shelves, held)
    wanted = [record.id for record, building in zip(every, buildings, strict=True) if building == "b-07"]
    assert [row["record"] for page in found for row in page["rows"]] == wanted
    assert all(page["withheld"] == 0 for page in found)  # of the others not even how many there are
    for record in every:
        outcome = await shelves.ask(access(record=record.id), CLERK)
        assert outcome.result.code == (None if record.id in wanted else "DG-ACC-007")


@pytest.mark.clause("USE-07", "SEC-07")
@given(st.lists(st.sampled_from([*sorted(HIDDEN), "good", "objected"]), max_size=30), st.integers(1, 5))
async def test_no_answer_ever_names_or_counts_a_record_that_the_reader_must_not_know_of(
    kinds: list[str], limit: int
) -> None:
    held = replace(EVERY, selection=frozenset({("subject", "sub-own")}))
    every = [
        stored(
            f"rec-{at:03d}", VALUES, **{"subject": "sub-own", **HIDDEN.get(kind, {}), "objected": kind == "objected"}
        )
        for at, kind in enumerate(kinds)
    ]
    secret = [record.id for record, kind in zip(every, kinds, strict=True) if kind in HIDDEN]
    shelves = Shelves(*every, grants=[held])
    found: list[dict[str, Any]] = []
    asked: set[tuple[str | None, str | None]] = set()
    places: list[tuple[str | None, str | None]] = [(None, None)]
    while places:  # each place that any answer named, in each way that it can be asked for
        place = places.pop()
        if place in asked:
            continue
        asked.add(place)
        outcome = await shelves.ask(browse(after=place[0], until=place[1], limit=limit), CLERK)
        values: Any = outcome.result.values
        found.append(values)
        tokens = [each for each in (values["after"], *values["next"]) if each]
        places += [(each, None) for each in tokens] + [(each, end) for each in tokens[:1] for end in tokens[1:]]
        text = orjson.dumps(values) + b"".join(urlsafe_b64decode(f"{each}==") for each in tokens)
        assert not any(name.encode() in text for name in secret)
        assert all(len(each) == CURSOR_CHARACTERS for each in tokens)
        assert {event.record for event in outcome.facts}.isdisjoint(secret)
        if place[1] is None and values["after"] is not None:  # full: no gap tells how many were passed over
            assert len(values["rows"]) + values["withheld"] == limit
    shown = {row["record"] for values in found for row in values["rows"]}
    assert shown == {record.id for record, kind in zip(every, kinds, strict=True) if kind == "good"}


async def test_a_page_looks_so_far_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "MAX_FURTHER", 30)
    shelves = Shelves(*records(*["checking"] * 90, "good"), grants=[EVERY])
    found = await pages(shelves, EVERY, limit=1)
    assert [len(page["rows"]) for page in found][-1] == 1
    assert sum(len(page["rows"]) for page in found) == 1
    assert 1 < len(found) < 5


@pytest.mark.clause("USE-07")
@pytest.mark.parametrize("member", ["after", "until"])
async def test_a_place_serves_its_reader_under_its_grant_alone(member: str) -> None:
    mine, second = grant(CLERK.id), replace(EVERY, id="grant-2")
    other = replace(EVERY, id="grant-3", principal="per:somebody-else")
    shelves = Shelves(*records("good", "good"), grants=[replace(mine, records=frozenset({"*"})), second, other])
    values: Any = (await shelves.ask(browse(limit=1), CLERK)).result.values
    assert (await shelves.ask(browse(limit=1, **{member: values["after"]}), CLERK)).result.code is None
    strange = await shelves.place("rec-001", "per:somebody-else", "grant-1")
    for command in (browse(grant="grant-2", **{member: values["after"]}), browse(**{member: strange})):
        outcome = await shelves.ask(command, CLERK)
        assert (outcome.result.code, outcome.result.values) == ("DG-ACC-029", None)
        assert [event.allowed for event in outcome.facts] == [False]
        assert "page" not in shelves.looked_up
    someone = principal("per:somebody-else", "reader", kind="person")
    outcome = await shelves.ask(browse(grant="grant-3", **{member: values["after"]}), someone)
    assert outcome.result.code == "DG-ACC-029"


async def test_records_that_a_full_page_leaves_out_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "MAX_PAGE_JSON", 200)
    shelves = Shelves(*records("good", "good", "objected", "good"), grants=[EVERY])
    found = await pages(shelves, EVERY, fields=FIELDS)
    assert sum(page["withheld"] for page in found) == 1


async def test_a_broken_record_is_counted_and_the_others_are_read() -> None:
    shelves = Shelves(*records("good", "good", "good"), grants=[EVERY])
    shelves.broken = {"rec-002"}
    values = (await shelves.ask(browse(), CLERK)).result.values or {}
    assert ([row["record"] for row in values["rows"]], values["withheld"]) == (["rec-001", "rec-003"], 1)  # type: ignore[attr-defined]


async def test_a_page_ends_where_a_message_would_be_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "MAX_PAGE_JSON", 200)
    shelves = Shelves(*records("good", "good", "good"), grants=[EVERY])
    found = await pages(shelves, EVERY, fields=FIELDS)
    assert [[row["record"] for row in page["rows"]] for page in found] == [["rec-001"], ["rec-002"], ["rec-003"]]
    assert all(len(orjson.dumps(page["rows"])) < 260 for page in found)


@pytest.mark.clause("STO-03", "USE-07")
@given(st.sets(st.sampled_from(FIELDS), min_size=1), st.sets(st.sampled_from(FIELDS)), st.sampled_from(Level))
async def test_a_sensitive_value_needs_its_own_permission_level_and_its_own_place_in_the_grant(
    asked: set[str], granted: set[str], clearance: Level
) -> None:
    clerk = replace(CLERK, clearance=clearance)
    held = grant(CLERK.id, records=frozenset({"*"}), fields=frozenset(granted), clear=frozenset({"*"}))
    shelves = Shelves(*records("good"), grants=[held])
    needed = max(RULES.catalogue.field(name).level.rank for name in asked)
    may = asked <= granted and needed <= clearance.rank
    for command in (browse(fields=sorted(asked)), access(record="rec-001", fields=sorted(asked))):
        outcome = await shelves.ask(command, clerk)
        assert (outcome.result.values is not None) == may
        text = orjson.dumps(outcome.result.values).decode()
        shown = {name for name in FIELDS if VALUES[name] in text}
        assert shown == (asked if may else set())
