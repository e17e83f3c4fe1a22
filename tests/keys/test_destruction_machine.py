"""Writers, updates, forgets, ingest key rotations and sweeps, interleaved call by call, with crashes.

Whatever happens in whatever order: no live record is unreadable with the newest pages, and no certified record can be
read from any copy of any page or ingest key that was ever stored, with all rights in Vault. The machine is held
against broken variants of the protocol too, in which it must find a counterexample.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import keys.ring
import keys.sweep_steps
from keys.certificate import Issuer
from keys.ledger import Standing, State
from schemas.errors import DanganError, Transient
from schemas.levels import Level
from tests.simulators.archive import Archive
from tests.simulators.store import Schedule, SimulatedLedger

pytestmark = pytest.mark.slow

LEVELS = (Level.CORE, Level.BASIC)
SOME_LEVELS = st.sets(st.sampled_from(LEVELS), min_size=1)
#: by how many calls an actor gets on at once: mostly few, sometimes to its end
CALLS = st.sampled_from([0, 1, 2, 3, 4, 6, 9, 14, 25, 60, 300])


class Destruction(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.schedule = Schedule()
        self.archive = Archive(self.schedule.gate)
        self.records = 0

    @initialize()
    def two_records(self) -> None:
        self.now(self.archive.new_ingest_key())
        self.now(self.archive.collected("rec-a", "rec-b", levels=LEVELS))

    @rule(levels=SOME_LEVELS, calls=CALLS)
    def write(self, levels: set[Level], calls: int) -> None:
        self.records += 1
        self.start(self.archive.collect(self.archive.receive(f"rec-{self.records}"), levels), calls)

    @rule(data=st.data(), levels=SOME_LEVELS, calls=CALLS)
    def deliver_again(self, data: Any, levels: set[Level], calls: int) -> None:
        message = data.draw(st.sampled_from(self.archive.messages))
        self.start(self.archive.collect(message, levels), calls)

    @precondition(lambda self: self.archive.records.live())
    @rule(data=st.data(), calls=CALLS)
    def update(self, data: Any, calls: int) -> None:
        record = data.draw(st.sampled_from(sorted(self.archive.records.live())))
        if record not in self.archive.ledger.entries:  # a message after the forgetting is a residual, stated as such
            self.start(self.archive.update(self.archive.receive(record), LEVELS), calls)

    @precondition(lambda self: self.archive.records.live())
    @rule(data=st.data(), calls=CALLS)
    def forget(self, data: Any, calls: int) -> None:
        names = data.draw(st.sets(st.sampled_from(sorted(self.archive.records.live())), min_size=1, max_size=3))
        self.start(self.archive.forget(*sorted(names)), calls)

    @rule(calls=CALLS)
    def rotate_ingest(self, calls: int) -> None:
        self.start(self.archive.new_ingest_key(), calls)

    @rule(roots=st.sampled_from([(Level.CORE,), (Level.BASIC,), (), LEVELS]), force=st.booleans(), calls=CALLS)
    def sweep(self, roots: tuple[Level, ...], force: bool, calls: int) -> None:
        ingest = len(roots) != 1
        self.start(self.archive.sweep(self.archive.roots(roots, ingest=ingest), force=force), calls)

    @rule()
    def time_passes(self) -> None:
        self.archive.now += 1000

    @precondition(lambda self: self.schedule.actors)
    @rule(data=st.data(), calls=CALLS)
    def go_on(self, data: Any, calls: int) -> None:
        self.let_on(data.draw(st.sampled_from(sorted(self.schedule.actors))), calls)

    @precondition(lambda self: self.schedule.actors)
    @rule(data=st.data())
    def crash(self, data: Any) -> None:
        actor = data.draw(st.sampled_from(sorted(self.schedule.actors)))
        if self.schedule.actors[actor].done():
            self.ended(actor)
        else:
            self.schedule.crash(actor)

    @invariant()
    def nothing_that_lives_is_lost(self) -> None:
        assert not self.archive.unreadable()

    @invariant()
    def no_certificate_is_false(self) -> None:
        assert not self.archive.falsely_certified()

    def teardown(self) -> None:
        """Everything comes to an end: what was interrupted is finished, and what was forgotten certified."""
        try:
            for actor in sorted(self.schedule.actors):
                while self.schedule.step(actor):
                    pass
                self.ended(actor)
            self.archive.now += 1000
            self.now(self.redeliver())
            for _ in range(2):
                self.sweep_all()
                self.nothing_that_lives_is_lost()
                self.no_certificate_is_false()
                self.now(self.archive.new_ingest_key())
            self.sweep_all()
            self.nothing_that_lives_is_lost()
            self.no_certificate_is_false()
            assert self.all_is_certified()
        finally:
            self.schedule.close()

    def sweep_all(self) -> None:
        self.now(self.archive.sweep(self.archive.roots(LEVELS)))

    def all_is_certified(self) -> bool:
        return all(entry.state is State.CERTIFIED for entry in self.archive.ledger.entries.values())

    async def redeliver(self) -> None:
        for message in self.archive.messages:
            if not message.committed:
                await self.archive.collect(message, LEVELS)

    def start(self, work: Any, calls: int) -> None:
        self.let_on(self.schedule.start(work), calls)

    def let_on(self, actor: int, calls: int) -> None:
        for _ in range(calls):
            if not self.schedule.step(actor):
                self.ended(actor)
                return

    def now(self, work: Any) -> None:
        self.schedule.loop.run_until_complete(work)

    def ended(self, actor: int) -> None:
        error = self.schedule.actors.pop(actor).exception()
        # Given way to another one, or to come again: both are right answers to a race.
        if error is not None and not (isinstance(error, Transient) or getattr(error, "code", "") in GIVES_WAY):
            raise error


#: lease held, fenced off, unconfirmed ingest key, a place or rehearsal another sweeper changed, Vault's refusal of a
#: fenced-off sweeper's late settings.
GIVES_WAY = {"DG-SWP-001", "DG-SWP-002", "DG-SWP-003", "DG-SWP-004", "DG-SWP-007", "DG-SWP-009", "DG-KEY-002"}


def budget(examples: int, steps: int = 40) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        print_blob=False,
    )


Destruction.TestCase.settings = settings(
    max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestDestruction = Destruction.TestCase


class CertifiesWhatIsMerelyForgotten(SimulatedLedger):
    """A ledger that counts every forgotten entry at the end of a sweep, not only the frozen set."""

    async def sweep_done(self, root: str, tag: str, sweep: str) -> None:
        for name, entry in list(self.entries.items()):
            if entry.state is State.FORGOTTEN:
                await self.freeze([name], tag)
        await super().sweep_done(root, tag, sweep)


def test_the_machine_finds_false_certificates_when_the_set_is_not_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unproved(*_: object) -> tuple[()]:
        return ()  # the issuer's own look at the old keys would refuse first

    monkeypatch.setattr(Issuer, "_refused_keys", unproved)

    class Broken(Destruction):
        def __init__(self) -> None:
            super().__init__()
            self.archive.ledger = CertifiesWhatIsMerelyForgotten()

    with pytest.raises(AssertionError, match="falsely_certified"):
        run_state_machine_as_test(Broken, settings=budget(600))


def test_the_machine_finds_lost_records_when_writers_do_not_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_confirm(*_: object) -> None:
        return

    monkeypatch.setattr(keys.ring, "confirm", no_confirm)
    with pytest.raises((AssertionError, DanganError), match=r"unreadable|DG-SWP-003"):
        run_state_machine_as_test(Destruction, settings=budget(600))


def test_the_machine_finds_readable_messages_when_ingest_keys_are_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def careless(entry: Standing, root: str, _destroyed: object) -> bool:
        return entry.state is State.FORGOTTEN and root in entry.needed and root not in entry.swept

    monkeypatch.setattr(keys.sweep_steps, "freezable", careless)
    with pytest.raises(AssertionError, match="falsely_certified"):
        run_state_machine_as_test(Destruction, settings=budget(600))
