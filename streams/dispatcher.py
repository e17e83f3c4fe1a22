"""Between a Faust stream and the work: batches of what has arrived, a few at a time, acknowledged in order.

Faust's own ``take`` acknowledges what it handed out even when the body failed. Here nothing is acknowledged
before its batch *and every earlier batch* is done, because Faust takes the oldest offset that it was told of
for the oldest there is. A batch that cannot be finished ends the process: what was not acknowledged comes
again, here or on another worker.

A batch is whatever has arrived when a place is free: a single message waits for nobody, a backlog makes large
batches. No timer is involved.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

import structlog

log = structlog.get_logger(__name__)

#: The exit status of a worker that could not go on (EX_TEMPFAIL): a supervisor starts it again.
EXIT_CANNOT_GO_ON = 75


class Event(Protocol):
    """What a Faust stream yields: a message that is acknowledged once."""

    message: Any

    def ack(self) -> bool:
        """Acknowledge the message."""


def _end_process(_error: BaseException) -> None:
    # Not sys.exit: no handler may run that would still commit offsets.
    os._exit(EXIT_CANNOT_GO_ON)


class Dispatcher:
    """Runs ``process`` over batches of events.

    Args:
        process: handles one batch, and returns only when all its effects are durable.
        max_messages: of one batch.
        max_bytes: of one batch's values; one larger message is a batch of its own.
        max_waiting_bytes: of the values that wait for a place.
        in_flight: batches at work at the same time.
        on_failure: called with the error when a batch cannot be finished; ends the process.
    """

    def __init__(
        self,
        process: Callable[[Sequence[Any]], Awaitable[None]],
        *,
        max_messages: int = 256,
        max_bytes: int = 512 * 1024,
        max_waiting_bytes: int = 8 * 1024 * 1024,
        in_flight: int = 3,
        on_failure: Callable[[BaseException], None] = _end_process,
    ) -> None:
        self._process = process
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._max_waiting_bytes = max_waiting_bytes
        self._waiting_bytes = 0
        self._slots = asyncio.Semaphore(in_flight)
        self._on_failure = on_failure
        self._waiting: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._previous: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._pump: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._pump = asyncio.create_task(self._run(), name="dispatcher")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the batches at work; leave what has not been started to the next owner."""
        if self._pump is not None:
            self._pump.cancel()
        self._waiting.clear()
        self._waiting_bytes = 0
        if self._running:
            await asyncio.shield(asyncio.gather(*self._running, return_exceptions=True))

    async def put(self, event: Event) -> None:
        """Take an event; waits while four batches' worth, or too many bytes, are waiting already."""
        while len(self._waiting) >= 4 * self._max_messages or self._waiting_bytes >= self._max_waiting_bytes:
            self._room.clear()
            await self._room.wait()
        self._waiting.append(event)
        self._waiting_bytes += _size(event)
        self._arrived.set()

    async def _run(self) -> None:
        while True:
            await self._slots.acquire()
            while not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
            batch = self._next_batch()
            self._room.set()
            task = asyncio.create_task(self._work(batch, self._previous), name="batch")
            self._previous = task
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # was told to on_failure: nobody need tell it once more when the task is collected

    def _next_batch(self) -> list[Event]:
        batch: list[Event] = []
        size = 0
        while self._waiting and len(batch) < self._max_messages:
            size += _size(self._waiting[0])
            if batch and size > self._max_bytes:
                break
            event = self._waiting.popleft()
            self._waiting_bytes -= _size(event)
            batch.append(event)
        return batch

    async def _work(self, batch: list[Event], previous: asyncio.Task[None] | None) -> None:
        try:
            await self._process([event.message for event in batch])
            if previous is not None:
                await previous
        except BaseException as error:
            if not isinstance(error, asyncio.CancelledError):
                log.critical("batch_failed", error=type(error).__name__, messages=len(batch))
                self._on_failure(error)
            raise
        finally:
            self._slots.release()
        for event in batch:
            event.ack()


def _size(event: Event) -> int:
    return len(event.message.value or b"")
