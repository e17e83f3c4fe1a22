"""Conditions about what has a beginning and an end: absence, and deeds outside a run."""

from __future__ import annotations

from ops.detect.rules import Absent, OutsideRun
from ops.detect.seen import Seen
from ops.detect.watching import MAX_KEYS, Hit, NothingDue


class WatchAbsence:
    """See :class:`ops.detect.rules.Absent`."""

    def __init__(self, condition: Absent) -> None:
        self._condition = condition
        self._open: dict[str, tuple[int, str]] = {}  # in the order of opening

    def see(self, event: Seen, selected: bool) -> None:
        """Open with what is selected, close with what must follow."""
        key = event.get(self._condition.by)
        if self._condition.then(event):
            self._open.pop(key, None)
        elif selected and key not in self._open:  # the first counts
            self._open[key] = (event.at_ms, event.uid)
            if len(self._open) > MAX_KEYS:
                del self._open[next(iter(self._open))]

    def due(self, now_ms: int) -> list[Hit]:
        """What was not followed in time."""
        hits = []
        while self._open:
            key, (at_ms, uid) = next(iter(self._open.items()))
            if at_ms + self._condition.within > now_ms:
                break
            del self._open[key]
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
