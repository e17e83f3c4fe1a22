"""The life of ingest keys: made, announced to senders, retired, and found drained.

A retired key is *drained* when no message sealed to it can still be waiting: senders have heard of its
retirement and have sent what they had sealed (``ingest_drain_seconds`` have passed), and the workers have committed
everything that stood in the topics then. Only a drained key may be destroyed (keys/sweep.py); a message sealed to
it afterwards is put to the dead letters as DG-WIR-004.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from keys.ingest import IngestKey, State, create
from keys.okp import PublicIngestKey
from keys.vault import Transit
from schemas.errors import DanganError
from schemas.settings import Settings
from schemas.topics import KEYS
from schemas.wire import FAMILIES, topic_of
from store.ingest_keys import IngestKeys
from streams.announce import announce
from streams.app import GROUP
from streams.kafka import kafka_of

#: How long senders may seal to a key that nobody retires, seconds.
LIFETIME = 2 * 24 * 3600


async def rotate(settings: Settings, transit: Transit, keys: IngestKeys, *, now: int) -> IngestKey:
    """Make a new active key, announce it, then retire the others.

    Args:
        settings: where Kafka is.
        transit: with the ``admin`` role.
        keys: where ingest keys are kept.
        now: UNIX seconds.
    """
    old = [key for key in await keys.living() if key.state is State.ACTIVE]
    new = await create(transit, keys, now=now, ttl=LIFETIME)
    await _announce(settings, transit, [(new, "active", now)])
    await keys.retire([key.kid for key in old])
    await _announce(settings, transit, [(key, "retiring", now) for key in old])
    return new


async def announce_destroyed(settings: Settings, transit: Transit, keys: list[IngestKey], *, now: int) -> None:
    """Tell senders of those among the keys that are gone for good (a resumed sweep leaves newer ones for the next)."""
    gone = [(key, "destroyed", now) for key in keys if key.state is State.DESTROYED]
    await _announce(settings, transit, gone)


async def announce_again(settings: Settings, transit: Transit, keys: IngestKeys) -> list[IngestKey]:
    """Announce every living key anew, for senders that start: its announcement may have been lost.

    Whoever may write to the topic can put anything under a key's id, and compaction then drops the announcement.
    Each is dated as its key was made, so that this may be done at any time, again and again: a sender that has heard
    of the key already hears nothing new.

    Args:
        settings: where Kafka is.
        transit: with the ``admin`` role.
        keys: where ingest keys are kept.

    Returns:
        The keys, the oldest first.
    """
    living = sorted(await keys.living(), key=lambda key: key.created_at)
    await _announce(settings, transit, [(key, key.state.value, key.created_at) for key in living])
    return living


async def drained(
    settings: Settings,
    keys: IngestKeys,
    *,
    heard: float | None = None,
    patience: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
) -> set[str]:
    """Wait until the keys that are retired now are drained; return their ids.

    Args:
        settings: where Kafka is.
        keys: where ingest keys are kept.
        heard: how long senders may still send what they sealed before, seconds; the setting by default.
        patience: how long to wait for the workers, seconds.
        clock: monotonic seconds.

    Raises:
        DanganError: DG-OPS-034 when workers do not come to the end in time.
    """
    retired = {key.kid for key in await keys.living() if key.state is State.RETIRING}
    if not retired:
        return set()
    await asyncio.sleep(settings.ingest_drain_seconds if heard is None else heard)
    ends = await _end_offsets(settings)
    deadline = clock() + patience
    while waiting := _behind(ends, await _committed(settings)):
        if clock() > deadline:
            raise DanganError("DG-OPS-034", detail=f"{waiting} messages")
        await asyncio.sleep(0.5)
    return retired


def _behind(ends: dict[TopicPartition, int], committed: dict[TopicPartition, int]) -> int:
    """How many messages before the ends are not committed."""
    return sum(max(0, end - committed.get(partition, 0)) for partition, end in ends.items())


async def _end_offsets(settings: Settings) -> dict[TopicPartition, int]:
    partitions = await _partitions(settings)
    consumer = AIOKafkaConsumer(**kafka_of(settings).client, group_id=None)
    await consumer.start()
    try:
        first = await consumer.beginning_offsets(partitions)
        last = await consumer.end_offsets(partitions)
        return {p: last[p] for p in partitions if last[p] > first[p]}
    finally:
        await consumer.stop()


async def _partitions(settings: Settings) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(**kafka_of(settings).client)
    await admin.start()
    try:
        topics = await admin.describe_topics([topic_of(family) for family in FAMILIES])
        return [TopicPartition(t["topic"], p["partition"]) for t in topics for p in t["partitions"]]
    finally:
        await admin.close()


async def _committed(settings: Settings) -> dict[TopicPartition, int]:
    admin = AIOKafkaAdminClient(**kafka_of(settings).client)
    await admin.start()
    try:
        # Named one by one: without a list, aiokafka cannot read the mock cluster's answer.
        offsets = await admin.list_consumer_group_offsets(GROUP, partitions=await _partitions(settings))
        return {partition: found.offset for partition, found in offsets.items() if found.offset >= 0}
    finally:
        await admin.close()


async def _announce(settings: Settings, transit: Transit, keys: list[tuple[IngestKey, str, int]]) -> None:
    producer = AIOKafkaProducer(**kafka_of(settings).client, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for key, state, at in keys:
            message_key, value = await announce(
                transit,
                PublicIngestKey(key.kid, key.public),
                state=state,  # type: ignore[arg-type]
                seal_until=key.seal_until,
                announced_at=at,
            )
            await producer.send_and_wait(KEYS, value, key=message_key)
    finally:
        await producer.stop()
