"""Runs the rules over events in the order of time and makes each alert once."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

from ops.detect.alerts import Alert
from ops.detect.conditions import watcher
from ops.detect.rules import Rule
from ops.detect.seen import Seen
from ops.detect.watching import Hit, Watcher

#: The name space of alert ids (RFC 9562 version 5), made once for this project.
_NAMESPACE: Final = uuid.UUID("5f2c6a0e-9d1b-5c47-8e33-7a41d90b6c12")
_MEMORY: Final = 200_000  # ids of events and of alerts


class Detector:
    """Give it events in the order of time.

    An alert's id is made of rule, key and the span of the clock (``once_per``) that it falls into. So a second run over
    the same events gives the same ids, wherever it began, and whoever counts, counts ids.

    Args:
        rules: what to look for.
        since_ms: earlier events are learned from and give no alert (UNIX milliseconds).
    """

    def __init__(self, rules: Sequence[Rule], *, since_ms: int = 0) -> None:
        self._watched: list[tuple[Rule, Watcher]] = [(rule, watcher(rule)) for rule in rules]
        self._since_ms = since_ms
        self._events = _Recent()
        self._alerts = _Recent()

    def see(self, event: Seen) -> list[Alert]:
        """Take the next event; an event that was delivered twice counts once."""
        if not self._events.is_new(event.uid):
            return []
        found = []
        for rule, watching in self._watched:
            hits = watching.due(event.at_ms)
            hit = watching.see(event, rule.select(event))
            if hit is not None:
                hits.append(hit)
            if hits:
                found += self._alerts_of(rule, hits)
        return found

    def due(self, now_ms: int) -> list[Alert]:
        """What is found because time has passed."""
        return [alert for rule, watching in self._watched for alert in self._alerts_of(rule, watching.due(now_ms))]

    def _alerts_of(self, rule: Rule, hits: Iterable[Hit]) -> list[Alert]:
        alerts = []
        for hit in hits:
            uid = str(uuid.uuid5(_NAMESPACE, f"{rule.id}\n{hit.key}\n{hit.at_ms // rule.once_per}"))
            if hit.at_ms >= self._since_ms and self._alerts.is_new(uid):
                alerts.append(Alert(uid, rule, rule.condition.by, hit.key, hit.at_ms, hit.evidence, hit.total))
        return alerts


class _Recent:
    """Knows the last ids."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, None] = OrderedDict()

    def is_new(self, uid: str) -> bool:
        if uid in self._known:
            return False
        self._known[uid] = None
        if len(self._known) > _MEMORY:
            self._known.popitem(last=False)
        return True


def lookback_ms(rules: Iterable[Rule]) -> int:
    """How much earlier than the time asked for events must be read, milliseconds: the longest memory of a rule."""
    return max((_memory_ms(rule) for rule in rules), default=0)


def _memory_ms(rule: Rule) -> int:
    return max(getattr(rule.condition, name, 0) for name in ("within", "at_most"))
