"""What the conditions share: a hit, the protocol of a small state machine, and memory that stays bounded.

``see`` is given every event of the stream, in the order of time, and whether the rule selects it. What has to be
remembered of one actor is bounded by the rule's own numbers, and the actors by :data:`MAX_KEYS`: the one seen longest
ago is forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from ops.detect.seen import Seen

MAX_KEYS: Final = 50_000
#: So many event ids are given as evidence: the last ones before the alert.
MAX_EVIDENCE: Final = 50
State = TypeVar("State")


class Hit(NamedTuple):
    """What a condition found.

    Attributes:
        key: whom it is about: the value of the rule's ``by``.
        at_ms: the time that the alert is about, UNIX milliseconds.
        evidence: the ids of events, oldest first.
        total: how many events or values there were.
    """

    key: str
    at_ms: int
    evidence: tuple[str, ...]
    total: int


class Watcher(Protocol):
    """One condition at work."""

    def see(self, event: Seen, selected: bool) -> Hit | None:
        """Take the next event."""

    def due(self, now_ms: int) -> list[Hit]:
        """What is found because time has passed, with nothing more happening."""


class Keyed(Generic[State]):
    """States by key, the one used longest ago forgotten first."""

    def __init__(self, make: Callable[[], State]) -> None:
        self._make = make
        self._held: OrderedDict[str, State] = OrderedDict()

    def __getitem__(self, key: str) -> State:
        state = self._held.get(key)
        if state is None:
            state = self._held[key] = self._make()
            if len(self._held) > MAX_KEYS:
                self._held.popitem(last=False)
        else:
            self._held.move_to_end(key)
        return state

    def __len__(self) -> int:
        return len(self._held)

    def values(self) -> Iterable[State]:
        """Every state."""
        return self._held.values()


class NothingDue:
    """A condition that only looks at what happens."""

    def due(self, now_ms: int) -> list[Hit]:  # noqa: ARG002 - the protocol's
        """Nothing."""
        return []
