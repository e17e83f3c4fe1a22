"""The machine of test_destruction_machine.py with backups, restores, a Vault and backup places that go away.

Whatever happens in whatever order: no certified record can be read from any copy of anything that was ever stored, nor
does it live again after a restore of any backup; no survivor is lost, not even if the database and all backup places
but one are. Held against broken variants of the protocol too, each of which the machine must find.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import keys.sweep
import keys.sweep_copies
import keys.sweep_steps
from keys.ledger import REPLAYED, State
from keys.places import Place
from keys.sweep_state import CopyFile, Step, Sweep
from keys.sweep_tools import Tools
from keys.wrapped import WrappedKeys
from schemas.errors import DanganError
from tests.keys.test_destruction_machine import CALLS, LEVELS, Destruction, budget
from tests.simulators.backup import DataBackup, back_up, restore, unrestorable
from tests.simulators.store import SimulatedRecords

pytestmark = [pytest.mark.clause("DES-07"), pytest.mark.slow]


class Everything(Destruction):
    def __init__(self) -> None:
        super().__init__()
        self.backups: list[DataBackup] = []
        self.certified: set[str] = set()
        self.destroyed: set[str] = set()

    @rule(calls=CALLS)
    def back_up(self, calls: int) -> None:
        self.backups.append(DataBackup())
        self.start(back_up(self.archive, self.backups[-1]), calls)

    @rule()
    def rotate_and_sweep_everything(self) -> None:
        """A whole sweep at once: chance alone seldom gets to a certificate."""
        self.mended()
        self.start(self.archive.new_ingest_key(), 300)
        self.start(self.archive.sweep(self.archive.roots(LEVELS), force=True), 2000)

    @rule(data=st.data())
    def a_place_goes_or_comes_back(self, data: Any) -> None:
        place = data.draw(st.sampled_from(self.archive.places))
        place.broken = not place.broken

    @rule()
    def vault_goes_or_comes_back(self) -> None:
        self.archive.vault.down = not self.archive.vault.down

    @precondition(lambda self: self.whole())
    @rule(data=st.data(), lost=st.booleans())
    def restore(self, data: Any, lost: bool) -> None:
        """Everybody stops; the restored database takes the place of the old one, which may be lost with one place."""
        backup = data.draw(st.sampled_from(self.whole()))
        for actor in sorted(self.schedule.actors):
            if self.schedule.actors[actor].done():
                self.ended(actor)
            else:
                self.schedule.crash(actor)
        self.backups = self.whole()
        self.mended()
        if lost:
            gone = data.draw(st.sampled_from(self.archive.places))
            gone.broken = True
        self.now(restore(self.archive, backup, sorted(self.destroyed), lost=lost))
        if lost:
            gone.broken = False
            gone.content.clear()
            # Older backups need what that place and the newer pages had; a new full backup is due after a loss.
            self.backups = []
        else:
            # What was collected after the backup is given up for good, and its keys with it.
            self.backups = [backup]

    @invariant()
    def what_is_certified_stays_so(self) -> None:
        entries = self.archive.ledger.entries
        self.certified |= {name for name, entry in entries.items() if entry.state is State.CERTIFIED}
        # The audit stream tells of a destruction from the moment that its answer goes out.
        self.destroyed |= {name for name, entry in entries.items() if entry.state is not State.PENDING}
        readable = [name for name in self.certified if self.archive.readable_from_old_copies(name)]
        assert not readable, "falsely_certified"
        assert not self.certified & self.archive.records.live().keys(), "a certified record lives again"

    @invariant()
    def every_backup_can_be_restored_with_any_one_place(self) -> None:
        for backup in self.whole():
            assert not unrestorable(self.archive, backup), "unrestorable"

    def teardown(self) -> None:
        self.mended()
        super().teardown()

    def sweep_all(self) -> None:
        """As a person does: again, when it says that the rehearsal of its interrupted predecessor was taken back."""
        for root in self.archive.roots(LEVELS):
            for _ in range(3):
                try:
                    self.now(self.archive.sweep([root], force=True))
                    break
                except DanganError as error:
                    if error.code != "DG-SWP-009":
                        raise
        self.now(self.archive.issuer.issue())

    def all_is_certified(self) -> bool:
        entries = self.archive.ledger.entries.values()
        return all(entry.state is State.CERTIFIED or entry.order.ground == REPLAYED for entry in entries)

    def whole(self) -> list[DataBackup]:
        return [backup for backup in self.backups if backup.whole]

    def mended(self) -> None:
        self.archive.vault.down = False
        for place in self.archive.places:
            place.broken = False


Everything.TestCase.settings = settings(
    max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestEverything = Everything.TestCase


# --- broken variants: the machine must find each of them ---


class BackedUp(Everything):
    """It begins with a backup: what harms backups is found sooner."""

    @initialize()
    def two_records(self) -> None:
        super().two_records()
        self.backups.append(DataBackup())
        self.now(back_up(self.archive, self.backups[-1]))


def found(machine: type[RuleBasedStateMachine], match: str, examples: int = 400) -> None:
    with pytest.raises((AssertionError, DanganError), match=match):
        run_state_machine_as_test(machine, settings=budget(examples))


class ForgetfulRecords(SimulatedRecords):
    """Records that leave no tombstone: the fence against a second life is out."""

    async def erase_many(self, records: Any, *, at: int) -> set[str]:
        erased = await super().erase_many(records, at=at)
        for name in erased:
            del self.records[name]
        return erased

    async def standing(self, records: Any) -> set[str]:
        return set(records)  # the issuer's own look would refuse first


def test_it_finds_the_second_life_of_a_record_when_the_fence_is_out() -> None:
    class Broken(Everything):
        def __init__(self) -> None:
            super().__init__()
            self.archive.records = ForgetfulRecords()

        @initialize()
        def two_records(self) -> None:
            super().two_records()
            self.now(self.archive.forget("rec-a"))

    found(Broken, "falsely_certified|lives again")


def test_it_finds_a_backup_that_nobody_can_restore_when_the_trim_comes_before_the_snapshot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def trims_first(tools: Tools, wrapped: WrappedKeys, sweep: Sweep) -> Sweep:
        await tools.transit.trim(wrapped.root, sweep.target)
        return await keys.sweep_steps.copy(tools, wrapped, sweep)

    monkeypatch.setitem(keys.sweep._NEXT, Step.FENCED, trims_first)
    found(BackedUp, "unrestorable")


def test_it_finds_a_backup_that_nobody_can_restore_when_only_one_place_gets_the_snapshot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write: Callable[..., Any] = keys.sweep_copies.write_copies
    lacking: Callable[..., str | None] = keys.sweep_copies.place_without

    async def to_one(tools: Tools, wrapped: WrappedKeys, sweep: Sweep) -> tuple[CopyFile, ...]:
        written: tuple[CopyFile, ...] = await write(replace(tools, places=tools.places[:1]), wrapped, sweep)
        return written

    def at_one(places: list[Place], copies: Any) -> str | None:
        return lacking(places[:1], copies)

    monkeypatch.setattr(keys.sweep_steps, "write_copies", to_one)
    monkeypatch.setattr(keys.sweep_steps, "place_without", at_one)
    monkeypatch.setattr(keys.sweep_copies, "place_without", at_one)
    found(BackedUp, "unrestorable")
