"""When a record is due again, a proposal overdue, a customer growing or lost: by the calendar alone."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.corrections import due_day, months_back, ms_of, overdue_fact, period_start, trend
from schemas.audit import event_id
from schemas.levels import Level
from schemas.rulebook import RuleBook
from schemas.working_days import is_weekday
from store.proposals import Proposal

DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))


def book(**revision: Any) -> RuleBook:
    return RuleBook.from_mappings({"revision": revision})


def proposal(**changes: Any) -> Proposal:
    members: dict[str, Any] = {
        "id": "p-1", "record": "rec-1", "by": "per:clerk", "at_ms": ms_of(date(2026, 3, 2)), "version": 1,
        "evidence": "call-1", "by_subject": True, "levels": {"city": Level.BASIC}, "ingest_key": "k",
    }  # fmt: skip
    return Proposal(**members | changes)


@pytest.mark.clause("UPD-01")
def test_only_a_data_subjects_request_has_a_last_day() -> None:
    assert due_day(proposal(), RuleBook(), is_weekday) == date(2026, 3, 23), "15 working days after a Monday"
    assert due_day(proposal(by_subject=False), RuleBook(), is_weekday) is None
    soon = RuleBook.from_mappings({"correction": {"subject_request_working_days": 1}})
    assert due_day(proposal(), soon, is_weekday) == date(2026, 3, 3)


@pytest.mark.clause("UPD-01")
def test_the_event_of_an_overdue_proposal_has_one_id_whoever_looks_and_when() -> None:
    first, second = (overdue_fact(proposal(), now=now) for now in (1.0, 2.0))
    assert event_id(first) == event_id(second)
    assert (first.verb, first.record, first.fields) == ("overdue", "rec-1", ("city",))


@pytest.mark.clause("UPD-09")
def test_the_strictest_period_of_revision_is_two_months() -> None:
    assert RuleBook().revision.period_months == 2
    assert period_start(date(2026, 11, 22), RuleBook()) == date(2026, 11, 1)
    assert period_start(date(2026, 12, 31), RuleBook()) == date(2026, 11, 1)
    assert period_start(date(2026, 5, 5), book(period_months=3)) == date(2026, 4, 1), "a quarter"
    assert period_start(date(2026, 5, 5), book(period_months=12)) == date(2026, 1, 1), "a year"


@pytest.mark.clause("UPD-08", "UPD-09")
@given(day=DAYS, months=st.integers(1, 60))
def test_periods_and_intervals_leave_no_day_out(day: date, months: int) -> None:
    start = period_start(day, book(period_months=months))
    assert start <= day
    assert start == period_start(start, book(period_months=months))
    assert period_start(start - timedelta(days=1), book(period_months=months)) == months_back(start, months)
    back = months_back(day, months)
    assert back <= months_back(day + timedelta(days=1), months)
    assert 28 * months <= (day - back).days <= 31 * months


@pytest.mark.clause("UPD-09")
@pytest.mark.parametrize(
    ("earlier", "later", "cause"),
    [(0, 2, None), (0, 3, "growing"), (2, 4, "growing"), (2, 3, None), (1, 0, "lost"), (0, 0, None), (5, 1, None)],
)
def test_growing_and_lost_customers_by_their_transactions(earlier: int, later: int, cause: str | None) -> None:
    times = [*range(earlier), *range(100, 100 + later), *range(200, 205)]
    assert trend(times, last=100, this=200) == cause, "this period's do not count: it is not over"
