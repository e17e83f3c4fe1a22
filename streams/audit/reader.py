"""Reads the audit topic: all partitions, each in its order, up to where it ends now, or on and on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import Transient
from streams.kafka import Kafka
from streams.odd_records import tolerate_odd_records

_POLL_MS: Final = 300
_OPEN_S: Final = 15


class Entry(NamedTuple):
    """One record: where it stands, its value's bytes (empty if it has none), its time in UNIX milliseconds."""

    partition: int
    offset: int
    value: bytes
    at_ms: int


@dataclass(slots=True)
class TopicReader:
    """An open topic; ``total`` is the number of records between its beginning and its end as it was opened.

    ``partitions`` maps each partition to its first offset to read and the offset behind its last.
    """

    topic: str
    consumer: Any = field(repr=False)
    partitions: dict[int, tuple[int, int]]

    @property
    def total(self) -> int:
        """How many records :meth:`to_the_end` reads, at most."""
        return sum(max(0, end - first) for first, end in self.partitions.values())

    async def to_the_end(self) -> AsyncIterator[list[Entry]]:
        """The records up to the end as it was when the topic was opened, a list of one partition at a time."""
        left = {partition: end for partition, (first, end) in self.partitions.items() if first < end}
        while left:
            for partition, entries in (await self._poll()).items():
                end = left.get(partition, 0)
                yield [entry for entry in entries if entry.offset < end]
            for partition in list(left):
                if await self.consumer.position(TopicPartition(self.topic, partition)) >= left[partition]:
                    del left[partition]

    async def forever(self) -> AsyncIterator[list[Entry]]:
        """The records, and those to come."""
        while True:
            for entries in (await self._poll()).values():
                yield entries

    async def polls(self) -> AsyncIterator[list[Entry]]:
        """The records, and those to come, several times a second: an empty list when there are none."""
        while True:
            yield [entry for entries in (await self._poll()).values() for entry in entries]

    async def _poll(self) -> dict[int, list[Entry]]:
        try:
            got = await self.consumer.getmany(timeout_ms=_POLL_MS)
        except KafkaError as error:
            raise Transient("DG-AUD-004", detail=type(error).__name__) from error
        return {
            at.partition: [
                Entry(record.partition, record.offset, record.value or b"", record.timestamp) for record in records
            ]
            for at, records in got.items()
        }


@asynccontextmanager
async def open_topic(kafka: Kafka, topic: str, *, since_ms: int | None = None) -> AsyncIterator[TopicReader]:
    """Open the topic for reading, outside of any consumer group.

    Args:
        kafka: the cluster.
        topic: the audit topic.
        since_ms: begin with the first record of each partition at or after that time (UNIX milliseconds);
            None for the very first.

    Raises:
        Transient: DG-AUD-004 when the topic cannot be read.
    """
    tolerate_odd_records()
    consumer = AIOKafkaConsumer(
        topic,
        **kafka.client,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1024 * 1024,
        client_id="dangan-audit-reader",
    )
    try:
        try:
            async with asyncio.timeout(_OPEN_S):  # for a topic that does not exist it would wait on and on
                await consumer.start()
            reader = TopicReader(topic, consumer, await _bounds(consumer, topic, since_ms))
        except (KafkaError, TimeoutError) as error:
            raise Transient("DG-AUD-004", detail=type(error).__name__) from error
        yield reader
    finally:
        await consumer.stop()


async def _bounds(consumer: Any, topic: str, since_ms: int | None) -> dict[int, tuple[int, int]]:
    partitions = sorted(consumer.assignment())  # all of them: there is no group to share with
    if not partitions:
        raise Transient("DG-AUD-004", detail=f"there is no topic {topic}")
    ends = await consumer.end_offsets(partitions)
    if since_ms is None:
        firsts = await consumer.beginning_offsets(partitions)
    else:
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
        firsts = {at: found[at].offset if found.get(at) else ends[at] for at in partitions}
    for at in partitions:
        consumer.seek(at, firsts[at])
    return {at.partition: (firsts[at], ends[at]) for at in partitions}
