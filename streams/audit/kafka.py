"""The audit topic as the publisher's log: one idempotent producer, one partition for a whole chain."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner

from streams.audit.publisher import Record
from streams.kafka import Kafka

#: Just below the broker's usual message.max.bytes (1,048,588).
_MAX_BATCH_BYTES = 1_000_000


class KafkaLog:
    """Writes one writer's record batches to its partition, with acks=all and idempotence.

    The producer retries within itself for as long as the broker is away; the broker knows a retry by its
    sequence numbers, so order holds and nothing is written twice. When a batch does fail, its numbers are
    spent, so the producer is dropped and the next attempt begins with a new one.

    Args:
        topic: the audit topic.
        key: the record key, the writer's id: it decides the partition.
        producer: makes a producer with ``acks="all"`` and ``enable_idempotence=True``.
    """

    def __init__(self, topic: str, key: str, producer: Callable[[], AIOKafkaProducer]) -> None:
        self._topic = topic
        self._key = key.encode()
        self._make = producer
        self._producer: AIOKafkaProducer | None = None
        self._partition: int | None = None

    async def append(self, records: Sequence[Record]) -> None:
        """Write the records as one record batch; return when durable. Any exception: outcome unknown."""
        producer = self._producer or await self._connected()
        batch = producer.create_batch()
        for record in records:
            if not batch.append(key=self._key, value=record.value, timestamp=record.at_ms, headers=record.headers):
                raise ValueError("the batch is larger than a record batch may be")
        batch.close()
        try:
            await (await producer.send_batch(batch, self._topic, partition=self._partition))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of the producer."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def _connected(self) -> AIOKafkaProducer:
        producer = self._make()
        try:
            await producer.start()
            if self._partition is None:
                # kept for the life of the chain, even if partitions are added meanwhile
                every = sorted(await producer.partitions_for(self._topic))
                self._partition = DefaultPartitioner()(self._key, every, every)
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer
        return producer


def kafka_log(kafka: Kafka, topic: str, key: str) -> KafkaLog:
    """The log on a cluster."""

    def producer() -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **kafka.client,
            acks="all",
            enable_idempotence=True,
            max_batch_size=_MAX_BATCH_BYTES,
            request_timeout_ms=10_000,
            client_id="dangan-audit",
        )

    return KafkaLog(topic, key, producer)
