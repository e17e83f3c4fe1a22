"""What is frozen, held in memory for a second: whoever reads or changes is stopped without a look-up of their own.

A freeze takes effect everywhere within :data:`MAX_AGE` and the time of one batch, which docs/incidents.md states as two
seconds. The freezes are read at most once in that time by a worker, whatever it does, and all at once: they are few,
and end with their incident.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Final, Protocol

from schemas.errors import Refusal
from schemas.incidents import FreezeKind
from schemas.principals import Principal
from store.freezes import Freeze

#: Seconds after which the freezes are read again.
MAX_AGE: Final = 1.0


class Source(Protocol):
    """Where freezes are kept (store/freezes.py)."""

    async def in_force(self) -> Collection[Freeze]:
        """Those that are not lifted."""


class Frozen:
    """Says what is frozen.

    Args:
        source: where freezes are kept; None: nothing is ever frozen.
        max_age: seconds after which they are read again.
        clock: monotonic seconds.
    """

    def __init__(
        self, source: Source | None = None, *, max_age: float = MAX_AGE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._max_age = max_age
        self._clock = clock
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._by_kind: dict[FreezeKind, frozenset[str]] = {}

    async def refresh(self, *, anew: bool = False) -> None:
        """Read the freezes when they are old; with ``anew`` in any case.

        Raises:
            DriverError: the store does not answer: nobody knows then what is frozen, so nothing may be answered.
        """
        if self._source is None or not (anew or self.old):
            return
        async with self._reading:
            if not anew and not self.old:  # another batch has just read them
                return
            began = self._clock()
            found: dict[FreezeKind, set[str]] = {}
            for freeze in await self._source.in_force():
                found.setdefault(freeze.kind, set()).add(freeze.target)
            self._by_kind = {kind: frozenset(targets) for kind, targets in found.items()}
            self._read_at = began  # what was frozen while they were being read may be missing

    @property
    def old(self) -> bool:
        """Whether the freezes have to be read again."""
        return self._source is not None and self._clock() - self._read_at >= self._max_age

    @property
    def any(self) -> bool:
        """Whether anything is frozen at all."""
        return bool(self._by_kind)

    def record(self, record: str | None) -> bool:
        """Whether a record is frozen."""
        return record in self._by_kind.get("record", ())

    def principal(self, who: Principal) -> bool:
        """Whether somebody is frozen, himself or with his department."""
        people, departments = self._by_kind.get("principal", ()), self._by_kind.get("department", ())
        return who.id in people or who.department in departments

    def check_change(self, who: Principal, record: str) -> None:
        """Refuse a change of a record, by whoever or of whatever is frozen.

        Raises:
            Refusal: DG-INC-001 or 002.
        """
        if not self.any:
            return
        if self.principal(who):
            raise Refusal("DG-INC-001")
        if self.record(record):
            raise Refusal("DG-INC-002")
