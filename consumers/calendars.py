"""The calendars that deadlines are counted on (setting ``handover.working_calendar``, clause COL-17).

``CN`` is the State Council's: public holidays, and weekends worked to make up for them (调休), from the library
chinesecalendar. It knows only the years that are announced; in any other, all weekdays are taken as worked, which
makes a deadline earlier, never later.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final, Literal

import chinese_calendar

from schemas.working_days import IsWorked, is_weekday


def is_worked_in_china(day: date) -> bool:
    """Whether the State Council's calendar has the day as a working day; a weekday where it has none."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return is_weekday(day)


_CALENDARS: Final[Mapping[Literal["CN", "weekdays"], IsWorked]] = MappingProxyType(
    {"CN": is_worked_in_china, "weekdays": is_weekday}
)


def calendar(name: Literal["CN", "weekdays"]) -> IsWorked:
    """The calendar of that name."""
    return _CALENDARS[name]
