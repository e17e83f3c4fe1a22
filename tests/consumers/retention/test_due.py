"""When a record falls due: by the texts' own years, by what happened, and never too early."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from consumers.retention.due import Kind, after, statutory_end, term, years_of
from schemas.errors import Refusal
from schemas.rule_tables.retention import Retention

STRICT = Retention()
DAYS = st.dates(date(1990, 1, 1), date(2090, 12, 31))
ENDED = {"end_of_business": date(2020, 5, 31)}
BASE = {"start_by_class": {}, "statutory_minimum": {}}


def kind(of: str = "customer", **changes: Any) -> Kind:
    return Kind(**{"retention_class": of, "item": None, "collected": date(2018, 3, 1)} | changes)


@pytest.mark.clause("STO-11")
@pytest.mark.parametrize(
    ("start", "years", "months", "expected"),
    [
        (date(2020, 5, 31), 10, 0, date(2030, 5, 31)),
        (date(2020, 2, 29), 1, 0, date(2021, 2, 28)),
        (date(2020, 2, 29), 4, 0, date(2024, 2, 29)),
        (date(2020, 1, 31), 0, 1, date(2020, 2, 29)),
        (date(2019, 1, 31), 0, 13, date(2020, 2, 29)),
        (date(2020, 12, 31), 0, 2, date(2021, 2, 28)),
        (date(2020, 3, 31), 0, 6, date(2020, 9, 30)),
        (date(9990, 1, 1), 100, 0, date.max),
        (date(2020, 5, 31), 0, 0, date(2020, 5, 31)),
    ],
)
def test_calendar_arithmetic(start: date, years: int, months: int, expected: date) -> None:
    assert after(start, years=years, months=months) == expected


@given(DAYS, st.integers(0, 60), st.integers(0, 600))
def test_later_is_never_earlier_and_keeps_the_day_where_there_is_one(start: date, years: int, months: int) -> None:
    end = after(start, years=years, months=months)
    assert end >= start
    assert end.day == start.day or (end.day < start.day and after(end, months=0).month == end.month)
    assert (end.year - start.year) * 12 + end.month - start.month == 12 * years + months


@pytest.mark.clause("STO-11", "ARR-07")
@given(DAYS, st.none() | DAYS)
def test_by_default_nothing_falls_due_before_the_business_has_ended(collected: date, traded: date | None) -> None:
    facts = {} if traded is None else {"last_transaction": traded}
    found = term(kind(collected=collected), facts, STRICT)
    assert (found.start, found.due, found.event) == (None, None, "end_of_business")
    ended = term(kind(collected=date(2018, 3, 1)), facts | ENDED, STRICT)
    assert (ended.start, ended.due) == (date(2020, 5, 31), date(2030, 5, 31))


@pytest.mark.clause("STO-11", "ARR-07")
def test_what_a_period_is_counted_from_is_a_setting() -> None:
    def start(event: str, **facts: date) -> date | None:
        return term(kind(), facts, Retention(start_event=event, start_by_class={})).start  # type: ignore[arg-type]

    assert start("collection", end_of_business=date(2021, 1, 1)) == date(2018, 3, 1)
    assert start("last_transaction") == date(2018, 3, 1)
    assert start("last_transaction", last_transaction=date(2019, 1, 1)) == date(2019, 1, 1)
    assert start("last_transaction", last_transaction=date(2010, 1, 1)) == date(2018, 3, 1)
    assert start("account_closed", end_of_business=date(2021, 1, 1)) is None
    assert start("end_of_business", end_of_business=date(2010, 1, 1)) == date(2018, 3, 1)
    by_class = term(kind("marketing"), {}, STRICT)
    assert (by_class.event, by_class.due) == ("collection", date(2020, 3, 1))


@pytest.mark.clause("STO-10")
def test_a_period_told_to_the_customer_is_kept_to_unless_law_demands_more() -> None:
    told = {"told_months": 6}
    assert term(kind("marketing", **told), {}, STRICT).due == date(2018, 9, 1)
    assert term(kind("marketing", **told), {}, STRICT).limit == "told"
    assert term(kind("customer", **told), ENDED, STRICT).due == date(2030, 5, 31)
    assert term(kind("marketing", **told), {}, Retention(within_told=False)).due == date(2020, 3, 1)
    assert term(kind("marketing", told_months=1200), {}, STRICT).due == date(2020, 3, 1)


@given(DAYS, st.integers(1, 1200), st.sampled_from(sorted(STRICT.years_by_class)), DAYS)
def test_no_period_is_longer_than_told_unless_it_rests_on_law(day: date, months: int, of: str, ended: date) -> None:
    found = term(kind(of, collected=day, told_months=months), {"end_of_business": ended}, STRICT)
    assert found.start is not None
    assert found.due is not None
    if STRICT.basis_by_class[of] == "law":
        assert found.due == after(found.start, years=STRICT.years_by_class[of])
    else:
        lawful = statutory_end(kind(of, collected=day), {"end_of_business": ended}, STRICT) or date.min
        assert found.due <= max(after(found.start, months=months), lawful)


@given(DAYS, DAYS)
def test_an_extension_only_ever_makes_a_period_longer(ended: date, until: date) -> None:
    plain = term(kind(), {"end_of_business": ended}, STRICT)
    longer = term(kind(), {"end_of_business": ended}, STRICT, extended=until)
    assert plain.due is not None
    assert longer.due == max(plain.due, until)


def test_an_item_may_ask_for_more_years_than_its_class() -> None:
    rules = Retention(years_by_item={"witness_video": 20, "leaflet": 1})
    assert [years_of("customer", item, rules) for item in (None, "witness_video", "leaflet")] == [10, 20, 10]


@pytest.mark.clause("STO-10")
def test_a_class_without_a_period_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        term(kind("gossip"), {}, STRICT)
    assert refused.value.code == "DG-RET-001"


@pytest.mark.clause("STO-11")
@pytest.mark.parametrize(("years", "lawful"), [(0, False), (4, False), (5, True), (15, True), (16, False)])
def test_transaction_records_are_kept_for_five_to_fifteen_years(years: int, lawful: bool) -> None:
    table: dict[str, Any] = {
        **BASE,
        "years_by_class": {"transactions": years},
        "basis_by_class": {"transactions": "law"},
    }
    if lawful:
        assert Retention(**table).years_by_class["transactions"] == years
    else:
        with pytest.raises(ValidationError):
            Retention(**table)


@pytest.mark.clause("STO-10")
def test_a_period_says_what_it_rests_on_and_is_not_shorter_than_the_law() -> None:
    with pytest.raises(ValidationError, match="rests on"):
        Retention(years_by_class={"customer": 10}, basis_by_class={}, transaction_classes=())
    with pytest.raises(ValidationError, match="statutory_minimum"):
        Retention(years_by_class={"customer": 3}, basis_by_class={"customer": "law"}, statutory_minimum={"customer": 5})


@pytest.mark.clause("DES-03")
def test_law_keeps_what_a_customer_wants_deleted_until_its_own_minimum_ends() -> None:
    assert statutory_end(kind("marketing"), {}, STRICT) is None
    assert statutory_end(kind("customer"), {}, STRICT) == date.max
    assert statutory_end(kind("customer"), ENDED, STRICT) == date(2030, 5, 31)


@pytest.mark.clause("STO-11", "DES-01")
@given(DAYS, st.integers(1, 1200), st.sampled_from(sorted(STRICT.years_by_class)), DAYS)
def test_nothing_falls_due_before_the_laws_minimum_has_ended(day: date, months: int, of: str, ended: date) -> None:
    """Also where the customer was told a shorter period than law allows to keep to."""
    facts = {"end_of_business": ended}
    found = term(kind(of, collected=day, told_months=months), facts, STRICT)
    lawful = statutory_end(kind(of, collected=day), facts, STRICT)
    assert found.due is not None
    assert lawful is None or found.due >= lawful
