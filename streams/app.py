"""The Faust application: one agent for each family of commands, a few lines each.

Settings that lose data when missing (each verified on faust-streaming 0.15.3, docs/adr/0002): at least once,
``concurrency=1``, raw values, no leader election, no topic declaration, and nothing acknowledged by Faust
itself (streams/dispatcher.py).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import faust
from aiokafka.record.default_records import DefaultRecordBase

from schemas.wire import Family, topic_of
from streams.dispatcher import Dispatcher
from streams.kafka import Kafka
from streams.odd_records import tolerate_odd_records
from streams.pipeline import Message

Process = Callable[[Sequence[Message]], Awaitable[None]]

#: Messages of each family that Faust holds ready: at 2 MiB each (schemas/topics.py) half a gigabyte at the very worst.
BUFFERED_MESSAGES = 256
#: A record's timestamp type when the broker, not the sender, has set its time.
_LOG_APPEND_TIME = DefaultRecordBase.LOG_APPEND_TIME
#: The consumer group of all workers.
GROUP = "dangan"


def make_app(
    kafka: Kafka,
    processes: Mapping[Family, Process],
    *,
    datadir: Path,
    in_flight: Mapping[Family, int],
    group: str = GROUP,
) -> faust.App:
    """The application, ready to be started.

    Args:
        kafka: the cluster.
        processes: what handles the batches of each family.
        datadir: where Faust keeps its state (nothing that matters).
        in_flight: batches of each family at work at once.
        group: the consumer group's id.
    """
    tolerate_odd_records()
    datadir.mkdir(parents=True, exist_ok=True)
    app = faust.App(
        group,
        env={},  # or Faust would take its settings from variables first: another broker, another guarantee
        broker=[f"kafka://{server.strip()}" for server in kafka.servers.split(",")],
        broker_credentials=_credentials(kafka),
        datadir=str(datadir),
        store="memory://",
        processing_guarantee="at_least_once",
        broker_session_timeout=10.0,
        broker_heartbeat_interval=2.0,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        stream_buffer_maxsize=BUFFERED_MESSAGES,
        stream_wait_empty=True,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    for family, process in processes.items():
        topic = app.topic(topic_of(family), key_serializer="raw", value_serializer="raw", allow_empty=True)
        app.agent(topic, name=f"archive-{family}", concurrency=1)(_agent(process, in_flight[family]))
    app.finalize()
    return app


def _credentials(kafka: Kafka) -> Any:
    """What Faust is told of TLS and SASL; None for plaintext."""
    context = kafka.security.get("ssl_context")
    if context is None:
        return None
    if "sasl_mechanism" not in kafka.security:
        return faust.SSLCredentials(context)
    return faust.SASLCredentials(
        username=kafka.security["sasl_plain_username"],
        password=kafka.security["sasl_plain_password"],
        mechanism=kafka.security["sasl_mechanism"],
        ssl_context=context,
    )


def _agent(process: Process, in_flight: int) -> Callable[[Any], Awaitable[None]]:
    async def handle(batch: Sequence[Any]) -> None:
        await process([to_message(raw) for raw in batch])

    async def agent(stream: Any) -> None:
        async with Dispatcher(handle, in_flight=in_flight) as dispatcher:
            events: AsyncIterator[Any] = stream.noack().events()
            async for event in events:
                await dispatcher.put(event)

    return agent


def to_message(raw: Any, *, clock: Callable[[], float] = time.time) -> Message:
    """Faust's message as the pipeline sees it.

    Args:
        raw: Faust's message.
        clock: UNIX seconds.

    Returns:
        The message at the time that the broker gave it. A topic without ``message.timestamp.type=LogAppendTime``
        (``dangan doctor`` tells) hands on what the sender wrote: such a message is dated now, and a redelivery of
        it counts as a repetition.
    """
    value = raw.value
    if isinstance(value, str):  # Faust may hand over either for a raw value
        value = value.encode()
    return Message(
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        at_ms=round((raw.timestamp if raw.timestamp_type == _LOG_APPEND_TIME else clock()) * 1000),
        headers=tuple(raw.headers or ()),
        value=value or b"",
    )
