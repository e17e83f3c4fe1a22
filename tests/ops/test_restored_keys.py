"""No key is left in restored pages that a restored record does not name: nothing could end it any more."""

from __future__ import annotations

from dataclasses import replace

from keys.pages import open_table
from keys.roots import root_of
from ops.restored_keys import end_unnamed
from schemas.levels import Level
from tests.simulators.archive import Archive

#: Collected after the backup, all others before it.
LATER = ("rec-3", "rec-4")


async def an_archive() -> Archive:
    """``rec-1`` got its core key after the backup."""
    archive = Archive()
    await archive.new_ingest_key()
    await archive.collected("rec-1", levels=(Level.BASIC,))
    await archive.collected("rec-2", *LATER)
    assert await archive.update(archive.receive("rec-1"), (Level.CORE,))
    return archive


def held(archive: Archive) -> dict[str, int]:
    """What is in the pages: page id -> slots."""
    return {page.id: sum(1 << slot for slot in page.slots) for page in archive.pages.pages.values()}


def named_by_the_backup(archive: Archive) -> dict[str, int]:
    named: dict[str, int] = {}
    for record, keys in archive.records.live().items():
        for level, ref in keys.items():
            if record not in LATER and (record, level) != ("rec-1", Level.CORE):
                named[ref.page] = named.get(ref.page, 0) | 1 << ref.slot
    return named


async def deks_in(archive: Archive) -> set[bytes]:
    found: set[bytes] = set()
    for page in archive.pages.pages.values():
        (key,) = await archive.vault.decrypt(root_of(page.level), [page.wrapped_key])
        found.update(open_table(page, key).values())
    return found


async def test_only_the_keys_that_restored_records_name_are_left() -> None:
    archive = await an_archive()
    named = named_by_the_backup(archive)
    before = dict(archive.pages.pages)
    ended = await end_unnamed(archive.vault, archive.pages, held(archive), named)
    gone = {(record, level) for record in LATER for level in Level} | {("rec-1", Level.CORE)}
    assert ended == len(gone)
    assert await deks_in(archive) == {dek for owner, dek in archive.deks.items() if owner not in gone}
    assert {name: slots for name, slots in held(archive).items() if slots} == named
    for page in archive.pages.pages.values():  # newer than any copy of it, so that no later restore takes the copy
        changed = page.slots != before[page.id].slots
        assert page.generation == before[page.id].generation + changed
    assert await end_unnamed(archive.vault, archive.pages, held(archive), named) == 0


async def test_a_damaged_page_is_left_as_it_is_and_keeps_no_other_from_it() -> None:
    archive = await an_archive()
    named = named_by_the_backup(archive)
    damaged = next(page for page in archive.pages.pages.values() if page.slots and page.id not in named)
    archive.pages.pages[damaged.id] = replace(damaged, table=bytes(len(damaged.table)))
    await end_unnamed(archive.vault, archive.pages, held(archive), named)
    left = {name: slots for name, slots in held(archive).items() if slots}
    assert left == {**named, damaged.id: left[damaged.id]}


async def test_a_page_that_vault_does_not_open_is_not_asked_about() -> None:
    archive = await an_archive()
    assert await end_unnamed(archive.vault, archive.pages, {}, {}) == 0
