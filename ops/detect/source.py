"""Where events come from and alerts go to: exports, the audit topic, the alerts topic."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Final

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from ops.audit_files import values_in
from ops.detect.alerts import Alert
from ops.detect.seen import Seen, see
from schemas.errors import Transient
from schemas.topics import ALERTS, AUDIT
from streams.audit.reader import open_topic
from streams.kafka import Kafka

#: How much later than another an event may come from its partition, while following, milliseconds.
LATENESS_MS: Final = 5_000


def _any(_: Seen) -> bool:
    return True


def events_in(paths: Sequence[Path], begin_ms: int = 0, wanted: Callable[[Seen], bool] = _any) -> list[Seen]:
    """The events of exports from a time on, in the order of time.

    They are held in memory to be ordered, a few hundred bytes each: an export holds its partitions one after the other.

    Raises:
        DanganError: DG-AUD-005 when a file cannot be read.
    """
    seen = (event for event in map(see, values_in(paths)) if event is not None)
    return ordered(event for event in seen if event.at_ms >= begin_ms and wanted(event))


def ordered(events: Iterable[Seen]) -> list[Seen]:
    """The events in the order of time, and of their ids where times are equal: the same however they were read."""
    return sorted(events, key=lambda event: (event.at_ms, event.uid))


async def events_on_topic(kafka: Kafka, begin_ms: int | None, wanted: Callable[[Seen], bool] = _any) -> list[Seen]:
    """The events on the audit topic from a time on (UNIX milliseconds; None: from the start), in the order of time.

    Raises:
        Transient: DG-AUD-004 when the topic cannot be read.
    """
    found: list[Seen] = []
    async with open_topic(kafka, AUDIT, since_ms=begin_ms) as topic:
        async for entries in topic.to_the_end():
            found += [event for entry in entries if (event := see(entry.value)) is not None and wanted(event)]
    return ordered(found)


class Sorter:
    """Brings what comes from several partitions into the order of time, waiting a little for the late."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str, int, Seen]] = []
        self._numbers = count()

    def put(self, event: Seen) -> None:
        """Take an event."""
        heapq.heappush(self._heap, (event.at_ms, event.uid, next(self._numbers), event))

    def ripe(self, now_ms: int) -> Iterator[Seen]:
        """The events that nothing earlier is expected before."""
        while self._heap and self._heap[0][0] <= now_ms - LATENESS_MS:
            yield heapq.heappop(self._heap)[3]


async def follow(kafka: Kafka, begin_ms: int, clock: Callable[[], float]) -> AsyncGenerator[list[Seen]]:
    """Events as they come, in the order of time, for ever; an empty list now and then, when nothing happens.

    Args:
        kafka: the cluster.
        begin_ms: from when, UNIX milliseconds.
        clock: UNIX seconds.

    Raises:
        Transient: DG-AUD-004 when the topic cannot be read.
    """
    waiting = Sorter()
    async with open_topic(kafka, AUDIT, since_ms=begin_ms) as topic:
        async for entries in topic.polls():
            for entry in entries:
                if (event := see(entry.value)) is not None:
                    waiting.put(event)
            yield list(waiting.ripe(int(clock() * 1000)))


async def known_alerts(kafka: Kafka) -> set[str]:
    """The ids of the alerts that were told before.

    Raises:
        Transient: DG-DET-002 when the topic cannot be read.
    """
    known: set[str] = set()
    try:
        async with open_topic(kafka, ALERTS) as topic:
            async for entries in topic.to_the_end():
                known |= {uid for entry in entries if (uid := _uid_of(entry.value))}
    except Transient as error:
        raise Transient("DG-DET-002", detail=error.detail) from error
    return known


def _uid_of(value: bytes) -> str:
    try:
        return str(orjson.loads(value)["metadata"]["uid"])
    except (ValueError, KeyError, TypeError):
        return ""


async def publish(kafka: Kafka, alerts: Sequence[Alert]) -> None:
    """Put alerts on ``archive.alerts``; return when they are durable (acks=all).

    Raises:
        Transient: DG-DET-002 when they are not.
    """
    if not alerts:
        return
    producer = AIOKafkaProducer(**kafka.client, acks="all", enable_idempotence=True, client_id="dangan-detect")
    try:
        async with asyncio.timeout(30):
            await producer.start()
            sent = [
                await producer.send(
                    ALERTS,
                    alert.ocsf(),
                    key=alert.uid.encode(),
                    headers=alert.headers(),
                    timestamp_ms=alert.at_ms,
                )
                for alert in alerts
            ]
            await asyncio.gather(*sent)
    except (KafkaError, TimeoutError) as error:
        raise Transient("DG-DET-002", detail=type(error).__name__) from error
    finally:
        await producer.stop()
