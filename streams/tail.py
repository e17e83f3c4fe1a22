"""Following a whole topic without a consumer group: every follower sees every message, and commits nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import Transient
from streams.odd_records import tolerate_odd_records

log = structlog.get_logger(__name__)
_POLL_MS: Final = 1000
_RETRY_SECONDS: Final = 1.0
_CATCH_UP_SECONDS: Final = 60.0
#: How long a broker holds a question that it has no answer to. Over TLS a connection closes only behind that.
_WAIT_MS: Final = 100


class Tail:
    """Calls ``on_message`` for each message of a topic.

    Args:
        bootstrap: the brokers, ``host:port`` separated by commas.
        topic: what to follow.
        from_start: whether to read what is there already; ``start`` then returns when it was read.
        on_message: must not raise; called on the event loop.
        kafka: further settings of aiokafka's clients (TLS, SASL).
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        *,
        from_start: bool,
        on_message: Callable[[ConsumerRecord], None],
        kafka: Mapping[str, Any],
    ) -> None:
        self._topic = topic
        self._from_start = from_start
        self._on_message = on_message
        # A seek would wait for the fetch that is under way from elsewhere: half a second on a topic at rest.
        begin = "earliest" if from_start else "latest"
        given = {"bootstrap_servers": bootstrap, "fetch_max_wait_ms": _WAIT_MS, **kafka}
        self._settings = {**given, "enable_auto_commit": False, "auto_offset_reset": begin}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start; messages from now on (or from the start on) are seen when this returns."""
        tolerate_odd_records()
        self._consumer = AIOKafkaConsumer(self._topic, **self._settings)
        try:
            async with asyncio.timeout(_CATCH_UP_SECONDS):  # aiokafka asks for a position for ever
                await self._consumer.start()
                await self._catch_up()
        except (KafkaError, TimeoutError) as error:
            await self._consumer.stop()
            raise Transient("DG-WIR-018", detail=f"{self._topic}: {type(error).__name__}") from error
        except BaseException:
            await self._consumer.stop()
            raise
        self._task = asyncio.create_task(self._follow(), name=f"tail {self._topic}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._consumer.stop()

    async def _catch_up(self) -> None:
        partitions = self._consumer.assignment()
        if not partitions:
            raise Transient("DG-WIR-018", detail=f"{self._topic} does not exist")
        if self._from_start:
            await self._read_to(await self._consumer.end_offsets(partitions))
        else:
            for partition in partitions:
                await self._consumer.position(partition)  # known from here on, and not the next message's

    async def _read_to(self, ends: Mapping[TopicPartition, int]) -> None:
        behind = {partition for partition, end in ends.items() if await self._behind(partition, end)}
        while behind:
            await self._poll()
            behind = {partition for partition in behind if await self._behind(partition, ends[partition])}

    async def _behind(self, partition: TopicPartition, end: int) -> bool:
        return bool(await self._consumer.position(partition) < end)

    async def _follow(self) -> None:
        while True:
            try:
                await self._poll()
            except KafkaError as error:
                log.warning("tail_retrying", topic=self._topic, error=type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _poll(self) -> None:
        for messages in (await self._consumer.getmany(timeout_ms=_POLL_MS)).values():
            for message in messages:
                self._on_message(message)
