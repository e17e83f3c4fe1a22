"""A run that reads only what may be due misses nothing that is (clause DES-02)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.retention.due import Kind, term
from consumers.retention.ripe import Ripe, ripe
from consumers.rules import Rules
from ops.rules import load_rules
from schemas.rule_tables.retention import Retention

pytestmark = pytest.mark.clause("DES-02")

RULES = load_rules(profile="trial")
DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))
EVENTS = st.sampled_from(
    ["end_of_business", "collection", "last_transaction", "account_closed", "contract_ended", "no_longer_needed"]
)
CLASSES = ("customer", "due_diligence", "transactions", "marketing")
KINDS = st.builds(Kind, st.sampled_from(CLASSES), st.none() | st.just("video"), DAYS, st.none() | st.integers(1, 240))
#: One period and one event for all classes, so that each bound is one class's own; or any for each.
PERIODS = st.integers(0, 30).map(lambda years: dict.fromkeys(CLASSES, years)) | st.fixed_dictionaries(
    {name: st.integers(0, 30) for name in CLASSES}
)
STARTS = EVENTS.map(lambda event: dict.fromkeys(CLASSES, event)) | st.dictionaries(st.sampled_from(CLASSES), EVENTS)
RETENTION = st.builds(
    lambda years, starts, bases, told: Retention(
        years_by_class=years, start_by_class=starts, basis_by_class=bases, within_told=told, transaction_classes=(),
        statutory_minimum={}, years_by_item={"video": 4},
    ),
    PERIODS, STARTS, st.fixed_dictionaries({name: st.sampled_from(["law", "industry", "business"]) for name in CLASSES}),
    st.booleans(),
)  # fmt: skip


def with_retention(retention: Retention) -> Rules:
    return replace(RULES, book=RULES.book.model_copy(update={"retention": retention}))


def meets(bounds: Ripe, purpose: str, collected: date, facts: dict[str, date], told_months: int | None = None) -> bool:
    """The condition that the store asks of a record."""
    if purpose in bounds.by_fact:
        return any(day <= bounds.facts.get(event, date.min) for event, day in facts.items())
    return collected <= bounds.collected or (bounds.told and told_months is not None)


@given(RETENTION, KINDS, st.dictionaries(EVENTS, DAYS, max_size=2), st.integers(0, 1), st.booleans())
def test_whatever_is_due_may_be_due(
    retention: Retention, kind: Kind, facts: dict[str, date], late: int, dropped: bool
) -> None:
    due = term(kind, facts, retention).due
    if due is None:
        return
    today = due + timedelta(days=late)
    rules = with_retention(retention)
    purpose = next(
        name for name, each in rules.catalogue.purposes.items() if each.retention_class == kind.retention_class
    )
    if dropped:  # the catalogue has the purpose no more; its cohort tells the class
        purpose = "purpose-of-before"
    assert meets(ripe(rules, today), purpose, kind.collected, facts, kind.told_months)


def test_a_period_from_a_leap_day_ends_a_day_early() -> None:
    exact = Retention(within_told=False)
    ended, today = {"end_of_business": date(2020, 2, 29)}, date(2030, 2, 28)
    assert term(Kind("customer", None, date(2019, 1, 1)), ended, exact).due == today
    assert meets(ripe(with_retention(exact), today), "account_service", date(2019, 1, 1), ended)
    assert not meets(ripe(with_retention(exact), today - timedelta(days=2)), "account_service", date(2019, 1, 1), ended)


@given(DAYS)
def test_by_default_business_that_goes_on_keeps_a_record_from_being_read(today: date) -> None:
    bounds = ripe(RULES, today)
    assert not meets(bounds, "account_service", date(1990, 1, 1), {})
    assert not meets(bounds, "account_service", date(1990, 1, 1), {"end_of_business": today + timedelta(days=1)})


def test_what_was_collected_lately_and_told_no_period_is_not_read() -> None:
    bounds = ripe(RULES, date(2031, 3, 31))
    assert bounds.collected == date(2029, 4, 1)  # marketing: two years
    assert not meets(bounds, "marketing", date(2029, 4, 2), {})
    assert meets(bounds, "marketing", date(2029, 4, 2), {}, told_months=6)


@pytest.mark.parametrize("today", [date.min, date(5, 1, 1), date.max])
def test_no_day_is_out_of_range(today: date) -> None:
    exact = Retention(within_told=False, years_by_class={"marketing": 0}, statutory_minimum={})
    assert ripe(with_retention(exact), today).collected >= today
    assert ripe(RULES, today).collected <= today
