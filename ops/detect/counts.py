"""Conditions that count and remember: volume, sequence, habits."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final

from ops.detect.rules import Sequence, Unusual, Volume
from ops.detect.seen import Seen
from ops.detect.watching import MAX_EVIDENCE, Hit, Keyed, NothingDue


class WatchVolume(NothingDue):
    """See :class:`ops.detect.rules.Volume`."""

    def __init__(self, condition: Volume) -> None:
        self._condition = condition
        self.states: Keyed[OrderedDict[str, tuple[int, str]]] = Keyed(OrderedDict)  # value -> time, event

    def see(self, event: Seen, selected: bool) -> Hit | None:
        """Count the event, or its value, for its key."""
        if not selected:
            return None
        said = self._condition
        key = event.get(said.by)
        values = self.states[key]
        value = event.get(said.distinct) if said.distinct else event.uid
        if not value:  # it does not say: that is no value of its own
            return None
        values[value] = (event.at_ms, event.uid)
        values.move_to_end(value)
        oldest = event.at_ms - said.within
        while len(values) > said.more_than + 1 or next(iter(values.values()))[0] <= oldest:
            values.popitem(last=False)
        if len(values) <= said.more_than:
            return None
        ids = tuple(uid for _, uid in values.values())[-MAX_EVIDENCE:]
        return Hit(key, event.at_ms, ids, len(values))


class WatchSequence(NothingDue):
    """See :class:`ops.detect.rules.Sequence`."""

    def __init__(self, condition: Sequence) -> None:
        self._condition = condition
        self._firsts: Keyed[deque[tuple[int, str]]] = Keyed(lambda: deque(maxlen=condition.at_least))

    def see(self, event: Seen, selected: bool) -> Hit | None:
        """Remember what comes first; judge what comes then."""
        said = self._condition
        hit = None
        if said.then(event):
            key = event.get(said.then_by)
            firsts = self._firsts[key]
            if len(firsts) == said.at_least and firsts[0][0] > event.at_ms - said.within:
                ids = (*(uid for _, uid in firsts), event.uid)
                hit = Hit(key, event.at_ms, ids[-MAX_EVIDENCE:], len(ids))
                firsts.clear()
        if selected:
            self._firsts[event.get(said.by)].append((event.at_ms, event.uid))
        return hit


class WatchHabits(NothingDue):
    """See :class:`ops.detect.rules.Unusual`."""

    _MOST: Final = 1000  # values of one key

    def __init__(self, condition: Unusual) -> None:
        self._condition = condition
        self._known: Keyed[tuple[OrderedDict[str, int], list[int]]] = Keyed(lambda: (OrderedDict(), [0]))

    def see(self, event: Seen, selected: bool) -> Hit | None:
        """Learn the value, and say so if it is new to somebody who is known."""
        said = self._condition
        value = event.get(said.of)
        if not selected or not value:
            return None
        key = event.get(said.by)
        last, learned = self._known[key]
        new = value not in last or last[value] <= event.at_ms - said.within
        last[value] = event.at_ms
        last.move_to_end(value)
        if len(last) > self._MOST:
            last.popitem(last=False)
        learned[0] += 1
        return Hit(key, event.at_ms, (event.uid,), 1) if new and learned[0] > said.learned else None
