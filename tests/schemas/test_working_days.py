"""Working days, compared with the library's own count day by day, and with the known odd weeks of the calendar."""

from __future__ import annotations

from datetime import date, timedelta

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.calendars import calendar, is_worked_in_china
from schemas.working_days import day_of, day_of_moment, deadline, end_of, is_weekday, seconds_of

KNOWN = st.dates(date(2004, 1, 1), date(2026, 6, 30))


@pytest.mark.clause("COL-17")
@given(start=KNOWN, days=st.integers(1, 60))
def test_the_deadline_is_where_the_librarys_working_days_say(start: date, days: int) -> None:
    worked = chinese_calendar.get_workdays(start + timedelta(days=1), start + timedelta(days=180))
    assert deadline(start, days, calendar("CN")) == worked[days - 1]


@given(start=KNOWN, days=st.integers(1, 60))
def test_more_days_end_later_and_always_on_a_worked_day(start: date, days: int) -> None:
    for name in ("CN", "weekdays"):
        counted = calendar(name)
        end = deadline(start, days, counted)
        assert counted(end)
        assert end < deadline(start, days + 1, counted)
        assert end <= deadline(start + timedelta(days=1), days, counted)


@pytest.mark.clause("COL-17")
def test_holidays_do_not_count_and_made_up_weekends_do() -> None:
    assert deadline(date(2026, 9, 30), 1, calendar("CN")) == date(2026, 10, 8)  # the National Day week
    assert is_worked_in_china(date(2026, 10, 10))  # a Saturday worked in its place
    assert deadline(date(2026, 10, 9), 1, calendar("CN")) == date(2026, 10, 10)
    assert deadline(date(2026, 10, 9), 1, calendar("weekdays")) == date(2026, 10, 12)


@given(st.dates(date(2027, 1, 1), date(2100, 12, 31)) | st.dates(date(1950, 1, 1), date(2003, 12, 31)))
def test_in_years_not_announced_every_weekday_counts(day: date) -> None:
    try:
        chinese_calendar.is_workday(day)
    except NotImplementedError:
        assert is_worked_in_china(day) == is_weekday(day)


def test_what_is_no_period_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        deadline(date(2026, 1, 1), 0, is_weekday)
    with pytest.raises(ValueError, match="no working days"):
        deadline(date(2026, 1, 1), 1, lambda _day: False)


def test_days_are_chinas() -> None:
    assert day_of_moment("2026-03-01T15:59:59Z") == date(2026, 3, 1)
    assert day_of_moment("2026-03-01T16:00:00Z") == date(2026, 3, 2)
    assert day_of(seconds_of(end_of(date(2026, 3, 1)))) == date(2026, 3, 1)
    assert day_of(seconds_of(end_of(date(2026, 3, 1))) + 1) == date(2026, 3, 2)
    with pytest.raises(ValueError, match="day"):
        seconds_of("2026-02-30T00:00:00Z")
