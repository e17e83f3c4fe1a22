"""Sealing, backups and restores: every old backup gives every survivor back, sealed or open as it is now (DES-11)."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keys.pages import KINDS, SEALED
from keys.ports import KeyRef
from keys.seal import Sealer
from keys.sealed_pages import opened_id, present, sealed_id
from schemas.levels import Level
from tests.simulators.archive import Archive, no_pause
from tests.simulators.backup import DataBackup, back_up, restore

pytestmark = [pytest.mark.clause("DES-11"), pytest.mark.slow]


def sealer(archive: Archive) -> Sealer:
    return Sealer(archive.vault, archive.pages, archive.records, archive.records, pause=no_pause)


async def stand(archive: Archive, acts: str) -> None:
    for act in acts:
        if act == "s":
            await sealer(archive).seal(["rec-1"])
        elif act == "u":
            await sealer(archive).open(["rec-1"])
        else:
            await archive.sweep(archive.roots(KINDS))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=st.text("suw", max_size=5), after=st.text("suw", max_size=5))
async def test_a_backup_from_before_gives_back_what_is_sealed_now(before: str, after: str) -> None:
    archive = Archive()
    await archive.new_ingest_key()
    await archive.collected("rec-1", "rec-2")
    await stand(archive, before)
    backup = DataBackup()
    await back_up(archive, backup)
    await stand(archive, after)
    found = archive.records.records["rec-1"]
    assert found is not None
    sealed_now = any(ref.shut for ref in found.keys.values())
    await restore(archive, backup, (), lost=False)
    assert not archive.unreadable()
    found = archive.records.records["rec-1"]
    assert found is not None
    assert found.sealed == sealed_now == any(ref.shut for ref in found.keys.values())
    await archive.forget("rec-1")
    await archive.new_ingest_key()  # the one of its message can be destroyed then
    await archive.sweep(archive.roots(KINDS))
    assert not archive.falsely_certified()
    assert archive.ledger.entries["rec-1"].certificate


async def test_what_was_sealed_and_opened_again_is_forgotten_in_its_old_sealed_copies_too() -> None:
    archive = Archive()
    await archive.new_ingest_key()
    await archive.collected("rec-1")
    await stand(archive, "su")
    await archive.forget("rec-1")
    await archive.new_ingest_key()  # the one of its message can be destroyed then
    await archive.sweep(archive.roots(tuple(Level)))
    assert not archive.ledger.entries["rec-1"].certificate  # the sealed root is not swept yet
    await archive.sweep(archive.roots([SEALED], ingest=False))
    assert archive.ledger.entries["rec-1"].certificate
    assert not archive.readable_from_old_copies("rec-1")


def test_where_a_key_lies_by_now_follows_from_where_it_lay() -> None:
    start = KeyRef("page-1", 7)
    first = sealed_id("page-1", 7)
    opened = opened_id(first)
    second = sealed_id(opened, 0)
    steps = (
        ({"page-1": 1 << 7}, start),
        ({"page-1": 1, first: 1}, KeyRef("page-1", 7, first, shut=True)),
        ({first: 0, opened: 1}, KeyRef(opened, 0, first)),
        ({first: 0, opened: 0, second: 1}, KeyRef(opened, 0, second, shut=True)),
    )
    for (_, then), (slots, now) in itertools.combinations_with_replacement(steps, 2):
        assert present(then, slots) == now
    assert present(start, {"page-1": 1, first: 0}) is None
    assert present(start, {}) is None
