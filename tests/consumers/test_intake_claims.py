"""Claims of intake acts: a worker that wakes up late decides its own claim or none."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import pytest

from consumers.intake import IntakeDesk
from consumers.received import Outcome
from schemas.levels import Level
from store.intakes import Intakes
from store.record import Record, to_document
from tests.consumers.intakes import PEOPLE, SENDER, STRICT, returning, review, rules
from tests.consumers.samples import NOW, received
from tests.simulators.collection import SimulatedCollection

ONLY_STAGES = rules(STRICT, intake={"identity_check_required": False})
RECORD = Record(
    id="rec-0001", subject="sub-0001", version=1, level=Level.BASIC, cohort="c", purpose="p", legal_basis="contract",
    fields={"city": b""}, keys={}, command="c", sender=SENDER, ingest_keys=(), at_ms=0, stage="received",
)  # fmt: skip


class Stalling:
    """Intakes whose user is held up before it decides its first claim."""

    def __init__(self, inner: Intakes) -> None:
        self._inner = inner
        self.there, self.go_on = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def decide(self, act: Any) -> bool:
        self.there.set()
        await self.go_on.wait()
        return await self._inner.decide(act)


async def apply(shelf: Any, command: Any) -> Outcome:
    async def no_codes(_records: Any) -> dict[str, str]:
        return {}

    who = PEOPLE.principal("per:reviewer")
    assert who is not None
    (outcome,) = await IntakeDesk(shelf, no_codes, PEOPLE, ONLY_STAGES).apply([received(command, who)], NOW)
    return outcome


@pytest.mark.clause("COL-10")
@pytest.mark.parametrize("first", [0, 1])
async def test_a_stalled_worker_does_not_decide_the_claim_of_who_took_its_command_over(first: int) -> None:
    database: Any = defaultdict(SimulatedCollection, intakes=SimulatedCollection("open"))
    await database["records"].insert_one(to_document(RECORD))
    stalled = (Stalling(Intakes(database)), Stalling(Intakes(database)))
    command, tasks = returning(RECORD.id), []
    tasks.append(asyncio.create_task(apply(stalled[0], command)))
    await stalled[0].there.wait()
    passed = await apply(Intakes(database), review(RECORD.id))  # drops the claim that was left, and moves the record
    assert passed.result.status == "accepted"
    tasks.append(asyncio.create_task(apply(stalled[1], command)))
    await stalled[1].there.wait()  # the same id is claimed again, with other moves
    stalled[first].go_on.set()
    if first == 1:
        await tasks[1]
    await asyncio.sleep(0)
    stalled[1 - first].go_on.set()
    outcomes = await asyncio.gather(*tasks)
    assert [outcome.result.status for outcome in outcomes] == ["accepted", "accepted"]
    (filed,) = (await Intakes(database).filed([RECORD.id])).values()
    assert (filed.stage, filed.moves) == ("returned", 2)
    assert await Intakes(database).rivals([RECORD.id]) == []
