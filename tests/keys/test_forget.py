"""Forgetting: the page loses the slot and its key, the record its ciphertexts, and nobody else loses anything."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.ledger import Entry, State, Traces
from keys.pages import open_table
from keys.ring import KeyRing
from keys.roots import INGEST_ROOT, root_of
from schemas.errors import DanganError, Refusal, Transient
from schemas.levels import Level
from tests.simulators.archive import Archive
from tests.simulators.orders import approved

OTHER = approved("rec-000", requester="per:other", at=2000)


@pytest.fixture
async def archive() -> Archive:
    made = Archive()
    await made.new_ingest_key()
    return made


async def collected_on_one_page(archive: Archive, count: int) -> list[str]:
    """Records that share their pages: one batch."""
    names = [f"rec-{number:03d}" for number in range(count)]
    async with KeyRing(archive.vault, archive.pages) as ring:
        slots = await ring.allocate("cohort", [(name, tuple(Level)) for name in names])
    for name, keys in zip(names, slots, strict=True):
        await archive.records.insert(name, {level: slot.ref for level, slot in keys.items()}, archive.receive(name).kid)
        archive.deks.update({(name, level): slot.dek for level, slot in keys.items()})
    return names


async def test_the_slot_is_gone_and_the_survivors_keep_their_deks_under_a_new_page_key(archive: Archive) -> None:
    first, *others = await collected_on_one_page(archive, 3)
    before = dict(archive.pages.pages)
    await archive.forget(first)
    for page in archive.pages.pages.values():
        assert page.slots == bytes([1, 2])
        assert page.generation == 2
        old_key = archive.vault.keys[root_of(page.level)].decrypt(before[page.id].wrapped_key)
        with pytest.raises(DanganError):  # who holds the old page key learns nothing from the new page
            open_table(page, old_key)
    assert archive.records.records[first] is None
    assert not archive.unreadable()
    assert archive.records.live().keys() == set(others)


async def test_the_ledger_says_what_could_open_an_old_copy(archive: Archive) -> None:
    (name,) = await collected_on_one_page(archive, 1)
    old = {page.wrapped_key for page in archive.pages.pages.values()}
    await archive.forget(name, order=OTHER)
    entry = archive.ledger.entries[name]
    assert entry.state is State.FORGOTTEN
    assert entry.order == OTHER
    assert {key.wrapped_key for key in entry.traces.old_keys} == old
    assert entry.needed == {root_of(level) for level in Level} | {INGEST_ROOT}
    assert entry.traces.ingest_kids == set(archive.ingest.keys)


async def test_many_records_are_forgotten_for_the_price_of_their_pages(archive: Archive) -> None:
    names = await collected_on_one_page(archive, 200)
    archive.vault.calls.clear()
    await archive.forget(*names[:150])
    assert archive.vault.calls == {"decrypt": 3, "encrypt": 3}
    assert {page.generation for page in archive.pages.pages.values()} == {2}
    assert not archive.unreadable()


async def test_a_record_that_never_was_gets_a_tombstone_that_no_collect_passes(archive: Archive) -> None:
    await archive.forget("rec-never")
    assert not await archive.collect(archive.receive("rec-never"), [Level.CORE])
    # what once stood there, nobody can say: its certificate needs every root
    assert archive.ledger.entries["rec-never"].needed == {root_of(level) for level in Level} | {INGEST_ROOT}


async def test_forgetting_again_changes_nothing_and_keeps_the_first_order(archive: Archive) -> None:
    names = await collected_on_one_page(archive, 2)
    await archive.forget(names[0])
    pages, entries = dict(archive.pages.pages), dict(archive.ledger.entries)
    await archive.forget(names[0], order=OTHER)
    assert (archive.pages.pages, archive.ledger.entries) == (pages, entries)
    assert entries[names[0]].order == approved(names[0]) != OTHER


async def test_an_update_in_flight_that_adds_a_key_is_forgotten_with_the_rest(archive: Archive) -> None:
    await archive.collected("rec-1", levels=[Level.BASIC])
    updated = False

    async def update(op: str, key: str) -> None:
        nonlocal updated
        if op == "encrypt" and not updated:  # after the forget has read the record's keys
            updated = True
            assert await archive.update(archive.receive("rec-1"), [Level.CORE])

    archive.vault.before_call = update
    await archive.forget("rec-1")
    assert archive.ledger.entries["rec-1"].traces.roots == {root_of(Level.CORE), root_of(Level.BASIC)}
    assert all(not page.slots for page in archive.pages.pages.values())


async def test_a_hold_that_comes_after_the_entry_withdraws_the_whole_order(archive: Archive) -> None:
    names = await collected_on_one_page(archive, 3)
    pages, opened = dict(archive.pages.pages), archive.ledger.open

    async def open_then_hold(entries: Any) -> set[str]:
        known = await opened(entries)
        archive.held.add(names[1])
        return known

    archive.ledger.open = open_then_hold  # type: ignore[method-assign]
    with pytest.raises(Refusal, match="DG-DES-005"):
        await archive.forget(*names)
    assert (archive.ledger.entries, archive.pages.pages) == ({}, pages)
    assert archive.records.live().keys() == set(names)
    archive.held.clear()
    archive.ledger.open = opened  # type: ignore[method-assign]
    await archive.forget(*names)
    assert archive.records.live() == {}


async def test_an_interrupted_order_is_not_finished_while_one_of_its_records_is_held(archive: Archive) -> None:
    names = await collected_on_one_page(archive, 3)
    order = approved(*names)
    await archive.ledger.open([Entry(names[0], order, traces=Traces(frozenset({root_of(Level.CORE)})))])
    archive.held.add(names[2])  # which has no entry yet
    assert await archive.forgetter.finish_pending(at=archive.now) == 0
    await archive.sweep()
    assert archive.records.live().keys() == set(names)
    archive.held.clear()
    assert await archive.forgetter.finish_pending(at=archive.now) == 3  # all of the order, or nothing
    assert archive.records.live() == {}


async def test_what_has_begun_is_finished_and_not_half_withdrawn(archive: Archive) -> None:
    names = await collected_on_one_page(archive, 2)

    async def fail(op: str, key: str) -> None:
        if op == "encrypt" and key == root_of(Level.BASIC):
            raise Transient("DG-KEY-001")

    archive.vault.before_call = fail
    with pytest.raises(Transient):
        await archive.forget(*names)
    archive.vault.before_call = None
    archive.held.add(names[0])  # no hold can be placed now (store/holds.py); even so
    await archive.forget(*names)
    assert archive.records.live() == {}
    assert all(archive.ledger.entries[name].state is State.FORGOTTEN for name in names)


async def test_a_sweep_in_between_makes_the_forget_read_again(archive: Archive) -> None:
    names = await collected_on_one_page(archive, 2)

    async def sweep(op: str, key: str) -> None:
        if op == "decrypt" and key == root_of(Level.CORE):
            archive.vault.before_call = None
            await archive.sweep(archive.roots([Level.CORE], ingest=False))

    archive.vault.before_call = sweep
    await archive.forget(names[0])
    assert not archive.unreadable()
    core = next(page for page in archive.pages.pages.values() if page.level is Level.CORE)
    assert (core.slots, core.root_version) == (bytes([1]), 2)


async def test_a_page_that_vault_refuses_for_good_is_told_and_nothing_is_erased(archive: Archive) -> None:
    names = await collected_on_one_page(archive, 2)
    root = root_of(Level.CORE)
    await archive.vault.rotate(root)
    await archive.vault.configure(root, min_encryption_version=2, min_decryption_version=2)
    with pytest.raises(DanganError, match="DG-SWP-007"):
        await archive.forget(names[0])
    assert archive.ledger.entries[names[0]].state is State.PENDING
    assert archive.records.records[names[0]] is not None
    await archive.vault.configure(root, min_decryption_version=1)
    assert await archive.forgetter.finish_pending(at=archive.now) == 1
    assert archive.ledger.entries[names[0]].state is State.FORGOTTEN


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sets(st.integers(0, 11), min_size=1), max_size=4))
async def test_whatever_is_forgotten_in_whatever_portions_only_that_is_gone(portions: list[set[int]]) -> None:
    archive = Archive()
    await archive.new_ingest_key()
    names = await collected_on_one_page(archive, 12)
    for portion in portions:
        await archive.forget(*(names[at] for at in sorted(portion)))
    gone = {names[at] for portion in portions for at in portion}
    assert archive.records.live().keys() == set(names) - gone
    assert not archive.unreadable()
    slots = {at for at, name in enumerate(names) if name not in gone}
    assert all(set(page.slots) == slots for page in archive.pages.pages.values())


@pytest.mark.clause("DES-10")
async def test_a_record_of_two_orders_keeps_an_entry_when_the_first_is_withdrawn(archive: Archive) -> None:
    """The other order's entry, under which this one found the record, goes while this one erases."""
    names = await collected_on_one_page(archive, 3)
    first = approved(*names[:2], requester="per:other")
    await archive.ledger.open([Entry(names[0], first), Entry(names[1], first)])
    erased = archive.records.erase_many

    async def withdrawn_before(records: Any, *, at: int) -> Any:
        assert await archive.ledger.withdraw(names[0], names[:2], first)
        return await erased(records, at=at)

    archive.records.erase_many = withdrawn_before  # type: ignore[method-assign]
    await archive.forget(*names[1:])
    assert set(archive.ledger.entries) == set(names[1:])
    assert {entry.state for entry in archive.ledger.entries.values()} == {State.FORGOTTEN}
    assert archive.ledger.entries[names[1]].order == approved(*names[1:])
    assert archive.records.live().keys() == {names[0]}
