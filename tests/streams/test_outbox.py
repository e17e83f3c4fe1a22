"""The outbox: who gets which replies, in how many messages, and what a dead letter tells."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError, TopicAuthorizationFailedError

from keys.okp import ReceivingKey
from schemas import wire
from schemas.errors import Transient, UnreadableMessage
from schemas.members import MAX_FIELDS, MAX_TEXT
from schemas.principals import PublicKey
from schemas.replies import Reply, Result
from schemas.topics import MAX_MESSAGE_BYTES
from schemas.trust import Trust, TrustedKey
from streams import outbox as module
from streams.outbox import KafkaOutbox
from streams.pipeline import Message
from streams.replies_reader import parse_replies
from streams.reply_envelope import open_reply
from tests.consumers.samples import principal
from tests.vectors.answers import WRITERS, certified
from tests.vectors.bundles import NOW, forged

IDENTITY = certified()
TRUST = Trust(writers=(TrustedKey(kid=WRITERS.kid, x=WRITERS.x),))


class Producer:
    """Notes what is sent; fails when told to.

    Args:
        error: what is raised.
        limit: only for values longer than this.
        late: by the future, as when the broker answers, not by the call.
    """

    def __init__(self, error: Exception | None = None, *, limit: int = -1, late: bool = False) -> None:
        self.sent: list[dict[str, Any]] = []
        self.error = error
        self.limit = limit
        self.late = late

    async def send(self, topic: str, value: bytes, *, key: bytes, headers: Any) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.error and len(value) > self.limit:
            if not self.late:
                raise self.error
            done.set_exception(self.error)
            return done
        self.sent.append({"topic": topic, "value": value, "key": key, "headers": dict(headers)})
        done.set_result(None)
        return done


def reader(name: str) -> tuple[Any, ReceivingKey]:
    key = ReceivingKey.generate()
    return principal(name, "reader", receiving_keys=(PublicKey(key.kid, key.x, NOW - 10, NOW + 10),)), key


def outbox(producer: Producer) -> KafkaOutbox:
    return KafkaOutbox(producer, lambda: IDENTITY, clock=lambda: float(NOW))


async def answer(box: KafkaOutbox, replies: list[tuple[Any, Reply]]) -> None:
    await box.reply(box.seal(replies))


def reply(bundle: str, count: int = 1, size: int = 0) -> Reply:
    values = {"name": "x" * size} if size else None
    return Reply(bundle, tuple(Result(f"{bundle}-{n}", "accepted", values=values) for n in range(count)))


async def test_each_reader_gets_one_message_with_the_own_replies_only() -> None:
    producer = Producer()
    (clerk, clerk_key), (crm, crm_key) = reader("per:clerk"), reader("sys:crm")
    await answer(outbox(producer), [(clerk, reply("b-1")), (crm, reply("b-2", 50)), (clerk, reply("b-3"))])
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
    await answer(outbox(producer), [(clerk, reply("b-1", 10, 300)), (clerk, reply("b-2", 3))])
    found = []
    for sent in producer.sent:
        payload = open_reply(sent["value"], key=key, trust=TRUST).payload
        assert len(payload) < 1500
        found += [result.id for one in parse_replies(payload) for result in one.results]
    assert found == [f"b-1-{n}" for n in range(10)] + [f"b-2-{n}" for n in range(3)]


async def test_a_reader_without_a_valid_key_gets_nothing() -> None:
    producer = Producer()
    clerk, _ = reader("per:clerk")
    await answer(outbox(producer), [(principal("per:x", receiving_keys=()), reply("b-1")), (clerk, reply("b-2"))])
    assert [sent["headers"][wire.HEADER_SUBJECT] for sent in producer.sent] == [b"per:clerk"]


SEALED = forged()


def message(offset: int, value: bytes = SEALED) -> tuple[Message, UnreadableMessage]:
    return Message("archive.collect", 3, offset, 0, (("ce_source", b"sys:crm"),), value), UnreadableMessage(
        "DG-WIR-005"
    )


async def test_a_dead_letter_goes_out_with_code_and_place() -> None:
    producer = Producer()
    await outbox(producer).dead_letters([message(41)])
    (sent,) = producer.sent
    assert (sent["topic"], sent["value"], sent["key"]) == (wire.TOPIC_DEAD_LETTERS, SEALED, b"archive.collect/3/41")
    expected = {"ce_source": b"sys:crm", "dg_code": b"DG-WIR-005", "dg_place": b"archive.collect/3/41"}
    assert sent["headers"] == expected


async def test_a_dead_letter_that_the_broker_refuses_for_its_size_goes_out_without_its_value() -> None:
    for late in (False, True):
        producer = Producer(MessageSizeTooLargeError(), limit=100, late=late)
        await outbox(producer).dead_letters([message(1), message(2, b"junk"), message(3)])
        assert sorted(sent["key"][-1:] for sent in producer.sent) == [b"1", b"2", b"3"]
        assert all(sent["value"] == b"" and "dg_sha256" in sent["headers"] for sent in producer.sent)


async def test_what_a_broker_refuses_even_so_holds_nobody_up() -> None:
    clerk, _ = reader("per:clerk")
    for late in (False, True):
        producer = Producer(MessageSizeTooLargeError(), late=late)
        async with asyncio.timeout(1):
            await outbox(producer).dead_letters([message(1)])
            await answer(outbox(producer), [(clerk, reply("b-1"))])
        assert producer.sent == []


async def test_an_answer_that_no_message_holds_becomes_a_refusal() -> None:
    producer = Producer()
    clerk, key = reader("per:clerk")
    fields = {f"field-{number}": "\x00" * MAX_TEXT for number in range(MAX_FIELDS)}  # six bytes each in JSON
    large = Reply("b-1", (Result("c-1", "accepted", values=fields), Result("c-2", "accepted", version=2)))  # type: ignore[arg-type]
    await answer(outbox(producer), [(clerk, large)])
    assert max(len(sent["value"]) for sent in producer.sent) < MAX_MESSAGE_BYTES
    payloads = [open_reply(sent["value"], key=key, trust=TRUST).payload for sent in producer.sent]
    results = [result for one in payloads for got in parse_replies(one) for result in got.results]
    assert [(result.id, result.status, result.code, result.values) for result in results] == [
        ("c-1", "refused", "DG-KAF-002", None),
        ("c-2", "accepted", None, None),
    ]


async def test_the_largest_answer_that_is_sent_fits_the_topic() -> None:
    producer = Producer()
    clerk, _ = reader("per:clerk")
    row = Result("c-1", "accepted", values={"name": ""})
    room = module.MAX_RESULT_JSON - len(module._row(row, "en"))
    await answer(outbox(producer), [(clerk, Reply("b-1", (replace(row, values={"name": "x" * room}),)))])
    (sent,) = producer.sent
    assert module.MAX_RESULT_JSON < len(sent["value"]) < MAX_MESSAGE_BYTES - 4096


async def test_a_broker_that_refuses_is_a_transient_failure() -> None:
    clerk, _ = reader("per:clerk")
    for error in (KafkaError(), TopicAuthorizationFailedError(), KafkaTimeoutError()):
        for late in (False, True):
            with pytest.raises(Transient):
                await answer(outbox(Producer(error, late=late)), [(clerk, reply("b-1"))])
