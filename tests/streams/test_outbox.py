"""The outbox: who gets which replies, in how many messages, and what a dead letter tells."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from keys.okp import ReceivingKey
from schemas import wire
from schemas.errors import Transient, UnreadableMessage
from schemas.principals import PublicKey
from schemas.replies import Reply, Result
from schemas.trust import Trust, TrustedKey
from streams import outbox as module
from streams.outbox import KafkaOutbox
from streams.pipeline import Message
from streams.replies_reader import parse_replies
from streams.reply_envelope import open_reply
from tests.consumers.samples import principal
from tests.vectors.answers import WRITERS, certified
from tests.vectors.bundles import NOW

IDENTITY = certified()
TRUST = Trust(writers=(TrustedKey(kid=WRITERS.kid, x=WRITERS.x),))


class Producer:
    """Notes what is sent; fails when told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self.error = error

    async def send(self, topic: str, value: bytes, *, key: bytes, headers: Any) -> asyncio.Future[None]:
        if self.error:
            raise self.error
        self.sent.append({"topic": topic, "value": value, "key": key, "headers": dict(headers)})
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


def reader(name: str) -> tuple[Any, ReceivingKey]:
    key = ReceivingKey.generate()
    return principal(name, "reader", receiving_keys=(PublicKey(key.kid, key.x, NOW - 10, NOW + 10),)), key


def outbox(producer: Producer) -> KafkaOutbox:
    return KafkaOutbox(producer, lambda: IDENTITY, clock=lambda: float(NOW))


def reply(bundle: str, count: int = 1, size: int = 0) -> Reply:
    values = {"name": "x" * size} if size else None
    return Reply(bundle, tuple(Result(f"{bundle}-{n}", "accepted", values=values) for n in range(count)))


async def test_each_reader_gets_one_message_with_the_own_replies_only() -> None:
    producer = Producer()
    (clerk, clerk_key), (crm, crm_key) = reader("per:clerk"), reader("sys:crm")
    await outbox(producer).reply([(clerk, reply("b-1")), (crm, reply("b-2", 50)), (clerk, reply("b-3"))])
    opened = {}
    for sent, key in zip(producer.sent, (clerk_key, crm_key), strict=True):
        message = open_reply(sent["value"], key=key, trust=TRUST)
        assert sent["headers"][wire.HEADER_ID].decode() == message.reply_id
        opened[sent["headers"][wire.HEADER_SUBJECT]] = [r.bundle for r in parse_replies(message.payload)]
    assert opened == {b"per:clerk": ["b-1", "b-3"], b"sys:crm": ["b-2"]}


async def test_large_answers_are_split_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REPLY_JSON", 1000)
    producer = Producer()
    clerk, key = reader("per:clerk")
    await outbox(producer).reply([(clerk, reply("b-1", 10, 300)), (clerk, reply("b-2", 3))])
    found = []
    for sent in producer.sent:
        payload = open_reply(sent["value"], key=key, trust=TRUST).payload
        assert len(payload) < 1500
        found += [result.id for one in parse_replies(payload) for result in one.results]
    assert found == [f"b-1-{n}" for n in range(10)] + [f"b-2-{n}" for n in range(3)]


async def test_a_reader_without_a_valid_key_gets_nothing() -> None:
    producer = Producer()
    clerk, _ = reader("per:clerk")
    await outbox(producer).reply([(principal("per:x", receiving_keys=()), reply("b-1")), (clerk, reply("b-2"))])
    assert [sent["headers"][wire.HEADER_SUBJECT] for sent in producer.sent] == [b"per:clerk"]


async def test_a_dead_letter_is_the_message_as_it_came_with_code_and_place() -> None:
    producer = Producer()
    headers = (("ce_id", b"1"), ("ce_source", b"s" * 999), ("x-own", b"13800138000"), ("ce_type", None))
    message = Message("archive.collect", 3, 41, 0, headers, b"sealed")  # type: ignore[arg-type]
    await outbox(producer).dead_letters([(message, UnreadableMessage("DG-WIR-005"))])
    (sent,) = producer.sent
    assert (sent["topic"], sent["value"]) == (wire.TOPIC_DEAD_LETTERS, b"sealed")
    assert sent["headers"]["dg_code"] == b"DG-WIR-005"
    assert sent["headers"]["dg_place"] == b"archive.collect/3/41"
    assert len(sent["headers"]["ce_source"]) == wire.MAX_HEADER_BYTES
    assert "x-own" not in sent["headers"]


async def test_a_broker_that_refuses_is_a_transient_failure() -> None:
    clerk, _ = reader("per:clerk")
    with pytest.raises(Transient):
        await outbox(Producer(KafkaError())).reply([(clerk, reply("b-1"))])
