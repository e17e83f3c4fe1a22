"""Sealing and unsealing among writers, updates, forgets, sweeps and crashes, call by call (clause DES-11).

The machine of destruction with two actors more. Whatever happens in whatever order: no live record is lost, no certified
one can be read from any copy of any page that was ever stored with all rights in Vault, a finished sealing leaves no DEK
where a worker could open it, and whatever was interrupted can be finished.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

import keys.forget
from keys.pages import SEALED
from keys.ports import KeyRef
from keys.roots import root_of
from keys.seal import Sealer
from keys.sealed_pages import opened_id
from schemas.errors import DanganError
from schemas.levels import Level
from tests.keys.test_destruction_machine import CALLS, GIVES_WAY, LEVELS, Destruction, budget
from tests.simulators.archive import no_pause

pytestmark = [pytest.mark.clause("DES-11"), pytest.mark.slow]

#: what a race with a destruction, or with an unsealing on its way, may answer
_GIVES_WAY = GIVES_WAY | {"DG-SEL-006", "DG-SEL-009", "DG-KEY-005"}


class Sealing(Destruction):
    def __init__(self) -> None:
        super().__init__()
        self.sealed_by_now: set[str] = set()

    def sealer(self) -> Sealer:
        store = self.archive
        records = store.gated(store.records)
        return Sealer(store.vault, store.gated(store.pages), records, records, pause=no_pause)

    async def sealing(self, names: list[str]) -> None:
        await self.sealer().seal(names)
        self.sealed_by_now.update(names)

    async def unsealing(self, names: list[str]) -> None:
        self.sealed_by_now.difference_update(names)
        await self.sealer().open(names)
        self.sealed_by_now.difference_update(names)

    @precondition(lambda self: self.archive.records.live())
    @rule(data=st.data(), calls=CALLS)
    def seal(self, data: Any, calls: int) -> None:
        names = data.draw(st.sets(st.sampled_from(sorted(self.archive.records.live())), min_size=1, max_size=3))
        self.start(self.sealing(sorted(names)), calls)

    @precondition(lambda self: self.archive.records.live())
    @rule(data=st.data(), calls=CALLS)
    def unseal(self, data: Any, calls: int) -> None:
        names = data.draw(st.sets(st.sampled_from(sorted(self.archive.records.live())), min_size=1, max_size=3))
        self.start(self.unsealing(sorted(names)), calls)

    @rule(force=st.booleans(), calls=CALLS)
    def sweep_sealed(self, force: bool, calls: int) -> None:
        self.start(self.archive.sweep(self.archive.roots([SEALED], ingest=False), force=force), calls)

    @invariant()
    def no_worker_opens_what_is_sealed(self) -> None:
        for name, found in self.archive.records.records.items():
            if found is None or name not in self.sealed_by_now:
                continue
            for level, ref in found.keys.items():
                if ref.shut and ref.page != opened_id(ref.sealed):
                    page = self.archive.pages.pages.get(ref.page)
                    assert page is None or ref.slot not in page.slots, f"{name}: {level} is in a worker's page"
                    assert self.archive.pages.pages[ref.sealed].root != root_of(level)

    def sweep_all(self) -> None:
        self.now(self.archive.sweep(self.archive.roots((*LEVELS, SEALED))))
        self.now(self.finished())

    async def finished(self) -> None:
        """Whatever was interrupted is finished, sealed again and opened again; then every record is as it was."""
        names = sorted(self.archive.records.live().keys() - self.archive.ledger.entries.keys())
        await self.sealer().seal(self.half_sealed(names))
        await self.sealer().open(names)
        for name in names:
            found = self.archive.records.records[name]
            assert found is not None
            assert not found.sealed
            assert not any(ref.shut for ref in found.keys.values())

    def half_sealed(self, names: list[str]) -> list[str]:
        return [name for name in names if (found := self.archive.records.records[name]) and found.sealed]

    def ended(self, actor: int) -> None:
        error = self.schedule.actors[actor].exception()
        if getattr(error, "code", "") in _GIVES_WAY:
            self.schedule.actors.pop(actor)
            return
        super().ended(actor)


Sealing.TestCase.settings = settings(
    max_examples=15, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestSealing = Sealing.TestCase


def test_the_machine_finds_false_certificates_when_the_sealed_root_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def levels_only(keys_of: dict[Level, KeyRef]) -> frozenset[str]:
        return frozenset(root_of(level) for level in keys_of)

    monkeypatch.setattr(keys.forget, "_roots", levels_only)
    with pytest.raises((AssertionError, DanganError), match=r"falsely_certified|DG-SWP-006"):
        run_state_machine_as_test(Sealing, settings=budget(600))
