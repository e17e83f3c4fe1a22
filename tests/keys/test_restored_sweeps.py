"""A backup taken in the middle of a sweep, restored after later sweeps: what its sweep document says is long outdated."""

from __future__ import annotations

import contextlib

import pytest

from keys.ledger import State
from keys.roots import root_of
from keys.sweep_state import Step
from schemas.errors import DanganError
from schemas.levels import Level
from tests.simulators.archive import Archive
from tests.simulators.backup import DataBackup, back_up, restore
from tests.simulators.store import Schedule

pytestmark = [pytest.mark.clause("DES-07"), pytest.mark.slow]

LEVEL = (Level.CORE,)


def resumed_after(calls: int) -> set[Step] | None:
    """The steps that the restored sweeps resumed from, after so many calls of the first; None when it had ended."""
    with contextlib.closing(Schedule()) as schedule:
        archive, backup = Archive(schedule.gate), DataBackup()
        now = schedule.loop.run_until_complete

        async def begin() -> None:
            await archive.new_ingest_key()
            await archive.collected("rec-1", "rec-2", "rec-3", levels=LEVEL)
            await archive.forget("rec-1")
            await archive.new_ingest_key()

        async def sweep() -> None:
            archive.now += 1000
            await archive.sweep(archive.roots(LEVEL))

        now(begin())
        actor = schedule.start(sweep())
        for _ in range(calls):
            if not schedule.step(actor):
                return None
        schedule.crash(actor)
        now(back_up(archive, backup))
        now(sweep())
        now(archive.forget("rec-2"))
        now(archive.new_ingest_key())
        now(sweep())
        now(restore(archive, backup, ["rec-1", "rec-2"], lost=True))
        steps = {each.step for each in archive.sweeps.sweeps.values()}
        for _ in range(3):
            try:
                now(sweep())
            except DanganError as error:
                if error.code != "DG-SWP-009":
                    raise
            now(archive.new_ingest_key())
        assert set(archive.records.live()) == {"rec-3"}
        assert archive.unreadable() == []
        assert archive.falsely_certified() == []
        assert archive.ledger.entries["rec-1"].state is State.CERTIFIED
        assert not archive.readable_from_old_copies("rec-2")
        return steps


def test_a_sweep_that_a_restore_brings_back_at_any_step_is_finished_and_certifies_nothing_falsely() -> None:
    seen: set[Step] = set()
    calls = 0
    while (steps := resumed_after(calls)) is not None:
        seen |= steps
        calls += 1
    assert {Step.TAKEN, Step.FROZEN, Step.ROTATED, Step.FENCED, Step.COPIED, Step.TRIMMED} <= seen


def test_a_rehearsal_that_a_restored_database_knows_nothing_of_is_told_with_the_way_out() -> None:
    with contextlib.closing(Schedule()) as schedule:
        archive = Archive(schedule.gate)
        now = schedule.loop.run_until_complete
        now(archive.new_ingest_key())
        now(archive.collected("rec-1", levels=LEVEL))
        pages = dict(archive.pages.pages)
        actor = schedule.start(archive.sweep(archive.roots(LEVEL)))
        while archive.vault.keys[root_of(Level.CORE)].min_decryption == 1:
            schedule.step(actor)
        schedule.crash(actor)
        for name, page in pages.items():  # the database of before
            archive.pages.pages[name] = page
        archive.sweeps.sweeps.clear()
        for _ in range(2):  # however often
            archive.now += 1000
            with pytest.raises(DanganError, match="DG-DES-060") as told:
                now(archive.sweep(archive.roots(LEVEL)))
            assert told.value.detail == f"{root_of(Level.CORE)}, 1"
        archive.vault.keys[root_of(Level.CORE)].min_decryption = 1  # as the next step says
        archive.now += 1000
        now(archive.sweep(archive.roots(LEVEL)))
        assert archive.unreadable() == []
        assert archive.vault.keys[root_of(Level.CORE)].min_available > 1
