"""Acts on the real store: rivals that race for the same records, and workers killed at any write."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from consumers.intake import IntakeDesk
from consumers.received import Outcome
from ops.embedded.stack import Stack
from schemas.levels import Level
from store import intakes, records
from store.database import Database, connect
from store.intakes import Intakes
from store.record import Record
from store.records import Records
from tests.consumers.intakes import PEOPLE, SENDER, STRICT, returning, review, rules
from tests.consumers.samples import NOW, received

pytestmark = pytest.mark.flow
ONLY_STAGES = rules(STRICT, intake={"identity_check_required": False})
NAMES = tuple(f"rec-{at:04}" for at in range(8))


class Killed(BaseException):
    """The worker was killed."""


class Dying:
    """Intakes whose user is killed at one of the calls that write."""

    def __init__(self, inner: Intakes, at: int) -> None:
        self._inner, self._left = inner, at

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def call(*args: Any) -> Any:
            if name in ("claim", "decide", "finish", "drop"):
                self._left -= 1
                if self._left < 0:
                    raise Killed
            return await method(*args)

        return call


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    async with connect(stack.settings.mongo_uri.get_secret_value(), f"t{uuid.uuid4().hex}") as opened:
        await intakes.ensure_indexes(opened)
        await records.ensure_indexes(opened)
        made = [
            Record(
                id=name, subject="sub", version=1, level=Level.BASIC, cohort="c", purpose="p", legal_basis="contract",
                fields={"city": b""}, keys={}, command="c", sender=SENDER, ingest_keys=(), at_ms=0, stage="received",
            )
            for name in NAMES
        ]  # fmt: skip
        await Records(opened).insert(made)
        yield opened
        await opened.client.drop_database(opened.name)


async def send(database: Database, command: Any, *, dies_at: int = 10**9, sender: str = "per:reviewer") -> Outcome:
    async def no_codes(_records: Any) -> dict[str, str]:
        return {}

    who = PEOPLE.principal(sender)
    assert who is not None
    shelf: Any = Dying(Intakes(database), dies_at)
    (outcome,) = await IntakeDesk(shelf, no_codes, PEOPLE, ONLY_STAGES).apply([received(command, who)], NOW)
    return outcome


async def stages(database: Database) -> dict[str, tuple[str, int]]:
    return {name: (each.stage, each.moves) for name, each in (await Intakes(database).filed(NAMES)).items()}


async def open_acts(database: Database) -> int:
    return len(await Intakes(database).rivals(NAMES))


@pytest.mark.clause("COL-10")
async def test_of_rivals_each_record_is_reviewed_by_one(database: Database) -> None:
    chance = random.Random(7)
    commands = [review(*chance.sample(NAMES, 4)) for _ in range(10)]
    outcomes = await asyncio.gather(*(send(database, command) for command in commands))
    accepted = [
        command.records
        for command, outcome in zip(commands, outcomes, strict=True)
        if outcome.result.status == "accepted"
    ]
    moved = [record for some in accepted for record in some]
    assert accepted
    assert len(moved) == len(set(moved))
    assert await stages(database) == {name: ("reviewed", 1) if name in moved else ("received", 0) for name in NAMES}
    refused = [outcome.result.code for outcome in outcomes if outcome.result.status != "accepted"]
    assert set(refused) <= {"DG-INT-002"}
    assert await open_acts(database) == 0


@pytest.mark.clause("COL-10", "ARR-14")
async def test_a_worker_killed_at_any_write_leaves_nothing_half_done(database: Database) -> None:
    for dies_at in range(4):
        command = returning(*NAMES)
        try:
            await send(database, command, dies_at=dies_at)
        except Killed:
            assert dies_at < 3
        rival = review(NAMES[0])
        result = (await send(database, rival)).result  # another worker goes on
        first = await send(database, command)  # and what was left comes again
        assert (await send(database, command)) == first
        assert await open_acts(database) == 0
        now = await stages(database)
        if result.status == "accepted":  # the rival was there before the decision: the return follows it
            assert first.result.status == "accepted"
        assert {stage for stage, _ in now.values()} == {"returned"}
        await database["records"].update_many({}, {"$set": {"stage": "received"}})


async def test_another_command_under_the_same_id_is_not_a_redelivery(database: Database) -> None:
    command = review(NAMES[0])
    assert (await send(database, command)).result.status == "accepted"
    other = review(NAMES[1], id=command.id)
    assert (await send(database, other)).result.code == "DG-CMD-001"
    outcomes = await asyncio.gather(*(send(database, command) for _ in range(3)))
    assert {outcome.result.status for outcome in outcomes} == {"accepted"}
    assert (await stages(database))[NAMES[0]] == ("reviewed", 1)
