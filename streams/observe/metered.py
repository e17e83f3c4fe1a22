"""A pipeline's parts, each with a clock beside it. The pipeline itself knows nothing of metrics.

Each class stands in for the part that it is given, so a worker without metrics runs exactly the code it ran before.
What is done a batch costs some ten microseconds; nothing is done for a single command but counting its outcome.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from consumers.by_type import Applier
from consumers.received import Outcome, Received
from schemas.audit import Fact
from schemas.errors import DanganError, UnreadableMessage
from schemas.principals import Principal
from schemas.replies import Reply
from schemas.wire import Family
from store.database import TRANSIENT, DriverError
from streams.observe.meters import Meters, Stage
from streams.pipeline import Audit, Message, Opened, Opener, Outbox, Unread

Clock = Callable[[], float]
#: The code of a command that breaks the code, and of a store that does not answer (streams/pipeline.py).
_BROKE: Final = "DG-CMD-005"
_STORE: Final = "DG-STO-001"


class _Timed:
    def __init__(self, meters: Meters, family: Family, clock: Clock) -> None:
        self._meters = meters
        self._family = family
        self._clock = clock

    @contextmanager
    def _stage(self, stage: Stage) -> Iterator[None]:
        begun = self._clock()
        try:
            yield
        except Exception as error:
            self._meters.failed(self._family, stage, _code(error))
            raise
        self._meters.took(self._family, stage, self._clock() - begun)


class MeteredOpener(_Timed):
    """An opener with a clock."""

    def __init__(self, meters: Meters, family: Family, opener: Opener, clock: Clock = time.perf_counter) -> None:
        super().__init__(meters, family, clock)
        self._opener = opener

    async def open(self, messages: Sequence[Message], family: Family) -> list[Opened | Unread]:
        """See :class:`streams.pipeline.Opener`."""
        with self._stage("open"):
            return await self._opener.open(messages, family)


class MeteredApplier(_Timed):
    """An applier with a clock, and a count of what became of the commands."""

    def __init__(self, meters: Meters, family: Family, applier: Applier, clock: Clock = time.perf_counter) -> None:
        super().__init__(meters, family, clock)
        self._applier = applier

    async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
        """See :class:`consumers.by_type.Applier`."""
        try:
            with self._stage("apply"):
                outcomes = await self._applier.apply(batch, now)
        except (DanganError, DriverError, OSError):
            raise
        except Exception:
            if len(batch) == 1:  # the pipeline refuses it now
                self._meters.refused(self._family, _BROKE)
            raise
        self._meters.decided(self._family, outcomes)
        return outcomes


class MeteredAudit:
    """The audit publisher with a clock; ``failing`` after an event could not be made durable, until one can."""

    def __init__(self, meters: Meters, audit: Audit, clock: Clock = time.perf_counter) -> None:
        self._meters = meters
        self._audit = audit
        self._clock = clock
        self.failing = False

    async def publish(self, facts: Sequence[Fact]) -> None:
        """See :class:`streams.pipeline.Audit`."""
        begun = self._clock()
        try:
            await self._audit.publish(facts)
        except DanganError:
            self.failing = True
            raise
        self.failing = False
        if facts:
            self._meters.audited(len(facts), self._clock() - begun)


class FamilyAudit(_Timed):
    """The audit publisher as one family's batches meet it."""

    def __init__(self, meters: Meters, family: Family, audit: Audit, clock: Clock = time.perf_counter) -> None:
        super().__init__(meters, family, clock)
        self._audit = audit

    async def publish(self, facts: Sequence[Fact]) -> None:
        """See :class:`streams.pipeline.Audit`."""
        with self._stage("audit"):
            await self._audit.publish(facts)


class MeteredOutbox(_Timed):
    """An outbox with a clock, and a count of dead letters."""

    def __init__(self, meters: Meters, family: Family, outbox: Outbox, clock: Clock = time.perf_counter) -> None:
        super().__init__(meters, family, clock)
        self._outbox = outbox

    def seal(self, replies: Sequence[tuple[Principal, Reply]]) -> list[Any]:
        """See :class:`streams.pipeline.Outbox`."""
        return self._outbox.seal(replies)

    async def reply(self, sealed: Sequence[Any]) -> None:
        """See :class:`streams.pipeline.Outbox`."""
        with self._stage("reply"):
            await self._outbox.reply(sealed)

    async def dead_letters(self, letters: Sequence[tuple[Message, UnreadableMessage]]) -> None:
        """See :class:`streams.pipeline.Outbox`."""
        with self._stage("dead_letters"):
            await self._outbox.dead_letters(letters)
        self._meters.put_aside(self._family, (error.code for _, error in letters))


def metered_process(
    meters: Meters,
    family: Family,
    process: Callable[[Sequence[Message]], Awaitable[None]],
    clock: Clock = time.perf_counter,
) -> Callable[[Sequence[Message]], Awaitable[None]]:
    """A pipeline's ``process`` with a clock over the whole of it, waiting for dependencies included."""

    async def timed(messages: Sequence[Message]) -> None:
        begun = clock()
        meters.batch(family, len(messages))
        await process(messages)
        meters.took(family, "whole", clock() - begun)

    return timed


def _code(error: Exception) -> str:
    if isinstance(error, DanganError):
        return error.code
    return _STORE if isinstance(error, TRANSIENT) else _BROKE
