"""Two operators destroy the same record, a hold comes during the run, the operators' clocks are hours apart."""

from __future__ import annotations

import asyncio
import base64
import contextlib

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.ledger import State
from keys.sweep_state import Step
from schemas.certificate import Certificate, contradictions
from schemas.errors import DanganError, Refusal
from schemas.levels import Level
from tests.simulators.archive import Archive
from tests.simulators.orders import approved
from tests.simulators.store import Schedule

pytestmark = [pytest.mark.clause("DES-07"), pytest.mark.slow]

LEVELS = (Level.CORE, Level.BASIC)
HOUR = 3600
TURNS = st.lists(st.integers(0, 1), max_size=60)


def statement(jws: str) -> Certificate:
    payload = jws.split(".")[1]
    return Certificate.model_validate(orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


@settings(max_examples=40, deadline=None)
@given(turns=TURNS)
def test_two_operators_destroying_the_same_record_give_one_certificate(turns: list[int]) -> None:
    with contextlib.closing(Schedule()) as schedule:
        archive = Archive(schedule.gate)
        now = schedule.loop.run_until_complete
        now(archive.new_ingest_key())
        now(archive.collected("rec-1", "rec-2", levels=LEVELS))
        orders = [approved("rec-1", requester=f"per:clerk-{at}", command=f"{at}" * 8 + "-0000-4000-8000-000000000000")
                  for at in (1, 2)]  # fmt: skip
        actors = [schedule.start(archive.forget("rec-1", order=order)) for order in orders]
        for turn in turns:
            schedule.step(actors[turn])
        for actor in actors:
            schedule.finish(actor)
        assert archive.ledger.entries["rec-1"].state is State.FORGOTTEN
        now(archive.new_ingest_key())
        now(archive.sweep(archive.roots(LEVELS)))
        (jws,) = archive.certificates.certificates.values()
        assert statement(jws).requester in {"per:clerk-1", "per:clerk-2"}
        assert archive.unreadable() == []
        assert archive.falsely_certified() == []


@settings(max_examples=40, deadline=None)
@given(calls=st.integers(0, 40))
def test_a_hold_during_the_run_keeps_the_record_or_comes_too_late_and_never_halves_it(calls: int) -> None:
    with contextlib.closing(Schedule()) as schedule:
        archive = Archive(schedule.gate)
        now = schedule.loop.run_until_complete
        now(archive.new_ingest_key())
        now(archive.collected("rec-1", levels=LEVELS))
        actor = schedule.start(archive.forget("rec-1"))
        for _ in range(calls):
            schedule.step(actor)
        archive.held.add("rec-1")
        try:
            schedule.finish(actor)
            kept = False
        except Refusal as refusal:
            assert refusal.code == "DG-DES-005"
            kept = True
        now(archive.new_ingest_key())
        now(archive.sweep(archive.roots(LEVELS)))
        assert ("rec-1" in archive.records.live()) is kept
        assert ("rec-1" in archive.ledger.entries) is not kept
        assert archive.unreadable() == []
        assert archive.falsely_certified() == []


@pytest.mark.parametrize("skew", [-9 * HOUR, -600, 600, 9 * HOUR])
def test_a_sweepers_clock_that_is_hours_off_gives_no_false_certificate(skew: int) -> None:
    """Behind: it leaves the record to the next sweep. Ahead: the certificate's times are late."""

    async def story() -> None:
        archive = Archive()
        await archive.new_ingest_key()
        await archive.collected("rec-1", "rec-2", levels=LEVELS)
        await archive.forget("rec-1")
        forgotten_at = archive.now
        await archive.new_ingest_key()
        right = archive.now
        archive.now += skew
        await archive.sweep(archive.roots(LEVELS))
        assert bool(archive.certificates.certificates) is (skew > 0)
        archive.now = max(right, archive.now) + HOUR
        await archive.new_ingest_key()
        await archive.sweep(archive.roots(LEVELS))  # the clock is right again: fresh evidence, and nothing is stuck
        assert archive.ledger.entries["rec-1"].state is State.CERTIFIED
        for jws in archive.certificates.certificates.values():
            certificate = statement(jws)
            assert contradictions(certificate) == []
            assert certificate.caches_empty_at >= forgotten_at  # never a moment at which a cache may have held a key
        assert archive.falsely_certified() == []
        assert archive.unreadable() == []

    asyncio.run(story())


def test_a_sweep_taken_over_by_a_clock_that_is_behind_trims_nothing_and_is_finished_by_the_right_one() -> None:
    with contextlib.closing(Schedule()) as schedule:
        archive = Archive(schedule.gate)
        now = schedule.loop.run_until_complete
        now(archive.new_ingest_key())
        now(archive.collected("rec-1", "rec-2", levels=LEVELS))
        now(archive.forget("rec-1"))
        now(archive.new_ingest_key())
        actor = schedule.start(archive.sweep(archive.roots(LEVELS)))
        while not any(each.step is Step.FENCED for each in archive.sweeps.sweeps.values()):
            schedule.step(actor)
        schedule.crash(actor)
        archive.now -= HOUR
        with pytest.raises(DanganError, match="DG-DES-061"):
            now(archive.sweep(archive.roots(LEVELS), force=True))
        assert {key.min_available for key in archive.vault.keys.values()} <= {0, 1}  # nothing is gone
        archive.now += HOUR
        now(archive.sweep(archive.roots(LEVELS), force=True))
        now(archive.sweep(archive.roots(LEVELS)))  # of the roots that the slow clock began
        (jws,) = archive.certificates.certificates.values()
        assert contradictions(statement(jws)) == []
        assert archive.falsely_certified() == []
        assert archive.unreadable() == []
