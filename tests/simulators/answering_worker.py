"""A worker that opens bundles and answers "accepted" to everything: what a publisher sees of the archive.

It uses topics of its own beside the installation's (``scratch_topics``), so that no real worker reads what a test
publishes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any, Self

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from keys.okp import PublicIngestKey, ReceivingKey
from keys.principal_keys import PrincipalKeys
from schemas import topics, wire
from schemas.principals import PublicKey
from schemas.replies import Replies, Reply, Result
from schemas.wire import Family, WireLimits
from streams.announce import State, announce
from streams.bundle import parse_bundle
from streams.envelope import open_bundle
from streams.reply_envelope import reply_headers, seal_reply
from streams.writer import new_writer
from tests.vectors.answers import FixedSigner


@contextlib.asynccontextmanager
async def scratch_topics(bootstrap: str, patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Give every topic name a suffix of this test's own, create those topics, and delete them afterwards."""
    suffix = f".{uuid.uuid4().hex[:8]}"
    for name in ("TOPIC_KEYS", "TOPIC_REPLIES"):
        patch.setattr(wire, name, getattr(wire, name) + suffix)
    plain = wire.topic_of
    patch.setattr(wire, "topic_of", lambda family: plain(family) + suffix)
    size = {"max.message.bytes": str(topics.MAX_MESSAGE_BYTES)}
    wanted = [NewTopic(wire.TOPIC_KEYS, 1, 1, topic_configs={"cleanup.policy": "compact"})]
    wanted += [NewTopic(wire.TOPIC_REPLIES, 2, 1), NewTopic(wire.topic_of("collect"), 3, 1, topic_configs=size)]
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics(wanted)
        await asyncio.sleep(0.5)  # until the brokers have heard of them
        yield
        await admin.delete_topics([topic.name for topic in wanted])
    finally:
        await admin.close()


class AnsweringWorker:
    """Takes bundles from the collect topic, keeps the commands in order of arrival, answers each.

    Attributes:
        seen: per partition, the commands' record ids and ids.
        kids: the ingest keys that bundles were sealed to, in order.
        signer: what signs its certificate and announcements; another one makes it an impostor.
    """

    def __init__(self, bootstrap: str, client: PrincipalKeys, signer: FixedSigner | None = None) -> None:
        self._bootstrap = bootstrap
        self._client = client
        self._ingest: dict[str, ReceivingKey] = {}
        self.signer = signer or FixedSigner()
        self.seen: dict[int, list[tuple[str, str]]] = {}
        self.kids: list[str] = []
        self.impostor: AnsweringWorker | None = None

    async def __aenter__(self) -> Self:
        """Start consuming from the beginning."""
        self._writer = await new_writer(self.signer, "worker-1", time.time())
        self._producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap)
        await self._producer.start()
        settings: dict[str, Any] = {"auto_offset_reset": "earliest", "enable_auto_commit": False}
        topic = wire.topic_of("collect")
        self._consumer = AIOKafkaConsumer(topic, bootstrap_servers=self._bootstrap, **settings)
        await self._consumer.start()
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._consumer.stop()
        await self._producer.stop()

    async def announce(self, key: ReceivingKey, state: State, *, seconds: int = 3600) -> None:
        """Say something about an ingest key."""
        self._ingest[key.kid] = key
        now = int(time.time())
        public = PublicIngestKey(key.kid, key.x)
        name, value = await announce(self.signer, public, state=state, seal_until=now + seconds, announced_at=now)
        await self._producer.send_and_wait(wire.TOPIC_KEYS, key=name, value=value)

    async def answer(self, bundle_id: str, results: list[Result]) -> None:
        """Send a reply to the client."""
        receiving = self._client.receiving
        value = seal_reply(
            orjson.dumps(asdict(Replies((Reply(bundle_id, tuple(results)),)))),
            writer=self._writer,
            recipient=PublicKey(receiving.kid, receiving.x, 0, 1 << 40),
            reply_id=bundle_id,
            iat=int(time.time()),
        )
        headers = reply_headers(
            recipient=self._client.principal, reply_id=str(uuid.uuid4()), time="2026-02-02T02:40:00Z"
        )
        await self._producer.send_and_wait(wire.TOPIC_REPLIES, value, headers=headers)

    async def _run(self) -> None:
        async for message in self._consumer:
            await self._take(message)

    async def _take(self, message: ConsumerRecord) -> None:
        family: Family = "collect"
        signing = self._client.signing
        opened = open_bundle(
            message.value,
            headers=message.headers,
            family=family,
            ingest_private=lambda kid: self._ingest[kid].private,
            sender_key=lambda kid: (self._client.principal, PublicKey(kid, signing.x, 0, 1 << 40)),
            now=message.timestamp / 1000,
            limits=WireLimits(),
        )
        self.kids.append(opened.kid_ingest)
        commands: Any = parse_bundle(opened.payload, family).commands
        self.seen.setdefault(message.partition, []).extend((each.record, each.id) for each in commands)
        if self.impostor is not None:
            lies = [Result(each.id, "refused", "DG-CMD-004") for each in commands]
            await self.impostor.answer(opened.bundle_id, lies)
        await self.answer(opened.bundle_id, [Result(each.id, "accepted", version=1) for each in commands])
