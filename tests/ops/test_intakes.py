"""Which deadlines of intake have passed: hand-overs on the Chinese calendar, answers to returns; never a day early."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.calendars import calendar
from ops.intakes import Late, late
from schemas.working_days import deadline
from tests.consumers.intakes import INTAKE, SENDER, STRICT, filed, rules
from tests.consumers.samples import NOW

RETURNED: dict[str, Any] = {
    "stage": "returned",
    "review": {"by": "per:reviewer", "version": 1, "result": "returned", "answer_by": "2026-11-09T23:59:59+08:00"},
}


def found(today: date, book: Any = STRICT.book, **changes: Any) -> tuple[str, date] | None:
    each: Late | None = late(filed(**changes), book, today)
    return (each.what, each.due) if each else None


@pytest.mark.clause("COL-17")
def test_a_hand_over_is_due_ten_working_days_after_the_business_ended() -> None:
    ended = {"intake": {**INTAKE, "happened_at": "2026-09-25T10:00:00+08:00"}}
    # Friday before the National Day week of 2026; Saturday 10 October is worked.
    last = deadline(date(2026, 9, 25), 10, calendar("CN"))
    for stage in ("received", "reviewed"):
        assert found(last, stage=stage, **ended) is None
        assert found(last + timedelta(1), stage=stage, **ended) == ("hand_over", last)
    for stage in ("handed_over", "archived", "duplicate", "merged"):
        assert found(last + timedelta(99), stage=stage, **ended) is None
    weekdays = rules(handover={"working_calendar": "weekdays", "deadline_working_days": 3}).book
    assert found(date(2026, 10, 1), weekdays, **ended) == ("hand_over", date(2026, 9, 30))
    assert found(last + timedelta(99), rules(handover={"required": False}).book, **ended) is None


@pytest.mark.clause("COL-17")
def test_without_a_stated_end_it_counts_from_the_collection() -> None:
    for stated in ({}, {"happened_at": "2026-02-30T10:00:00+08:00"}):
        assert found(date(2027, 3, 1), intake=stated) == ("hand_over", date(2027, 1, 29))  # from 2027-01-15, NOW
    assert NOW == 1_800_000_000


@pytest.mark.clause("ARR-14")
def test_an_unanswered_return_is_overdue_after_its_day_and_an_answered_one_is_not() -> None:
    assert found(date(2026, 11, 9), **RETURNED) is None
    assert found(date(2026, 11, 10), **RETURNED) == ("answer", date(2026, 11, 9))
    answered = {**RETURNED, "version": 2, "revisers": {1: SENDER}}
    assert found(date(2026, 11, 10), **answered) is None
    assert found(date(2026, 11, 17), **answered) == ("hand_over", date(2026, 11, 16))  # it still is to be handed over


@given(st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.integers(0, 60), st.integers(1, 30))
def test_never_overdue_before_so_many_days_have_passed(ended: date, later: int, days: int) -> None:
    book = rules(handover={"deadline_working_days": days}).book
    known = replace(filed(), intake={"happened_at": f"{ended}T12:00:00+08:00"})
    assert late(known, book, ended + timedelta(min(later, days))) is None
