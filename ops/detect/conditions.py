"""Which state machine runs which condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from ops.detect.counts import WatchHabits, WatchSequence, WatchVolume
from ops.detect.moments import WatchHours, WatchList
from ops.detect.rules import Rule
from ops.detect.runs import WatchAbsence, WatchReturns, WatchRuns
from ops.detect.watching import Watcher

_WATCHERS: Final[Mapping[str, Callable[[Any], Watcher]]] = MappingProxyType(
    {
        "volume": WatchVolume,
        "off_hours": WatchHours,
        "sequence": WatchSequence,
        "listed": WatchList,
        "absent": WatchAbsence,
        "unreturned": WatchReturns,
        "outside_run": WatchRuns,
        "unusual": WatchHabits,
    }
)


def watcher(rule: Rule) -> Watcher:
    """The rule's condition, with nothing seen yet."""
    return _WATCHERS[rule.condition.kind](rule.condition)
