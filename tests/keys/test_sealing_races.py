"""A sealing or unsealing that stands still after each of its calls in turn while its record is destroyed (DES-11)."""

from __future__ import annotations

from typing import Any

import pytest

import keys.forget
import keys.sealed_pages
from keys.pages import KINDS
from keys.seal import Sealer
from schemas.errors import DanganError
from tests.simulators.archive import Archive, no_pause
from tests.simulators.store import Schedule

pytestmark = [pytest.mark.clause("DES-11"), pytest.mark.slow]
_CALLS = 40


def destroyed_at(calls: int, act: str) -> bool:
    """Whether it is certified and readable from nothing: the actor goes on when the record is gone; then the sweep."""
    schedule = Schedule()
    archive = Archive(schedule.gate)
    sealer = Sealer(
        archive.vault, archive.gated(archive.pages), archive.gated(archive.records), archive.gated(archive.records),
        pause=no_pause,
    )  # fmt: skip
    run: Any = schedule.loop.run_until_complete
    try:
        run(archive.new_ingest_key())
        run(archive.collected("rec-1"))
        if act == "open":
            run(sealer.seal(["rec-1"]))
        actor = schedule.start(getattr(sealer, act)(["rec-1"]))
        for _ in range(calls):
            schedule.step(actor)
        run(archive.forget("rec-1"))
        try:
            schedule.finish(actor)
        except DanganError as error:  # it is being destroyed; a DEK that the forget took
            assert error.code in ("DG-SEL-006", "DG-KEY-005", "DG-STO-001")
        run(archive.new_ingest_key())
        run(archive.sweep(archive.roots(KINDS)))
        return bool(archive.ledger.entries["rec-1"].certificate) and not archive.readable_from_old_copies("rec-1")
    finally:
        schedule.close()


@pytest.mark.parametrize("act", ["seal", "open"])
def test_whatever_is_on_its_way_a_destroyed_record_stays_destroyed(act: str) -> None:
    assert [calls for calls in range(_CALLS) if not destroyed_at(calls, act)] == []


@pytest.mark.parametrize("act", ["seal", "open"])
def test_without_the_fence_a_key_comes_back(act: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_fence(*_: object) -> bool:
        return True

    monkeypatch.setattr(keys.forget, "fence", no_fence)
    assert any(not destroyed_at(calls, act) for calls in range(_CALLS))


def lost_at(calls: int) -> bool:
    """Whether a record is lost: the sealing stands still after so many calls while everything is swept, then goes on."""
    schedule = Schedule()
    archive = Archive(schedule.gate)
    records = archive.gated(archive.records)
    sealer = Sealer(archive.vault, archive.gated(archive.pages), records, records, pause=no_pause)
    run: Any = schedule.loop.run_until_complete
    try:
        run(archive.new_ingest_key())
        run(archive.collected("rec-1"))
        actor = schedule.start(sealer.seal(["rec-1"]))
        for _ in range(calls):
            schedule.step(actor)
        run(archive.sweep(archive.roots(KINDS)))
        schedule.finish(actor)
        return bool(archive.unreadable())
    finally:
        schedule.close()


def test_no_sweep_loses_what_is_being_sealed_and_without_the_confirm_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(lost_at(calls) for calls in range(_CALLS))

    async def no_confirm(*_: object) -> None:
        return

    monkeypatch.setattr(keys.sealed_pages, "confirm", no_confirm)
    assert any(lost_at(calls) for calls in range(_CALLS))
