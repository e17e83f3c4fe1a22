"""How far the worker is, told from the end of the replies topic: cheap to ask, and it comes after durability.

A reply is sent when records and audit event are durable, one for each bundle. Asking for the topic's end costs
the broker next to nothing, and the worker nothing at all.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.topics import REPLIES


class Replies:
    """Counts the messages of the replies topic."""

    def __init__(self, consumer: AIOKafkaConsumer, places: list[TopicPartition]) -> None:
        self._consumer = consumer
        self._places = places

    async def count(self) -> int:
        """How many replies there are."""
        return sum((await self._consumer.end_offsets(self._places)).values())

    async def until(
        self, total: int, *, check: Callable[[], None], within: float = 600.0, every: float = 0.02
    ) -> float:
        """Wait until there are that many; the monotonic time when they were seen.

        Raises:
            TimeoutError: after ``within`` seconds.
        """
        deadline = time.monotonic() + within
        while await self.count() < total:
            check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{await self.count()} replies of {total}")
            await asyncio.sleep(every)
        return time.monotonic()


@asynccontextmanager
async def replies(bootstrap: str, partitions: int) -> AsyncIterator[Replies]:
    """Connect to the replies topic, which has that many partitions."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        yield Replies(consumer, [TopicPartition(REPLIES, number) for number in range(partitions)])
    finally:
        await consumer.stop()
