"""The publisher on a real broker: answers, order, rotation of ingest keys, impostors, and a broker that dies."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from keys.okp import ReceivingKey, SigningKey
from keys.principal_keys import PrincipalKeys
from keys.roots import WRITERS_KEY
from ops.embedded.program import Service
from ops.embedded.stack import Stack
from schemas.errors import DanganError, Transient
from streams.publisher import Publisher
from streams.receipts import Receipt
from tests.simulators.answering_worker import AnsweringWorker, scratch_topics
from tests.vectors.answers import TRUST, FixedSigner

pytestmark = pytest.mark.flow
CLIENT = PrincipalKeys.generate("sys:crm")


@pytest.fixture
async def worker(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AnsweringWorker]:
    bootstrap = stack.settings.kafka_bootstrap
    async with scratch_topics(bootstrap, monkeypatch), AnsweringWorker(bootstrap, CLIENT) as started:
        yield started


def publisher(stack: Stack, **options: Any) -> Publisher:
    return Publisher(
        stack.settings.kafka_bootstrap,
        principal=CLIENT.principal,
        signing_key=CLIENT.signing,
        receiving_key=CLIENT.receiving,
        trust=TRUST,
        **options,
    )


async def collect(archive: Publisher, number: int) -> Receipt:
    return await archive.collect(
        record=f"crm:{number:04d}",
        subject=f"party:{number:04d}",
        purpose="service",
        legal_basis="contract",
        fields={"note": "备注" * (number % 50 + 1)},
    )


async def test_every_command_is_delivered_in_order_and_answered(stack: Stack, worker: AnsweringWorker) -> None:
    await worker.announce(ReceivingKey.generate(), "active")
    async with publisher(stack, max_undelivered=120, max_unanswered=300) as archive:
        receipts = [await collect(archive, number % 97) for number in range(970)]
        results = await asyncio.gather(*receipts)
        places = [await receipt.delivered for receipt in receipts]
    assert {result.status for result in results} == {"accepted"}
    assert [result.id for result in results] == [receipt.command_id for receipt in receipts]
    assert sum(len(commands) for commands in worker.seen.values()) == 970
    arrived = defaultdict(list)
    for commands in worker.seen.values():
        for record, command_id in commands:
            arrived[record].append(command_id)
    for record, ids in arrived.items():
        assert ids == [receipt.command_id for receipt in receipts if receipt.partition_key == record]
    assert len({place.bundle_id for place in places}) < 970 / 5


async def test_a_rotation_is_followed_without_a_pause(stack: Stack, worker: AnsweringWorker) -> None:
    old, new = ReceivingKey.generate(), ReceivingKey.generate()
    await worker.announce(old, "active")
    async with publisher(stack) as archive:
        await (await collect(archive, 1))
        await worker.announce(old, "retiring")
        waiting = await collect(archive, 2)  # between two keys: it waits for the announcement
        await worker.announce(new, "active")
        assert (await asyncio.wait_for(waiting.answer, 10)).status == "accepted"
    assert worker.kids[0] == old.kid
    assert worker.kids[-1] == new.kid


async def test_a_reply_by_an_impostor_is_not_believed(stack: Stack, worker: AnsweringWorker) -> None:
    await worker.announce(ReceivingKey.generate(), "active")
    forger = FixedSigner(**{WRITERS_KEY: SigningKey.generate()})
    async with AnsweringWorker(stack.settings.kafka_bootstrap, CLIENT, forger) as impostor:
        impostor._task.cancel()
        worker.impostor = impostor
        async with publisher(stack) as archive:
            assert (await (await collect(archive, 1))).status == "accepted"
            assert archive.replies.rejected == 1


async def test_nothing_is_sealed_without_a_trusted_ingest_key(stack: Stack, worker: AnsweringWorker) -> None:
    worker.signer = FixedSigner(**{"dangan-announcements": SigningKey.generate()})
    await worker.announce(ReceivingKey.generate(), "active")
    async with publisher(stack, delivery_timeout=0.6) as archive:
        receipt = await collect(archive, 1)
        with pytest.raises(DanganError, match="DG-WIR-017"):
            await receipt
    assert not worker.seen


async def test_what_was_handed_over_is_delivered_before_closing(stack: Stack, worker: AnsweringWorker) -> None:
    await worker.announce(ReceivingKey.generate(), "active")
    async with publisher(stack, linger=30) as archive:
        receipts = [await collect(archive, number) for number in range(20)]
    assert all(receipt.delivered.done() and not receipt.delivered.exception() for receipt in receipts)
    with pytest.raises(DanganError, match="DG-WIR-021"):
        await collect(archive, 1)


async def test_a_broker_that_is_not_there_is_told_in_plain_words() -> None:
    with pytest.raises(Transient, match="DG-WIR-018"):
        async with Publisher(
            "127.0.0.1:1", principal="sys:crm", signing_key=CLIENT.signing, receiving_key=None, trust=TRUST
        ):
            pass


@pytest.mark.fault
async def test_commands_handed_over_while_the_broker_is_dead_arrive_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stack.start(tmp_path / "home", [Service.KAFKA]) as own:
        if own.kafka_kind != "broker":
            pytest.skip("the mock cluster loses its data when it dies")
        bootstrap = own.settings.kafka_bootstrap
        async with scratch_topics(bootstrap, monkeypatch), AnsweringWorker(bootstrap, CLIENT) as worker:
            await worker.announce(ReceivingKey.generate(), "active")
            async with publisher(own) as archive:
                receipts = [await collect(archive, number) for number in range(100)]
                own.kill9(Service.KAFKA)
                receipts += [await collect(archive, number) for number in range(100, 200)]
                await asyncio.to_thread(own.restart, Service.KAFKA)
                await asyncio.wait_for(asyncio.gather(*(receipt.delivered for receipt in receipts)), 60)
                results = await asyncio.wait_for(asyncio.gather(*receipts), 60)
    assert {result.status for result in results} == {"accepted"}
    arrived = [command_id for commands in worker.seen.values() for _, command_id in commands]
    assert sorted(arrived) == sorted(receipt.command_id for receipt in receipts)
