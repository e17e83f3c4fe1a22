"""Deadlines in working days (工作日, clauses COL-17, ARR-14): pure; which days are worked is passed in.

Days are those of China (UTC+8, without summer time), whatever the machine's clock is set to.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

#: Whether a day is worked.
IsWorked = Callable[[date], bool]
CHINA: Final = timezone(timedelta(hours=8), "UTC+8")
_ONE_DAY: Final = timedelta(days=1)
#: No calendar has so many days off in a row; one that has is broken, and must not hang a worker.
_MAX_FREE_DAYS: Final = 60


def deadline(start: date, days: int, is_worked: IsWorked) -> date:
    """The last day of a period of so many working days. The day on which it begins does not count.

    Args:
        start: the day of the event.
        days: working days, at least 1.
        is_worked: whether a day is worked.

    Raises:
        ValueError: for less than one day, or a calendar without working days.
    """
    if days < 1:
        raise ValueError("a period has at least one day")
    day, left, free = start, days, 0
    while left:
        day += _ONE_DAY
        if is_worked(day):
            left, free = left - 1, 0
            continue
        free += 1
        if free > _MAX_FREE_DAYS:
            raise ValueError("the calendar has no working days")
    return day


def is_weekday(day: date) -> bool:
    """Monday to Friday: a calendar without holidays."""
    return day.weekday() < 5  # before Saturday


def day_of(at: float) -> date:
    """The day in China of a time in UNIX seconds."""
    return datetime.fromtimestamp(at, CHINA).date()


def day_of_moment(moment: str) -> date:
    """The day in China of an RFC 3339 time.

    Raises:
        ValueError: when there is no such time, or it is in China before the first or after the last day of all.
    """
    try:
        return day_of(seconds_of(moment))
    except OverflowError:  # 9999-12-31T23:59:59Z is a time, and already the next year in China
        raise ValueError("no such day") from None


def seconds_of(moment: str) -> float:
    """UNIX seconds of an RFC 3339 time.

    Raises:
        ValueError: when there is no such time.
    """
    at = datetime.fromisoformat(moment)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def end_of(day: date) -> str:
    """The last second of a day in China, as RFC 3339."""
    return datetime.combine(day, time(23, 59, 59), CHINA).isoformat()
