"""What meters cost: microseconds a batch and a command, measured on parts that do nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from consumers.received import Outcome
from schemas.replies import Result
from streams.observe.building import Watched, build_pipelines, processes
from streams.observe.metered import MeteredAudit
from streams.observe.meters import Meters
from streams.pipeline import Message, Opened

COMMANDS, BATCHES = 50, 60
#: Microseconds of one command of a collect that the meters may take: a hundredth of what the command costs.
BOUND_US = 10.0


class _Idle:
    """Stands in for every part; opens one bundle of so many commands a batch."""

    def __init__(self) -> None:
        class Command:
            id = "00000000-0000-4000-8000-000000000001"

        class Received:
            command = Command()

        self._commands: Any = (Received(),) * COMMANDS
        self._outcomes = [Outcome(Result("id", "accepted"), ())] * COMMANDS

    async def open(self, messages: Sequence[Message], family: str) -> list[Opened]:
        sender: Any = None
        return [Opened(messages[0], sender, self._commands, "00000000-0000-4000-8000-000000000002")]

    async def apply(self, batch: Any, now: float) -> list[Outcome]:
        return self._outcomes

    async def publish(self, facts: Any) -> None: ...

    def seal(self, replies: Any) -> list[Any]:
        return []

    async def reply(self, sealed: Any) -> None: ...

    async def dead_letters(self, letters: Any) -> None: ...


async def seconds_of_a_batch(*, with_meters: bool) -> float:
    parts: Any = _Idle()
    meters = Meters()
    watched = Watched(meters, MeteredAudit(meters, parts)) if with_meters else None
    pipelines = build_pipelines({"collect": parts}, opener=parts, audit=parts, outbox=parts, watched=watched)
    process = processes(pipelines, watched)["collect"]
    messages = [Message("archive.collect", 0, 1, 0, (), b"")]
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        for _ in range(BATCHES):
            await asyncio.create_task(process(messages))  # type: ignore[arg-type]
        best = min(best, time.process_time() - begun)
    return best / BATCHES


async def test_meters_cost_next_to_nothing_of_a_command() -> None:
    without, with_ = await seconds_of_a_batch(with_meters=False), await seconds_of_a_batch(with_meters=True)
    a_command = (with_ - without) * 1e6 / COMMANDS
    print(f"a batch of {COMMANDS}: {without * 1e6:.0f} us without, {with_ * 1e6:.0f} us with: {a_command:.2f} us each")
    assert a_command < BOUND_US
