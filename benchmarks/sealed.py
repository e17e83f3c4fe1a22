"""Sealed collect bundles made ahead, so that no sender works while a worker is measured."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2

from benchmarks.customers import PURPOSE, Fields
from benchmarks.scene import SENDER, Scene
from schemas import wire
from schemas.wire import Family
from streams.envelope import bundle_headers, seal_bundle

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SealedBundle:
    """One Kafka message, ready to be sent."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    commands: int


def collects(run: str, people: Sequence[Fields], count: int) -> Iterator[dict[str, Any]]:
    """Collect commands for ``count`` records named ``RUN-0`` to ``RUN-count``."""
    for at in range(count):
        yield {
            "type": "collect",
            "id": str(uuid.uuid4()),
            "record": f"{run}-{at}",
            "subject": f"p-{run}-{at}",
            "purpose": PURPOSE,
            "legal_basis": "contract",
            "fields": people[at % len(people)],
        }


def seal_all(scene: Scene, family: Family, commands: Iterable[dict[str, Any]], size: int) -> list[SealedBundle]:
    """Seal the commands in bundles of ``size``, as the publisher does."""
    return [_seal(scene, family, group) for group in chunks(commands, size)]


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most ``size`` items."""
    source = iter(items)
    while group := list(islice(source, size)):
        yield group


def _seal(scene: Scene, family: Family, commands: list[dict[str, Any]]) -> SealedBundle:
    now = time.time()
    bundle = str(uuid.uuid4())
    value = seal_bundle(
        orjson.dumps({"commands": commands}),
        signing_key=scene.signing_key,
        ingest_key=scene.ingest_key,
        bundle_id=bundle,
        iat=int(now),
    )
    moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    headers = bundle_headers(family, sender=SENDER, bundle_id=bundle, time=moment)
    return SealedBundle(str(commands[0]["record"]).encode(), value, headers, len(commands))


async def load(producer: AIOKafkaProducer, family: Family, bundles: Iterable[SealedBundle]) -> None:
    """Put the bundles into their topic; return when all are durable."""
    topic = wire.topic_of(family)
    partitions = sorted(await producer.partitions_for(topic))
    for group in chunks(bundles, 500):
        sent = [
            await producer.send(
                topic,
                bundle.value,
                key=bundle.key,
                headers=bundle.headers,
                partition=partitions[(murmur2(bundle.key) & 0x7FFFFFFF) % len(partitions)],
            )
            for bundle in group
        ]
        await asyncio.gather(*sent)
