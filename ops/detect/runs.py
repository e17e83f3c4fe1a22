"""Conditions about what has a beginning and an end: absence, use without a return, and deeds outside a run."""

from __future__ import annotations

from collections import OrderedDict

from ops.detect.rules import Absent, OutsideRun, Unreturned
from ops.detect.seen import Seen
from ops.detect.watching import MAX_KEYS, Hit, NothingDue


class WatchAbsence:
    """See :class:`ops.detect.rules.Absent`."""

    def __init__(self, condition: Absent) -> None:
        self._condition = condition
        self._open: dict[str, tuple[int, str, int]] = {}  # in the order of opening: time, event, how many are awaited

    def see(self, event: Seen, selected: bool) -> None:
        """Open with what is selected, close with what must follow."""
        said = self._condition
        key = event.get(said.by)
        if said.then(event):
            if (known := self._open.get(key)) is not None:
                at_ms, uid, awaited = known
                self._open[key] = (at_ms, uid, awaited - 1)  # keeps its place
                if awaited == 1:
                    del self._open[key]
        elif said.closed is not None and said.closed(event):
            self._open.pop(key, None)
        elif selected and key not in self._open:  # the first counts
            self._open[key] = (event.at_ms, event.uid, said.at_least)
            if len(self._open) > MAX_KEYS:
                del self._open[next(iter(self._open))]

    def due(self, now_ms: int) -> list[Hit]:
        """What was not followed in time."""
        hits = []
        while self._open:
            key, (at_ms, uid, _) = next(iter(self._open.items()))
            if at_ms + self._condition.within > now_ms:
                break
            del self._open[key]
            hits.append(Hit(key, at_ms, (uid,), 1))
        return hits


class WatchReturns:
    """See :class:`ops.detect.rules.Unreturned`."""

    def __init__(self, condition: Unreturned) -> None:
        self._condition = condition
        self._used: OrderedDict[str, tuple[int, str]] = OrderedDict()  # by the last use
        self._ended: OrderedDict[str, tuple[int, str]] = OrderedDict()  # by the end; the event is the last use

    def see(self, event: Seen, selected: bool) -> None:
        """Note uses, ends and returns."""
        said = self._condition
        key = event.get(said.by)
        if not key:
            return
        if said.returned(event):
            self._used.pop(key, None)
            self._ended.pop(key, None)
        elif said.ended(event):
            if (use := self._used.pop(key, None)) is not None:
                _hold(self._ended, key, (event.at_ms, use[1]))
        elif selected and key not in self._ended:
            _hold(self._used, key, (event.at_ms, event.uid))

    def due(self, now_ms: int) -> list[Hit]:
        """What was not given back in time."""
        said = self._condition
        return [*_overdue(self._ended, now_ms - said.within), *_overdue(self._used, now_ms - said.at_most)]


def _hold(held: OrderedDict[str, tuple[int, str]], key: str, use: tuple[int, str]) -> None:
    held[key] = use
    held.move_to_end(key)
    if len(held) > MAX_KEYS:
        held.popitem(last=False)


def _overdue(held: OrderedDict[str, tuple[int, str]], oldest_ms: int) -> list[Hit]:
    hits = []
    while held:
        key, (at_ms, uid) = next(iter(held.items()))
        if at_ms > oldest_ms:
            break
        del held[key]
        hits.append(Hit(key, at_ms, (uid,), 1))
    return hits


class WatchRuns(NothingDue):
    """See :class:`ops.detect.rules.OutsideRun`."""

    def __init__(self, condition: OutsideRun) -> None:
        self._condition = condition
        self._until: dict[str, int] = {}

    def see(self, event: Seen, selected: bool) -> Hit | None:
        """Open, close, or judge."""
        said = self._condition
        key = event.get(said.by)
        hit = None
        if selected and event.at_ms >= self._until.get(key, -1):
            hit = Hit(key, event.at_ms, (event.uid,), 1)
        if said.opened(event):
            self._until[key] = event.at_ms + said.at_most
            if len(self._until) > MAX_KEYS:
                del self._until[next(iter(self._until))]
        elif said.closed(event):
            self._until.pop(key, None)
        return hit
