"""Ingest keys: confirmed before they are announced, held by workers, gone once destroyed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.ingest import IngestKeyStore, State, create
from keys.ingest_ring import IngestKeyring
from keys.okp import thumbprint
from keys.ports import Rewrap
from keys.roots import INGEST_ROOT
from keys.vault import KeyRefused, Wrapped
from schemas.errors import Transient
from store.database import connect
from store.ingest_keys import IngestKeys, ensure_indexes
from tests.simulators.key_pages import SimulatedIngestKeys
from tests.simulators.vault import SimulatedVault

NOW = 1_800_000_000
DAY = 86_400


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def rewrapped(vault: SimulatedVault, store: IngestKeyStore) -> None:
    """Rotate and move every living key up, as a sweep does."""
    await vault.rotate(INGEST_ROOT)
    target = await vault.latest_version(INGEST_ROOT)
    below = await store.below(target, limit=100)
    wraps = await vault.rewrap(INGEST_ROOT, [key.wrapped_key for key in below])
    await store.rewrap(
        [
            Rewrap(key.id, key.version, new.ciphertext, new.version)
            for key, new in zip(below, wraps, strict=True)
            if isinstance(new, Wrapped)
        ]
    )
    await vault.configure(INGEST_ROOT, min_encryption_version=target)
    await vault.configure(INGEST_ROOT, min_decryption_version=target)
    await vault.trim(INGEST_ROOT, target)


class StoreCases:
    """What holds for every store of ingest keys."""

    async def test_a_new_key_is_active_and_opens_to_its_public_half(self, store: IngestKeyStore) -> None:
        vault = SimulatedVault()
        key = await create(vault, store, now=NOW, ttl=DAY)
        assert (key.state, key.created_at, key.seal_until) == (State.ACTIVE, NOW, NOW + DAY)
        assert key.kid == thumbprint("X25519", key.public)
        assert key.wrapped_private is not None
        (raw,) = await vault.decrypt(INGEST_ROOT, [key.wrapped_private])
        assert X25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw() == key.public
        assert await store.get([key.kid, "unknown"]) == {key.kid: key}

    async def test_a_key_moves_forward_only(self, store: IngestKeyStore) -> None:
        key = await create(SimulatedVault(), store, now=NOW, ttl=DAY)
        assert await store.mark_destroyed([key.kid]) == 0
        assert await store.retire([key.kid]) == 1
        assert await store.retire([key.kid]) == 0
        assert await store.live_kids() == {key.kid}
        assert await store.mark_destroyed([key.kid]) == 1
        assert await store.mark_destroyed([key.kid]) == 0
        assert await store.retire([key.kid]) == 0
        (gone,) = (await store.get([key.kid])).values()
        assert (gone.state, gone.wrapped_private) == (State.DESTROYED, None)
        assert await store.living() == []
        assert await store.live_kids() == set()
        assert [each.kid async for each in store.scan()] == [key.kid]

    async def test_a_destroyed_key_is_neither_listed_for_a_sweep_nor_brought_back(self, store: IngestKeyStore) -> None:
        vault = SimulatedVault()
        key = await create(vault, store, now=NOW, ttl=DAY)
        (listed,) = await store.below(2, limit=10)
        assert (listed.id, listed.root_version, await store.count_below(2)) == (key.kid, 1, 1)
        await store.retire([key.kid])
        await store.mark_destroyed([key.kid])
        (gone,) = (await store.get([key.kid])).values()
        assert await store.below(2, limit=10) == []
        assert await store.count_below(2) == 0
        assert await store.rewrap([Rewrap(key.kid, gone.version, "vault:v2:AAAA", 2)]) == 0
        assert await store.get([key.kid]) == {key.kid: gone}

    async def test_rewrap_is_by_compare_and_swap_and_never_lowers(self, store: IngestKeyStore) -> None:
        key = await create(SimulatedVault(), store, now=NOW, ttl=DAY)
        assert await store.rewrap([Rewrap(key.kid, key.version + 1, "vault:v2:AAAA", 2)]) == 0
        assert await store.rewrap([Rewrap(key.kid, key.version, "vault:v1:AAAA", 1)]) == 0
        assert await store.rewrap([Rewrap(key.kid, key.version, "vault:v2:AAAA", 2)]) == 1
        (moved,) = (await store.get([key.kid])).values()
        assert (moved.version, moved.root_version) == (key.version + 1, 2)
        assert await store.rewrap([]) == 0

    async def test_living_keys_come_newest_first(self, store: IngestKeyStore) -> None:
        vault = SimulatedVault()
        keys = [await create(vault, store, now=NOW + at, ttl=DAY) for at in (1, 3, 2)]
        assert [key.created_at for key in await store.living()] == [NOW + 3, NOW + 2, NOW + 1]
        kids = sorted(key.kid for key in keys)
        assert [key.id for key in await store.below(9, after=kids[0], limit=1)] == [kids[1]]


class TestSimulatedStore(StoreCases):
    @pytest.fixture
    def store(self) -> IngestKeyStore:
        return SimulatedIngestKeys()


@pytest.mark.flow
class TestMongoStore(StoreCases):
    @pytest.fixture
    async def store(self, stack: Any) -> AsyncIterator[IngestKeyStore]:
        name = f"test_ingest_{os.urandom(6).hex()}"
        async with connect(stack.settings.mongo_uri.get_secret_value(), name) as database:
            await ensure_indexes(database)
            yield IngestKeys(database)
            await database.client.drop_database(name)


@settings(max_examples=60, deadline=None)
@given(schedule=st.lists(st.booleans(), min_size=6, max_size=6), removes=st.booleans())
async def test_no_sweep_during_a_creation_loses_the_key(schedule: list[bool], removes: bool) -> None:
    vault, store = SimulatedVault(), SimulatedIngestKeys()
    moments = iter(schedule)

    async def interleave(op: str, key: str) -> None:
        if vault.before_call is None or not next(moments, False):
            return
        vault.before_call = None
        await rewrapped(vault, store)
        if removes:  # what a sweep does to keys it found unconfirmed
            target = vault.keys[INGEST_ROOT].latest
            store.keys = {kid: k for kid, k in store.keys.items() if k.root_version >= target}
        vault.before_call = interleave

    vault.before_call = interleave
    key = await create(vault, store, now=NOW, ttl=DAY)
    vault.before_call = None
    await rewrapped(vault, store)
    ring = IngestKeyring(vault, store)
    await ring.refresh()
    assert ring.private(key.kid) is not None


@pytest.fixture
def world() -> tuple[SimulatedVault, SimulatedIngestKeys, Clock, IngestKeyring]:
    vault, store, clock = SimulatedVault(), SimulatedIngestKeys(), Clock()
    return vault, store, clock, IngestKeyring(vault, store, clock=clock, sleep=clock.sleep)


World = tuple[SimulatedVault, SimulatedIngestKeys, Clock, IngestKeyring]


async def test_a_new_key_is_found_at_the_next_refresh_after_it_was_missed(world: World) -> None:
    vault, store, clock, ring = world
    await ring.refresh()
    key = await create(vault, store, now=NOW, ttl=DAY)
    await ring.refresh()
    assert ring.private(key.kid) is None
    await ring.refresh()
    assert ring.private(key.kid) is not None
    assert clock.now < 1001


async def test_a_refresh_is_cheap_when_nothing_is_missed(world: World) -> None:
    vault, store, _, ring = world
    key = await create(vault, store, now=NOW, ttl=DAY)
    before = vault.calls.total()
    for _ in range(100):
        await ring.refresh()
        assert ring.private(key.kid) is not None
    assert (store.reads, vault.calls.total() - before) == (1, 1)


async def test_junk_kids_read_the_store_twenty_times_a_second_at_most(world: World) -> None:
    _, store, clock, ring = world
    start = clock.now
    for number in range(100):
        await ring.refresh()
        assert ring.private(f"junk-{number}") is None
    assert store.reads / (clock.now - start) <= 21
    reads = store.reads
    for _ in range(10):  # the same junk again costs nothing
        await ring.refresh()
        ring.private("junk-99")
    assert store.reads <= reads + 1


async def test_a_destroyed_key_is_dropped_within_seconds(world: World) -> None:
    vault, store, clock, ring = world
    key = await create(vault, store, now=NOW, ttl=DAY)
    await ring.refresh()
    await store.retire([key.kid])
    clock.now += 5
    await ring.refresh()
    assert ring.private(key.kid) is not None
    await store.mark_destroyed([key.kid])
    clock.now += 5
    await ring.refresh()
    assert ring.private(key.kid) is None


async def test_a_destroyed_key_never_opens_again_once_its_root_version_is_trimmed(world: World) -> None:
    vault, store, _, _ = world
    key = await create(vault, store, now=NOW, ttl=DAY)
    assert key.wrapped_private is not None
    await store.retire([key.kid])
    await store.mark_destroyed([key.kid])
    await rewrapped(vault, store)
    (result,) = await vault.try_decrypt(INGEST_ROOT, [key.wrapped_private])
    assert isinstance(result, KeyRefused)


async def test_a_key_that_a_sweep_has_just_moved_is_read_again(world: World) -> None:
    vault, store, _, ring = world
    key = await create(vault, store, now=NOW, ttl=DAY)

    async def sweep_first(op: str, _: str) -> None:
        vault.before_call = None
        await rewrapped(vault, store)

    vault.before_call = sweep_first
    await ring.refresh()
    assert ring.private(key.kid) is not None


async def test_a_stored_key_that_is_not_the_one_its_kid_names_is_not_used(world: World) -> None:
    vault, store, _, ring = world
    one, two = [await create(vault, store, now=NOW, ttl=DAY) for _ in range(2)]
    swapped = store.keys[two.kid]
    object.__setattr__(swapped, "wrapped_private", one.wrapped_private)
    await ring.refresh()
    assert ring.private(one.kid) is not None
    assert ring.private(two.kid) is None


async def test_vault_down_is_transient_and_what_is_held_goes_on(world: World) -> None:
    vault, store, clock, ring = world
    key = await create(vault, store, now=NOW, ttl=DAY)
    await ring.refresh()
    later = await create(vault, store, now=NOW, ttl=DAY)
    vault.down = True
    clock.now += 5
    with pytest.raises(Transient):
        await ring.refresh()
    assert ring.private(key.kid) is not None
    vault.down = False
    await ring.refresh()
    assert ring.private(later.kid) is not None


async def test_no_private_key_shows_in_a_repr(world: World) -> None:
    vault, store, _, _ = world
    key = await create(vault, store, now=NOW, ttl=DAY)
    assert "vault:" not in repr(key)


async def test_a_key_asked_for_while_another_load_waits_is_found_by_the_next(world: World) -> None:
    vault, store, _clock, ring = world
    entered, go_on, living = asyncio.Event(), asyncio.Event(), store.living
    await create(vault, store, now=1, ttl=10)

    async def slow_living() -> Any:
        found = await living()
        entered.set()
        await go_on.wait()
        return found

    store.living = slow_living  # type: ignore[method-assign]
    loading = asyncio.create_task(ring.refresh())
    await entered.wait()
    later = await create(vault, store, now=2, ttl=10)
    assert ring.private(later.kid) is None  # while the first load has read an older list
    go_on.set()
    await loading
    await ring.refresh()
    assert ring.private(later.kid) is not None


async def test_a_living_key_that_vault_refuses_is_no_reason_for_a_dead_letter(world: World) -> None:
    vault, store, _clock, ring = world
    key = await create(vault, store, now=1, ttl=10)
    await vault.rotate(INGEST_ROOT)
    await vault.configure(INGEST_ROOT, min_decryption_version=2)
    with pytest.raises(Transient):
        await ring.refresh()
    await vault.configure(INGEST_ROOT, min_decryption_version=1)
    await ring.refresh()
    assert ring.private(key.kid) is not None


async def test_an_idle_worker_holds_no_key_for_longer_than_a_minute(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, store, clock, ring = world
    monkeypatch.setattr("keys.ingest_ring.TICK_SECONDS", 0.001)
    kid = (await create(vault, store, now=NOW, ttl=10)).kid
    await ring.refresh()
    assert ring.private(kid) is not None
    await asyncio.sleep(0.02)
    assert ring.private(kid) is not None  # young: kept
    clock.now += 50  # and nothing arrives, so that nobody calls refresh()
    await asyncio.sleep(0.02)
    assert ring.private(kid) is None
    await ring.refresh()
    assert ring.private(kid) is not None  # it lives: the next message finds it


async def test_keys_are_not_dropped_under_a_load_that_is_under_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, store, clock, ring = world
    monkeypatch.setattr("keys.ingest_ring.TICK_SECONDS", 0.001)
    kid = (await create(vault, store, now=NOW, ttl=10)).kid
    await ring.refresh()
    await create(vault, store, now=NOW, ttl=10)
    clock.now += 60

    async def slow(_op: str, _key: str) -> None:  # while the new key is unwrapped the old one falls due
        await asyncio.sleep(0.02)

    vault.before_call = slow
    await ring.refresh()
    assert ring.private(kid) is not None
