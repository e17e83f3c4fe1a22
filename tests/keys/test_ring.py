"""The key ring: slots on confirmed pages, and what a reader gets while pages move, shrink and disappear."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.page_keys import MAX_AGE_SECONDS, PageKeyCache
from keys.pages import Page, open_table, rekeyed
from keys.ports import KeyRef, Rewrap
from keys.ring import KeyRing
from keys.roots import root_of
from keys.vault import Wrapped
from schemas.errors import DanganError, Transient
from schemas.levels import Level
from tests.simulators.key_pages import SimulatedPages
from tests.simulators.vault import SimulatedVault

ALL = tuple(Level)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def no_wait(_: float) -> None:
    return


@dataclass
class World:
    vault: SimulatedVault
    pages: SimulatedPages
    clock: Clock
    ring: KeyRing

    async def stored(self, *records: str) -> dict[str, dict[Level, KeyRef]]:
        """Allocate for the records at all levels and return what they would name."""
        slots = await self.ring.allocate("cohort", [(record, ALL) for record in records])
        return {r: {level: s.ref for level, s in slot.items()} for r, slot in zip(records, slots, strict=True)}


def world(levels: tuple[Level, ...] = ALL, **options: int) -> World:
    vault, pages, clock = SimulatedVault(), SimulatedPages(), Clock()
    return World(vault, pages, clock, KeyRing(vault, pages, levels, clock=clock, sleep=no_wait, **options))


@pytest.fixture
async def here() -> AsyncIterator[World]:
    made = world()
    async with made.ring:
        yield made


async def sweep_steps(vault: SimulatedVault, pages: SimulatedPages, level: Level) -> AsyncIterator[str]:
    """The part of a sweep that a writer or reader can meet, step by step."""
    root = root_of(level)
    await vault.rotate(root)
    target = await vault.latest_version(root)
    yield "rotated"
    await vault.configure(root, min_encryption_version=target)
    yield "raised encryption"
    after = ""
    while below := await pages.below(level, target, after=after, limit=2):
        after = below[-1].id  # what Vault refuses is unconfirmed: the last step but one deals with it
        yield "scanned"
        wraps = await vault.rewrap(root, [key.wrapped_key for key in below])
        yield "wrapped"
        await pages.rewrap(
            [
                Rewrap(key.id, key.version, new.ciphertext, new.version)
                for key, new in zip(below, wraps, strict=True)
                if isinstance(new, Wrapped)
            ]
        )
        yield "stored"
    await vault.configure(root, min_decryption_version=target)
    yield "raised decryption"
    left = await pages.below(level, target, limit=1000)
    await pages.delete([key.id for key in left], root_version_below=target)
    yield "deleted what is unconfirmed"
    await vault.trim(root, target)


async def sweep(vault: SimulatedVault, pages: SimulatedPages, level: Level) -> None:
    async for _ in sweep_steps(vault, pages, level):
        pass


async def test_what_was_allocated_opens(here: World) -> None:
    needs = [(f"r{n}", ALL[: n % 3 + 1]) for n in range(7)]
    slots = await here.ring.allocate("cohort", needs)
    refs = {
        record: {level: slot.ref for level, slot in made.items()}
        for (record, _), made in zip(needs, slots, strict=True)
    }
    opened = await here.ring.open(refs)
    for (record, levels), made in zip(needs, slots, strict=True):
        assert opened[record] == {level: made[level].dek for level in levels}


@settings(max_examples=25, deadline=None)
@given(needs=st.lists(st.sets(st.sampled_from(Level)), max_size=40), repeat=st.integers(1, 20))
async def test_no_slot_and_no_dek_is_ever_given_twice(needs: list[set[Level]], repeat: int) -> None:
    made = world()
    async with made.ring:
        slots = await made.ring.allocate("c", [(f"r{n}", levels) for n, levels in enumerate(needs * repeat)])
    given_out = [slot for record in slots for slot in record.values()]
    assert [set(record) for record in slots] == needs * repeat
    assert len({slot.ref for slot in given_out}) == len(given_out) == len({slot.dek for slot in given_out})
    used = [level for level in Level if any(level in record for record in slots)]
    sizes = {level: sum(level in record for record in slots) for level in used}
    assert len(made.pages.pages) == sum(-(-count // 256) for count in sizes.values())


async def test_one_batch_costs_one_insert_and_few_vault_calls(here: World) -> None:
    for _ in range(16):
        await here.ring.allocate("cohort", [(f"r{n}", ALL) for n in range(250)])
    assert here.vault.calls == {"encrypt": 3, "key_info": 48}
    assert here.vault.calls.total() / (16 * 250) < 0.02


async def test_an_empty_batch_touches_nothing(here: World) -> None:
    assert await here.ring.allocate("cohort", []) == []
    assert await here.ring.allocate("cohort", [("r", [])]) == [{}]
    assert await here.ring.open({}) == {}
    assert here.vault.calls.total() == 0


async def test_a_removed_slot_takes_effect_at_once_and_for_its_record_only(here: World) -> None:
    refs = await here.stored("gone", "kept")
    before = await here.ring.open(refs)
    ref = refs["gone"][Level.CORE]
    page = here.pages.pages[ref.page]
    (key,) = await here.vault.decrypt(root_of(Level.CORE), [page.wrapped_key])
    left = {slot: dek for slot, dek in open_table(page, key).items() if slot != ref.slot}
    (wrapped,) = await here.vault.encrypt(root_of(Level.CORE), [b"n" * 32])
    await here.pages.replace(rekeyed(page, left, b"n" * 32, wrapped.ciphertext), if_version=page.version)
    after = await here.ring.try_open(refs)
    assert after["kept"] == before["kept"]
    assert isinstance(after["gone"], DanganError)
    assert after["gone"].code == "DG-KEY-005"
    with pytest.raises(DanganError, match="DG-KEY-005"):
        await here.ring.open({"gone": refs["gone"]})


async def test_a_missing_page_is_a_missing_slot(here: World) -> None:
    refs = await here.stored("r")
    here.pages.pages.clear()
    result = (await here.ring.try_open(refs))["r"]
    assert isinstance(result, DanganError)
    assert result.code == "DG-KEY-005"


async def test_page_keys_are_unwrapped_once_and_pages_read_each_time(here: World) -> None:
    refs = await here.stored("r1", "r2")
    for _ in range(5):
        await here.ring.open(refs)
    assert here.vault.calls["decrypt"] == len(ALL)
    assert here.pages.reads == 5


async def test_a_page_key_is_not_used_beyond_its_age(here: World) -> None:
    refs = await here.stored("r")
    await here.ring.open(refs)
    here.clock.now += MAX_AGE_SECONDS
    await here.ring.open(refs)
    assert here.vault.calls["decrypt"] == 2 * len(ALL)


async def test_drop_forgets_a_page_now(here: World) -> None:
    refs = await here.stored("r")
    await here.ring.open(refs)
    here.ring.drop(refs["r"][Level.CORE].page)
    await here.ring.open(refs)
    assert here.vault.calls["decrypt"] == len(ALL) + 1


@pytest.mark.parametrize("level", Level)
async def test_a_page_that_a_sweep_has_just_moved_is_read_again(here: World, level: Level) -> None:
    refs = await here.stored("r")
    stale = dict(here.pages.pages)
    expected = await world_dek(here, refs)
    await sweep(here.vault, here.pages, level)
    here.ring.drop(refs["r"][level].page)
    assert (await here.ring.open_with(stale, refs))["r"] == expected


async def world_dek(here: World, refs: dict[str, dict[Level, KeyRef]]) -> dict[Level, bytes]:
    return (await here.ring.open(refs))["r"]


async def test_a_page_whose_root_version_is_gone_for_good_is_an_error_of_its_records(here: World) -> None:
    refs = await here.stored("lost", "also")
    (other,) = (await here.stored("fine")).values()
    page = refs["lost"][Level.BASIC].page
    old = here.pages.pages[page]
    await sweep(here.vault, here.pages, Level.BASIC)
    here.pages.pages[page] = old
    opened = await here.ring.try_open({**refs, "fine": other})
    assert isinstance(opened["fine"], dict)
    for record in ("lost", "also"):
        error = opened[record]
        assert isinstance(error, DanganError)
        assert error.code == "DG-KEY-003"


async def test_an_altered_page_is_an_error_of_its_records(here: World) -> None:
    refs = await here.stored("r")
    name = refs["r"][Level.CORE].page
    page = here.pages.pages[name]
    here.pages.pages[name] = replace(page, table=page.table[:-1] + bytes([page.table[-1] ^ 1]))
    with pytest.raises(DanganError, match="DG-KEY-003"):
        await here.ring.open(refs)


async def test_a_restored_page_with_another_key_under_the_same_generation_opens(here: World) -> None:
    refs = await here.stored("r")
    await here.ring.open(refs)
    ref = refs["r"][Level.CORE]
    page = here.pages.pages[ref.page]
    (wrapped,) = await here.vault.encrypt(root_of(Level.CORE), [b"o" * 32])
    other = rekeyed(replace(page, generation=0), {ref.slot: b"d" * 32}, b"o" * 32, wrapped.ciphertext)
    here.pages.pages[ref.page] = other
    assert (await here.ring.open(refs))["r"][Level.CORE] == b"d" * 32


async def test_levels_that_are_not_served_are_refused_and_never_asked_of_vault() -> None:
    whole = world()
    refs = await whole.stored("r", "s")
    del refs["s"][Level.CORE]
    async with KeyRing(whole.vault, whole.pages, (Level.BASIC, Level.SENSITIVE), sleep=no_wait) as part:
        opened = await part.try_open(refs)
        assert isinstance(opened["r"], DanganError)
        assert opened["r"].code == "DG-KEY-006"
        assert isinstance(opened["s"], dict)
        with pytest.raises(DanganError, match="DG-KEY-006"):
            await part.allocate("cohort", [("r", [Level.CORE])])
        # a reference that was turned towards a page of another level
        turned = {"r": {Level.BASIC: refs["r"][Level.CORE]}}
        assert isinstance((await part.try_open(turned))["r"], DanganError)
    async with whole.ring:
        assert whole.vault.calls["decrypt"] == 2


async def test_vault_down_is_transient_and_leaves_no_half_allocation(here: World) -> None:
    refs = await here.stored("r")
    here.vault.down = True
    with pytest.raises(Transient, match="DG-KEY-001"):
        await here.ring.allocate("cohort", [("x", ALL)])
    with pytest.raises(Transient, match="DG-KEY-001"):
        await here.ring.open(refs)
    here.vault.down = False
    assert await here.ring.open(refs)


async def run_interleaved(schedule: list[int]) -> bool:
    """One allocation, two sweeps of its root one after the other; ``schedule`` says how many steps of the
    sweeps come before each call of the writer to Vault or the store. Whether the record opens at the end."""
    here = world()
    turns = iter(schedule)
    writing = True

    async def sweeps() -> AsyncIterator[str]:
        for _ in range(2):
            async for step in sweep_steps(here.vault, here.pages, Level.CORE):
                yield step

    steps = sweeps()

    async def interleave(*_: object) -> None:
        nonlocal writing
        if not writing:
            return
        writing = False
        for _ in range(next(turns, 0)):
            await anext(steps, None)
        writing = True

    class Pages(SimulatedPages):
        async def insert(self, pages: Sequence[Page]) -> None:
            await interleave()
            await super().insert(pages)

        async def get(self, ids: Collection[str]) -> dict[str, Page]:
            await interleave()
            return await super().get(ids)

        async def rewrap(self, changes: Sequence[Rewrap]) -> int:
            await interleave()
            return await super().rewrap(changes)

    here.vault.before_call = interleave
    here.pages = Pages()
    async with KeyRing(here.vault, here.pages, sleep=no_wait) as ring:
        (slot,) = await ring.allocate("c", [("r", [Level.CORE])])
        writing = False
        async for _ in steps:
            pass
        opened = await ring.try_open({"r": {Level.CORE: slot[Level.CORE].ref}})
        return opened["r"] == {Level.CORE: slot[Level.CORE].dek}


schedules = st.lists(st.integers(0, 4), max_size=16)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(schedule=schedules)
async def test_no_interleaving_with_sweeps_loses_a_confirmed_page(schedule: list[int]) -> None:
    assert await run_interleaved(schedule)


async def test_without_the_confirm_step_interleavings_lose_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the test before can fail."""

    async def skip(*_: object) -> None:
        return

    monkeypatch.setattr("keys.ring.confirm", skip)
    lost = [n for n in range(9) if not await run_interleaved([0, n])]
    assert lost
    assert 0 not in lost


