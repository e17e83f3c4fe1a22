"""A sweep, a forget and a writer that are stopped before each of their calls in turn: everything goes on afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from keys.ledger import State
from schemas.levels import Level
from tests.simulators.archive import Archive
from tests.simulators.store import Schedule

pytestmark = pytest.mark.slow

LEVELS = (Level.CORE, Level.BASIC)

Work = Callable[[Archive], Coroutine[Any, Any, Any]]
Closing = Callable[[Schedule], Schedule]


def prepared(schedule: Schedule) -> Archive:
    archive = Archive(schedule.gate)

    async def prepare() -> None:
        await archive.new_ingest_key()
        await archive.collected("rec-1", "rec-2", levels=LEVELS)
        await archive.forget("rec-1")
        await archive.new_ingest_key()

    schedule.loop.run_until_complete(prepare())
    return archive


async def sweep(archive: Archive) -> None:
    await archive.sweep(archive.roots(LEVELS))


async def forget(archive: Archive) -> None:
    await archive.forget("rec-2", "rec-never")


async def new_ingest_key(archive: Archive) -> None:
    await archive.new_ingest_key()


async def collect(archive: Archive) -> None:
    message = next((m for m in archive.messages if m.record == "rec-3"), None) or archive.receive("rec-3")
    await archive.collect(message, LEVELS)


@pytest.fixture
def closing() -> Iterator[Closing]:
    with ExitStack() as stack:
        yield lambda schedule: stack.enter_context(contextlib.closing(schedule))


def stopped_after(calls: int, schedule: Schedule, work: Coroutine[Any, Any, Any]) -> bool:
    """Let the work make so many calls, then stop it for good; False when it ended before."""
    actor = schedule.start(work)
    for _ in range(calls):
        if not schedule.step(actor):
            schedule.finish(actor)
            return False
    schedule.crash(actor)
    return True


@pytest.mark.parametrize("work", [sweep, forget, new_ingest_key, collect])
def test_stopped_before_any_call_it_loses_nothing_and_what_is_left_is_finished(work: Work, closing: Closing) -> None:
    calls = 0
    while True:
        schedule = closing(Schedule())
        archive = prepared(schedule)
        stopped = stopped_after(calls, schedule, work(archive))
        assert not archive.unreadable()
        assert not archive.falsely_certified()
        archive.now += 1000  # the lease is over

        async def go_on(archive: Archive = archive) -> None:
            await work(archive)
            await archive.new_ingest_key()
            await archive.sweep(archive.roots(LEVELS))
            await archive.sweep()  # every level: for rec-never, of which nobody can say what it held

        schedule.loop.run_until_complete(go_on())
        assert not archive.unreadable()
        assert not archive.falsely_certified()
        destroyed = {name for name, record in archive.records.records.items() if record is None}
        assert destroyed == {"rec-1"} | ({"rec-2", "rec-never"} if work is forget else set())
        assert all(archive.ledger.entries[name].state is State.CERTIFIED for name in destroyed)
        if not stopped:
            break
        calls += 1
    assert calls >= 4


def test_a_sweep_stopped_after_a_call_whose_answer_was_lost_goes_on(closing: Closing) -> None:
    """As above, but the call had its effect: Vault did what was asked and nobody heard."""
    calls = 0
    while True:
        schedule = closing(Schedule())
        archive = prepared(schedule)
        archive.vault.before_call, archive.vault.after_call = None, schedule.gate
        stopped = stopped_after(calls, schedule, sweep(archive))
        assert not archive.unreadable()
        archive.now += 1000
        schedule.loop.run_until_complete(sweep(archive))
        assert not archive.unreadable()
        assert not archive.falsely_certified()
        assert archive.ledger.entries["rec-1"].state is State.CERTIFIED
        if not stopped:
            return
        calls += 1
