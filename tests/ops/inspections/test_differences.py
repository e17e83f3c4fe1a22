"""Each way in which ledger and holdings can disagree is found, and nothing else (AUD-03, AUD-05)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.ports import KeyRef
from ops.detect.seen import Seen
from ops.inspections.bookings import movements_in
from ops.inspections.differences import differences, was_held
from ops.inspections.runs import Found
from schemas.levels import Level
from schemas.rulebook import Arrange
from store.holdings import Holding
from store.inspections import MAX_FINDINGS, Finding
from store.movements import Movement

UNTIL = 1_000
SLOTS = {"page-1": bytes([0, 7])}
WHOLE = Holding(
    "rec-1", "live", at_ms=500, version=2, keys={Level.CORE: KeyRef("page-1", 7)}, entered=2, index_code="P-1",
    paper="none", code="P-1", booked=Movement(500, None),
)  # fmt: skip
GONE = Holding("rec-1", "destroyed", at_ms=800, order="certified", code="P-1", booked=Movement(500, 800))


def kinds(held: Holding, rules: Arrange | None = None) -> list[str]:
    return [each.kind for each in differences(held, SLOTS, rules or Arrange(), until_ms=UNTIL)]


@pytest.mark.clause("AUD-03", "AUD-05")
@pytest.mark.parametrize(
    ("held", "found"),
    [
        (WHOLE, []),
        (GONE, []),
        (replace(WHOLE, entered=None, index_code=None, paper=None), ["record-without-index"]),
        (replace(WHOLE, entered=1), ["index-outdated"]),
        (replace(WHOLE, code=None, index_code=None), ["record-without-code"]),
        (replace(WHOLE, index_code="P-2"), ["code-differs"]),
        (replace(WHOLE, paper=None), ["paper-not-stated"]),
        (replace(WHOLE, keys={Level.CORE: KeyRef("page-2", 7)}), ["key-page-missing"]),
        (replace(WHOLE, keys={Level.CORE: KeyRef("page-1", 1)}), ["key-slot-missing"]),
        (replace(WHOLE, booked=Movement(None, None)), ["held-not-booked"]),
        (replace(WHOLE, booked=Movement(500, 600)), ["booked-out-but-held"]),
        (replace(WHOLE, order="certified"), ["destroyed-but-live"]),
        (replace(WHOLE, order="pending"), []),
        (replace(WHOLE, stage="received", entered=None, code=None, index_code=None), []),
        (replace(GONE, entered=2), ["index-without-record"]),
        (replace(GONE, order=""), ["tombstone-without-order"]),
        (replace(GONE, booked=Movement(500, None)), ["destruction-not-booked"]),
        (replace(GONE, state=""), ["order-without-tombstone", "code-without-record", "booked-not-held"]),
        (Holding("rec-1", "", code="P-9"), ["code-without-record"]),
    ],
)
def test_a_difference_is_named(held: Holding, found: list[str]) -> None:
    assert kinds(held) == found


@pytest.mark.clause("AUD-05")
def test_what_came_after_the_inventory_began_is_left_to_the_next() -> None:
    late = replace(WHOLE, at_ms=UNTIL + 1, entered=None, booked=Movement(None, None))
    assert kinds(late) == []
    assert not was_held(late, UNTIL)
    assert was_held(replace(GONE, at_ms=UNTIL + 1), UNTIL), "destroyed later: it was held then"
    assert not was_held(GONE, UNTIL)


def moved(action: str, record: str, at: int, *, allowed: bool = True, verb: str = "") -> Seen:
    return Seen("u", at, allowed, action, verb, "a", record, "", "", "", "", "", "", ())


EVENTS = st.lists(
    st.builds(
        moved, st.sampled_from(["collect", "destroy", "access", "update"]), st.sampled_from(["r-1", "r-2", "r-3", ""]),
        st.integers(1, 900), allowed=st.booleans(),
    ),
    max_size=30,
)  # fmt: skip


@pytest.mark.clause("AUD-05")
@given(EVENTS, EVENTS)
def test_movements_are_the_same_however_often_events_come(first: list[Seen], second: list[Seen]) -> None:
    came, went = movements_in([*first, *second])
    assert movements_in([*second, *first, *second]) == (came, went)
    done = {(each.action, each.record) for each in [*first, *second] if each.allowed and each.record}
    assert set(came) == {record for action, record in done if action == "collect"}
    assert set(went) == {record for action, record in done if action == "destroy"}


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40))
def test_what_is_found_is_bounded_and_counted(first: int, second: int) -> None:
    found = Found()
    made = [Finding("a", f"rec-{number}") for number in range(MAX_FINDINGS + first)]
    found.add(made)
    assert (len(found.findings), found.total["a"]) == (MAX_FINDINGS, MAX_FINDINGS + first)
    found.take_back(made[:second])
    assert (len(found.findings), found.total["a"]) == (MAX_FINDINGS - second, MAX_FINDINGS + first - second)
    other: Any = Found()
    other.join(found)
    assert other.total["a"] == found.total["a"]