async def test_page_keys_made_ahead_of_a_rotation_are_not_used_after_it(here: World) -> None:
    await here.stored("r1")
    await sweep(here.vault, here.pages, Level.CORE)
    await here.stored("r2")  # meets the rotation, and drops the rest of the pool
    before = here.vault.calls.copy()
    await here.stored("r3")
    assert here.vault.calls - before == {"encrypt": 1, "key_info": 3}
    before = here.vault.calls.copy()
    await here.stored("r4")
    assert here.vault.calls - before == {"key_info": 3}


async def test_a_root_that_never_stands_still_is_transient(here: World) -> None:
    async def rotate(op: str, key: str) -> None:
        if op == "key_info":
            here.vault.keys[key].rotate()

    here.vault.before_call = rotate
    with pytest.raises(Transient, match="rotated over and over"):
        await here.ring.allocate("cohort", [("r", ALL)])


@given(moves=st.lists(st.tuples(st.sampled_from("pgdxe"), st.integers(0, 5), st.floats(0, 30)), max_size=60))
def test_the_cache_never_exceeds_its_bounds(moves: list[tuple[str, int, float]]) -> None:
    clock = Clock()
    cache = PageKeyCache(clock, max_pages=3, max_age=20)
    born: dict[str, float] = {}
    for move, number, wait in moves:
        clock.now += wait
        name = f"p{number}"
        if move == "p":
            cache.put(name, 1, b"k" * 32)
            born[name] = clock.now
        elif move == "d":
            cache.drop(name)
            born.pop(name, None)
        elif move == "e":
            cache.expire()
        elif cache.get(name, 1) is not None:
            assert clock.now - born[name] < 20
        assert len(cache) <= 3
        assert cache.get(name, 2) is None


async def test_keys_are_wiped_when_the_ring_ends() -> None:
    made = world()
    async with made.ring:
        refs = await made.stored("r")
        await made.ring.open(refs)
        held = [key for _, key in made.ring._cache._keys.values()]
        ahead = [key.key for ready in made.ring._pool._ready.values() for key in ready]
        assert len(held) == 3
        assert any(any(key) for key in held + ahead)
    assert not any(any(key) for key in held + ahead)


async def test_keys_are_wiped_by_age_though_nobody_asks(here: World) -> None:
    await here.ring.open(await here.stored("r"))
    held = [key for _, key in here.ring._cache._keys.values()]
    here.clock.now += MAX_AGE_SECONDS
    here.ring._expire()
    assert not any(any(key) for key in held)
    assert len(here.ring._pool) == 0
