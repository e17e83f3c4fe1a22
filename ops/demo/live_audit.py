"""The audit stream as security operations see it: followed while everything else goes on, line by line."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from rich.console import Console
from rich.text import Text

from ops.commands.audit_view import Shown, line_of, read_event
from schemas.topics import AUDIT
from streams.audit.reader import open_topic
from streams.kafka import Kafka

#: Collects come by the thousand: the first few are shown, then one in so many.
_FIRST: Final = 3
_EVERY: Final = 2_500


class LiveAudit:
    """What was heard so far.

    Attributes:
        events: every event heard, in order, but for accepted collects, which are only counted.
        collected: how many accepted collects.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._news = asyncio.Condition()
        self.events: list[Shown] = []
        self.collected = 0

    async def hear(self, value: bytes) -> None:
        """Take one value of the topic."""
        event = read_event(value)
        if event is None:
            return
        if event.action == "collect" and event.allowed:
            self.collected += 1
            if self.collected > _FIRST and self.collected % _EVERY:
                return
        self._show(event)
        async with self._news:
            self.events.append(event)
            self._news.notify_all()

    async def wait_for(self, wanted: Callable[[Shown], bool], *, seconds: float = 15.0) -> bool:
        """Whether such an event is heard within that time, or was already."""
        async with self._news:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    return await self._news.wait_for(lambda: any(wanted(event) for event in self.events))
        return False

    def _show(self, event: Shown) -> None:
        line = Text("    audit │ ", style="dim").append(line_of(event))
        if self.collected > _FIRST and event.action == "collect":
            line.append(f"  ... {self.collected:,} so far", style="dim")
        self._console.print(line, highlight=False, no_wrap=True, overflow="ellipsis")


@asynccontextmanager
async def follow(kafka: Kafka, console: Console) -> AsyncIterator[LiveAudit]:
    """Follow the audit topic from its beginning until the end of the block."""
    live = LiveAudit(console)

    async def listen() -> None:
        async with open_topic(kafka, AUDIT) as topic:
            async for entries in topic.forever():
                for entry in entries:
                    await live.hear(entry.value)

    task = asyncio.create_task(listen(), name="live-audit")
    try:
        yield live
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
