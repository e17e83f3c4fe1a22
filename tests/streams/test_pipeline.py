"""The pipeline's promise: effects, then the audit event, then the reply; nothing read leaves unaudited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from pymongo.errors import AutoReconnect, OperationFailure

from consumers.received import Outcome, fact
from schemas.errors import DanganError, Transient, UnreadableMessage
from schemas.replies import Result
from streams import pipeline as module
from streams.pipeline import Message, Opened, Pipeline, Unread
from tests.consumers.samples import access, principal, received

READER = principal("per:clerk-7", "reader", kind="person")


class World:
    """Everything around the pipeline; notes what happens in which order."""

    def __init__(self, *, audit_failures: int = 0, apply_failures: int = 0, reply_failures: int = 0) -> None:
        self.log: list[Any] = []
        self.replies: list[Any] = []
        self.facts: list[Any] = []
        self.letters: list[Any] = []
        self.failures = {"audit": audit_failures, "apply": apply_failures, "reply": reply_failures}

    def _maybe_fail(self, part: str) -> None:
        if self.failures[part]:
            self.failures[part] -= 1
            self.log.append(f"{part} failed")
            raise Transient("DG-AUD-001")

    async def open(self, messages: Sequence[Message], _family: str) -> list[Any]:
        return [
            Unread(message, UnreadableMessage("DG-WIR-003"))
            if message.value == b"bad"
            else Unread(message, UnreadableMessage("DG-WIR-011", detail="commands.0"), READER, "b-7")
            if message.value == b"signed nonsense"
            else Opened(message, READER, (received(access(), READER, offset=message.offset),), "b-1")
            for message in messages
        ]

    async def apply(self, batch: Sequence[Any], _now: float) -> list[Outcome]:
        self._maybe_fail("apply")
        self.log.append("applied")
        return [
            Outcome(Result(r.command.id, "accepted", values={"name": "张三"}), (fact(r, "access", record="rec-0001"),))
            for r in batch
        ]

    async def publish(self, facts: Sequence[Any]) -> None:
        self._maybe_fail("audit")
        self.log.append("audited")
        self.facts += facts

    def seal(self, replies: Sequence[Any]) -> list[Any]:
        return list(replies)

    async def reply(self, sealed: Sequence[Any]) -> None:
        self._maybe_fail("reply")
        self.log.append("replied")
        self.replies += sealed

    async def dead_letters(self, letters: Sequence[Any]) -> None:
        self.letters += letters


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_WAIT", 0.0)


def message(offset: int = 0, value: bytes = b"sealed") -> Message:
    return Message("archive.access", 0, offset, 1_800_000_000_000, (), value)


async def run(world: World, *messages: Message) -> None:
    await Pipeline("access", opener=world, applier=world, audit=world, outbox=world).process(messages)


async def test_the_event_is_durable_before_the_reply_leaves() -> None:
    world = World()
    await run(world, message())
    assert world.log == ["applied", "audited", "replied"]
    assert world.replies[0][1].results[0].values == {"name": "张三"}


@pytest.mark.clause("AUD-01")
async def test_without_its_event_nothing_read_is_released() -> None:
    world = World(audit_failures=3)
    await run(world, message())
    (result,) = world.replies[0][1].results
    assert (result.status, result.code, result.values) == ("refused", "DG-ACC-005", None)
    assert len(world.replies) == 1
    # Afterwards the stream tells both: the read that was made ready, and that it was withheld.
    assert [(f.allowed, f.code) for f in world.facts] == [(True, None), (False, "DG-ACC-005")]


async def test_transient_failures_are_retried_until_they_end() -> None:
    world = World(apply_failures=2, reply_failures=2)
    await run(world, message())
    assert world.log == ["apply failed"] * 2 + ["applied", "audited"] + ["reply failed"] * 2 + ["replied"]


async def test_an_unreadable_message_is_put_aside_and_audited_and_the_rest_goes_on() -> None:
    world = World()
    await run(world, message(0, b"bad"), message(1))
    assert [(m.offset, e.code) for m, e in world.letters] == [(0, "DG-WIR-003")]
    assert [(f.command_id, f.code) for f in world.facts if f.actor is None] == [("archive.access/0/0", "DG-WIR-003")]
    assert len(world.replies) == 1


async def test_junk_of_nobody_known_makes_one_event_a_batch_and_a_dead_letter_each() -> None:
    world = World()
    batch = [message(offset, b"bad" if offset % 2 else b"signed nonsense") for offset in range(200)]
    await run(world, *batch, replace(message(7, b"bad"), partition=1))
    (*signed, here, there) = world.facts
    assert [f.command_id for f in signed] == [f"archive.access/0/{offset}" for offset in range(0, 200, 2)]
    assert {(f.actor, f.count) for f in signed} == {(READER.id, 1)}
    assert (here.command_id, here.offset, here.count, here.actor) == ("archive.access/0/1-199", 1, 100, None)
    assert (there.command_id, there.count) == ("archive.access/1/7", 1)
    assert len(world.letters) == 201


async def test_a_sender_whose_signature_holds_is_told_what_is_wrong_with_the_bundle() -> None:
    world = World()
    await run(world, message(0, b"signed nonsense"))
    ((reader, reply),) = world.replies
    assert (reader, reply.bundle, reply.code, reply.results) == (READER, "b-7", "DG-WIR-011", ())
    assert "commands.0" in reply.message
    assert [f.actor for f in world.facts] == [READER.id]
    assert len(world.letters) == 1


class Broken(World):
    """Fails for good, in the way given, for the messages given."""

    def __init__(self, error: Exception, offsets: set[int]) -> None:
        super().__init__()
        self.error, self.offsets = error, offsets

    async def apply(self, batch: Sequence[Any], now: float) -> list[Outcome]:
        if self.offsets & {r.offset for r in batch}:
            raise self.error
        return await super().apply(batch, now)


@pytest.mark.parametrize("error", [DanganError("DG-KEY-002"), OperationFailure("broken"), OSError()])
async def test_a_dependency_that_fails_for_good_is_not_swallowed(error: Exception) -> None:
    world = Broken(error, {0})
    with pytest.raises(type(error)):
        await run(world, message(0), message(1))
    assert world.replies == world.facts == []


async def test_a_command_that_breaks_the_code_is_refused_alone() -> None:
    world = Broken(ZeroDivisionError(), {1})
    await run(world, message(0), message(1), message(2))
    assert [reply.results[0].code for _, reply in world.replies] == [None, "DG-CMD-005", None]
    assert [f.code for f in world.facts] == [None, "DG-CMD-005", None]


async def test_a_store_that_is_away_for_a_while_is_waited_for() -> None:
    class Away(World):
        async def apply(self, batch: Sequence[Any], now: float) -> list[Outcome]:
            self.log.append("tried")
            if len(self.log) < 3:
                raise AutoReconnect
            return await super().apply(batch, now)

    world = Away()
    await run(world, message())
    assert world.log == ["tried", "tried", "tried", "applied", "audited", "replied"]
