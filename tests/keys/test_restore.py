"""The restore join: the newest copy of every page, wherever it is, and nothing that was destroyed."""

from __future__ import annotations

from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from keys.pages import Page
from keys.ports import KeyRef
from keys.restore import Fate, fate, newest, newest_with, stale_ledger
from keys.roots import root_of
from keys.snapshot import SnapshotReader
from keys.wrapped import page_of
from schemas.levels import Level
from tests.simulators.archive import Archive


def page(name: str, generation: int, version: int) -> Page:
    return Page(name, Level.CORE, "cohort", 1, version, generation, f"vault:v1:{generation}.{version}", b"", b"")


pages = st.builds(page, st.sampled_from("abcdef"), st.integers(1, 3), st.integers(1, 3))
sources = st.lists(
    st.lists(pages, unique_by=lambda each: each.id).map(lambda found: sorted(found, key=lambda each: each.id)),
    max_size=4,
)


@given(sources)
def test_each_page_comes_once_and_no_source_has_a_newer_copy(found: list[list[Page]]) -> None:
    joined = list(newest(*found))
    assert [each.id for each in joined] == sorted({each.id for source in found for each in source})
    for each in joined:
        copies = [copy for source in found for copy in source if copy.id == each.id]
        assert each in copies
        assert all((each.generation, each.version) >= (copy.generation, copy.version) for copy in copies)


@given(sources)
async def test_a_source_from_a_server_joins_the_same_way(found: list[list[Page]]) -> None:
    live, *files = [*found, []]

    async def scan() -> AsyncIterator[Page]:
        for each in live:
            yield each

    age = [(each.id, each.generation, each.version) async for each in newest_with(scan(), *files)]
    assert age == [(each.id, each.generation, each.version) for each in newest(*found)]


@given(st.sets(st.sampled_from("abc")), st.dictionaries(st.sampled_from("xy"), st.integers(0, 7)), st.booleans())
def test_what_the_ledger_names_is_never_restored(ledger: set[str], slots: dict[str, int], tombstone: bool) -> None:
    keys = None if tombstone else {Level.CORE: KeyRef("x", 1), Level.BASIC: KeyRef("y", 0)}
    result = fate("a", keys, ledger=ledger, slots=slots)
    assert (result is Fate.DESTROYED) == (tombstone or "a" in ledger)
    if result is Fate.RESTORED:
        assert slots["x"] & 2
        assert slots["y"] & 1


def test_a_ledger_older_than_the_backups_is_found_out() -> None:
    assert stale_ledger({"a", "b"}, ["a"]) is None
    assert stale_ledger({"a"}, ["a", "b"]) == "b"


async def test_old_data_and_the_newest_snapshot_give_back_the_survivors_and_only_them() -> None:
    archive = Archive()
    await archive.new_ingest_key()
    names = [f"rec-{number}" for number in range(6)]
    await archive.collected(*names)
    backup = dict(archive.records.live())
    old_pages = dict(archive.pages.pages)
    await archive.forget("rec-1", "rec-4")
    await archive.new_ingest_key()
    await archive.sweep()
    copies = []
    for level in Level:
        place = archive.places[0]
        file = next(name for name in place.files() if name.startswith(root_of(level)))
        copies.append([page_of(copy, level) for copy in SnapshotReader(place.open(file))])
    joined = {each.id: each for each in newest(*copies, sorted(old_pages.values(), key=lambda each: each.id))}
    slots = {each.id: sum(1 << slot for slot in each.slots) for each in joined.values()}
    ledger = set(archive.ledger.entries)
    fates = {name: fate(name, keys, ledger=ledger, slots=slots) for name, keys in backup.items()}
    assert {name for name, what in fates.items() if what is Fate.RESTORED} == set(names) - {"rec-1", "rec-4"}
    # without the ledger the destroyed ones are unreadable all the same: no page has their slots
    without = {name: fate(name, keys, ledger=(), slots=slots) for name, keys in backup.items()}
    assert {name for name, what in without.items() if what is Fate.UNREADABLE} == {"rec-1", "rec-4"}
