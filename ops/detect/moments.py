"""Conditions that one event meets by itself: the hour, and what is listed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from consumers.calendars import is_worked_in_china
from ops.detect.rules import Listed, OffHours
from ops.detect.seen import Seen
from ops.detect.watching import Hit, NothingDue

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class WatchHours(NothingDue):
    """See :class:`ops.detect.rules.OffHours`."""

    def __init__(self, condition: OffHours) -> None:
        self._condition = condition
        self._zone = ZoneInfo(condition.zone)
        self._is_worked = lru_cache(maxsize=64)(self._looked_up)  # events come day by day

    def see(self, event: Seen, selected: bool) -> Hit | None:
        """Look at the clock."""
        if not selected:
            return None
        local = datetime.fromtimestamp(event.at_ms / 1000, UTC).astimezone(self._zone)
        said = self._condition
        if said.begin <= local.time() < said.end and self._is_worked(local.date()):
            return None
        return Hit(event.get(said.by), event.at_ms, (event.uid,), 1)

    def _looked_up(self, day: date) -> bool:
        days = self._condition.days
        return is_worked_in_china(day) if days == "CN" else _DAYS[day.weekday()] in days


class WatchList(NothingDue):
    """See :class:`ops.detect.rules.Listed`."""

    def __init__(self, condition: Listed) -> None:
        self._condition = condition
        self._exact = frozenset(value for value in condition.values if not value.endswith("*"))
        self._beginnings = tuple(value[:-1] for value in condition.values if value.endswith("*"))

    def see(self, event: Seen, selected: bool) -> Hit | None:
        """Look the value up."""
        value = event.get(self._condition.of)
        if not selected or not (value in self._exact or (value and value.startswith(self._beginnings))):
            return None
        return Hit(event.get(self._condition.by), event.at_ms, (event.uid,), 1)
