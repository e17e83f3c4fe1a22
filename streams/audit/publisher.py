"""The audit publisher: facts become chained events, and nobody goes on before they are durable.

One record batch is under way at a time, and whatever is asked for meanwhile goes into the next one together
(group commit): the order of the chain is the order in the log, and a failure never leaves a hole behind it.
Every record batch ends with a signed checkpoint over all that stands before.

**Unknown outcomes.** When a write fails or is slow, nobody knows whether it landed. Its bytes are then kept
and written again, unchanged, before anything else, for as long as it takes; they are never chained anew. The
log may hold them twice, which the verifier knows from an alteration because the bytes are the same. A caller
who gave up and asks again with the same facts waits for the write that is already under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, Self

import structlog

from schemas.audit import Fact, KeptCheckpoint, event_id, ocsf
from schemas.errors import Fatal, Transient
from streams.audit.chain import Chain
from streams.audit.checkpoint import Checkpoint, sign_checkpoint, to_value
from streams.writer import WriterIdentity

EVENT_TYPE = b"archive.audit.event.v1"
CHECKPOINT_TYPE = b"archive.audit.checkpoint.v1"
#: Values in one record batch, bytes: with keys and headers it stays below Kafka's usual limit of 1 MiB.
BATCH_BYTES = 512 * 1024
MAX_WAITING = 8192  # facts
_BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)
_SAVE_EVERY_S = 1.0


class Record(NamedTuple):
    """One Kafka record: value, CloudEvents headers, time in UNIX milliseconds."""

    value: bytes
    headers: list[tuple[str, bytes]]
    at_ms: int


class Log(Protocol):
    """The topic (streams/audit/kafka.py; tests simulate it)."""

    async def append(self, records: Sequence[Record]) -> None:
        """Write the records as one batch; return when they are durable. Any exception: outcome unknown."""

    async def close(self) -> None:
        """Let go of the connection."""


@dataclass(slots=True, eq=False)
class _Request:
    facts: tuple[Fact, ...]
    events: list[tuple[str, bytes]]
    done: asyncio.Future[None]
    waiters: int = field(default=0)


class AuditPublisher:
    """Publishes facts on one writer's chain.

    Args:
        log: where to.
        writer: whose chain; the first event carries its certificate.
        save_checkpoint: keeps the newest checkpoint outside the topic; at most once a second, and at the end.
        clock: UNIX seconds.
        timeout_s: how long :meth:`publish` waits for durability, seconds.
    """

    def __init__(
        self,
        log: Log,
        writer: WriterIdentity,
        save_checkpoint: Callable[[KeptCheckpoint], Awaitable[None]],
        *,
        clock: Callable[[], float],
        timeout_s: float = 10.0,
    ) -> None:
        self._log = log
        self._writer = writer
        self._save = save_checkpoint
        self._clock = clock
        self._timeout_s = timeout_s
        self._published_cert = ""
        self._chain = Chain(writer.id)
        source = f"dangan/audit/{writer.id}".encode()
        self._headers = [
            ("ce_specversion", b"1.0"),
            ("ce_source", source),
            ("content-type", b"application/json"),
        ]
        self._waiting: list[_Request] = []
        self._under_way: list[_Request] = []
        self._wake = asyncio.Event()
        self._newest: Checkpoint | None = None
        self._saved: Checkpoint | None = None
        self._save_due = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._logger = structlog.get_logger(__name__)

    async def __aenter__(self) -> Self:
        """Begin to write."""
        self._tasks = [asyncio.create_task(self._write_all()), asyncio.create_task(self._save_all())]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what is waiting (for at most the timeout), save the last checkpoint, let go of the log."""
        left = [request.done for request in (*self._under_way, *self._waiting)]
        if left:
            await asyncio.wait(left, timeout=self._timeout_s)
        for task in self._tasks:
            # Again and again: pymongo and aiokafka may turn a cancellation into an error of their own.
            while not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=0.2)
        for future in left:
            if not future.done():
                future.set_exception(Transient("DG-AUD-001"))
                future.exception()  # taken here: the caller may have gone
        await self._save_newest()
        await self._log.close()

    def renew(self, writer: WriterIdentity) -> None:
        """Go on under the same identity with a newer certificate (streams.writer.renewed)."""
        if (writer.id, writer.x) != (self._writer.id, self._writer.x):
            raise ValueError("a chain has one writer")
        self._writer = writer

    async def publish(self, facts: Sequence[Fact]) -> None:
        """Publish the facts in order; return when they are durable (acks=all). Clause AUD-01.

        Raises:
            Transient: DG-AUD-001 when they are not durable in time. Asking again with the same facts is safe:
                if the first attempt is still under way it is waited for; if it did land after all, the second
                event has the same id as the first.
            Fatal: DG-AUD-002 when nothing can be written any more.
        """
        if not facts:
            return
        if not self._tasks or self._tasks[0].done():
            raise Fatal("DG-AUD-002")
        request = self._request_for(tuple(facts))
        request.waiters += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.shield(request.done)
        except TimeoutError:
            if not request.done.done():
                raise Transient("DG-AUD-001") from None
        finally:
            request.waiters -= 1
            if not request.waiters and not request.done.done() and request in self._waiting:
                self._waiting.remove(request)  # not chained yet: it never happened

    def _request_for(self, facts: tuple[Fact, ...]) -> _Request:
        pending = (*self._under_way, *self._waiting)
        for request in pending:
            if request.facts == facts:
                return request
        if sum(len(request.facts) for request in pending) + len(facts) > MAX_WAITING and pending:
            raise Transient("DG-AUD-001", detail="too many events are waiting")
        events = [(uid := event_id(fact), ocsf(fact, uid)) for fact in facts]
        request = _Request(facts, events, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._wake.set()
        return request

    async def _write_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._under_way, self._waiting = self._waiting, []
            if not self._under_way:
                continue
            for batch, checkpoint in self._chained(self._under_way):
                await self._write(batch)
                self._newest = checkpoint
            for request in self._under_way:
                if not request.done.done():
                    request.done.set_result(None)
            self._under_way = []
            self._save_due.set()

    def _chained(self, requests: Sequence[_Request]) -> Iterator[tuple[list[Record], Checkpoint]]:
        at_ms = int(self._clock() * 1000)
        batch: list[Record] = []
        size = 0
        for uid, event in self._events(requests, at_ms):
            value = self._chain.add(event, at_ms)
            batch.append(Record(value, [("ce_id", uid.encode()), ("ce_type", EVENT_TYPE), *self._headers], at_ms))
            size += len(value)
            if size >= BATCH_BYTES:
                yield self._signed(batch, at_ms)
                batch, size = [], 0
        if batch:
            yield self._signed(batch, at_ms)

    def _events(self, requests: Sequence[_Request], at_ms: int) -> Iterator[tuple[str, bytes]]:
        writer = self._writer
        if writer.cert != self._published_cert:
            start = Fact(f"{writer.id}.{writer.expires_at}", "start", True, None, writer.id, at_ms)
            uid = event_id(start)
            yield uid, ocsf(start, uid, writer.cert)
            self._published_cert = writer.cert
        for request in requests:
            yield from request.events

    def _signed(self, batch: list[Record], at_ms: int) -> tuple[list[Record], Checkpoint]:
        chain = self._chain
        checkpoint = sign_checkpoint(self._writer, chain.size, chain.root(), chain.head)
        ce_id = f"{chain.writer}/{chain.size}".encode()
        headers = [("ce_id", ce_id), ("ce_type", CHECKPOINT_TYPE), *self._headers]
        return [*batch, Record(to_value(checkpoint), headers, at_ms)], checkpoint

    async def _write(self, batch: Sequence[Record]) -> None:
        attempt = 0
        while True:
            try:
                return await self._log.append(batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, the outcome is unknown
                self._logger.warning("audit write failed", code="DG-AUD-001", error=type(error).__name__)
            await asyncio.sleep(_BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)])
            attempt += 1

    async def _save_all(self) -> None:
        while True:
            await self._save_due.wait()
            self._save_due.clear()
            await self._save_newest()
            await asyncio.sleep(_SAVE_EVERY_S)

    async def _save_newest(self) -> None:
        newest = self._newest
        if newest is None or newest is self._saved:
            return
        try:
            await self._save(KeptCheckpoint(newest.writer, newest.size, newest.text, self._writer.cert))
            self._saved = newest
        except Exception as error:  # noqa: BLE001 - the topic has it; the next one is saved with the next batch
            self._logger.warning("checkpoint not saved", code="DG-STO-001", error=type(error).__name__)
