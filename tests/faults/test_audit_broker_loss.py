"""The broker dies without warning while events are published: none is lost, none is doubled, the chain verifies."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from ops.embedded.program import Service
from ops.embedded.stack import Stack
from schemas.audit import KeptCheckpoint, event_id
from schemas.errors import Transient
from schemas.topics import AUDIT
from streams.audit.checkpoint import VALUE_PREFIX, parse_checkpoint
from streams.audit.kafka import kafka_log
from streams.audit.publisher import AuditPublisher
from streams.audit.reader import open_topic
from streams.kafka import kafka_of
from tests.streams.audit_records import Archive, some_facts, verified

pytestmark = pytest.mark.fault
KILLS = 3


async def test_kill_9_of_the_broker_under_load(tmp_path: Path) -> None:
    with Stack.start(tmp_path / "home", (Service.KAFKA,)) as stack:
        if stack.kafka_kind != "broker":
            pytest.skip("the mock cluster keeps nothing when it is killed")
        await _run(stack)


async def _run(stack: Stack) -> None:
    archive = Archive()
    writer = await archive.new_writer()
    newest: list[KeptCheckpoint] = []
    done: list[str] = []
    stop, progress = asyncio.Event(), asyncio.Event()

    async def keep(checkpoint: KeptCheckpoint) -> None:
        newest[:] = [checkpoint]

    async def work(worker: int, publisher: AuditPublisher) -> int:
        refusals, number = 0, 0
        while not stop.is_set():
            facts = some_facts(10, worker * 1_000_000 + number)
            number += 10
            while True:
                try:
                    await publisher.publish(facts)
                    break
                except Transient:
                    refusals += 1
            done.extend(event_id(fact) for fact in facts)
            progress.set()
        return refusals

    kafka = kafka_of(stack.settings)
    log = kafka_log(kafka, AUDIT, writer.id)
    async with AuditPublisher(log, writer, keep, clock=time.time, timeout_s=1.0) as publisher:
        tasks = [asyncio.create_task(work(at, publisher)) for at in range(3)]
        for _ in range(KILLS):
            await asyncio.sleep(1.5)
            await asyncio.to_thread(stack.kill9, Service.KAFKA)
            await asyncio.sleep(1.5)
            await asyncio.to_thread(stack.restart, Service.KAFKA)
            progress.clear()
            async with asyncio.timeout(60):
                await progress.wait()
        stop.set()
        refusals = sum(await asyncio.gather(*tasks))

    async with open_topic(kafka, AUDIT) as topic:
        values = [entry.value async for batch in topic.to_the_end() for entry in batch]
    note = parse_checkpoint(newest[0].text)
    assert note is not None
    report = verified(archive.trust, values, [note])
    assert report.findings == []
    ids = [
        value.split(b'"metadata":{"uid":"')[1][:36].decode() for value in values if not value.startswith(VALUE_PREFIX)
    ]
    assert set(done) <= set(ids)
    assert refusals > 0
    # given up and asked again while the first write was under way: it was joined, not doubled
    assert len(ids) - len(set(ids)) == report.duplicates == 0
