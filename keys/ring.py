"""The key ring: DEKs for new records, and the DEKs of stored ones.

New (:meth:`KeyRing.allocate`), in an order of which nothing may be left out: page keys wrapped ahead -> one new
page a level and batch, all in one insert -> confirm (keys/confirm.py) -> only then the caller's records.

Stored (:meth:`KeyRing.open`): the page document is read at each call, so that a removed slot takes effect at
once; only page keys are cached, by (page, generation), for 60 s at most (keys/tables.py).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Self

from keys.confirm import Draft, confirm
from keys.page_keys import TICK_SECONDS, Clock, NewPageKey, PageKeyCache, PageKeyPool, wipe
from keys.pages import KEY_BYTES, MAX_SLOTS, Page, new_page_id, seal_table
from keys.ports import KeyRef, PageStore
from keys.tables import PageTables, Sleep, Table
from keys.vault import Transit
from schemas.errors import DanganError
from schemas.levels import Level

Refs = Mapping[Level, KeyRef]
Deks = dict[Level, bytes]


class SlotKey(NamedTuple):
    """A new slot: where it lies, and its DEK (32 bytes)."""

    ref: KeyRef
    dek: bytes


class KeyRing:
    """An async context manager, which wipes its keys at the end.

    Args:
        vault: wraps and unwraps page keys.
        pages: the stored pages.
        levels: what this worker serves; others are refused with DG-KEY-006.
        cache_pages: how many unwrapped page keys are held at most.
        clock: seconds, monotonic.
        sleep: waits before a page is read again.
    """

    def __init__(
        self,
        vault: Transit,
        pages: PageStore,
        levels: Collection[Level] = tuple(Level),
        *,
        cache_pages: int = 2048,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.levels = frozenset(levels)
        self._vault = vault
        self._pages = pages
        self._pool = PageKeyPool(vault, clock)
        self._cache = PageKeyCache(clock, max_pages=cache_pages)
        self._tables = PageTables(vault, pages, self._cache, self.levels, sleep)
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        """Start with no keys in memory."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wipe all keys."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._pool.clear()
        self._cache.clear()

    @property
    def cache_hits(self) -> int:
        """How many page keys were found in memory so far."""
        return self._cache.hits

    @property
    def cache_misses(self) -> int:
        """How many page keys were not, so that Vault had to unwrap them."""
        return self._cache.misses

    @property
    def cached_pages(self) -> int:
        """How many unwrapped page keys are in memory now."""
        return len(self._cache)

    async def allocate(self, cohort: str, needs: Sequence[tuple[str, Collection[Level]]]) -> list[dict[Level, SlotKey]]:
        """New slots on new, confirmed pages, which records may name from then on.

        Args:
            cohort: the retention cohort of all these records.
            needs: record ids and the levels they hold.

        Returns:
            For each need, in order, a slot key for each of its levels.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
            DanganError: DG-KEY-006 when a level is not served.
        """
        takers: dict[Level, list[int]] = defaultdict(list)
        for at, (_, levels) in enumerate(needs):
            for level in levels:
                takers[self._served(level)].append(at)
        if not takers:
            return [{} for _ in needs]
        page_keys = await asyncio.gather(
            *(self._pool.take(level, -(-len(places) // MAX_SLOTS)) for level, places in takers.items())
        )
        self._arm()
        slots: list[dict[Level, SlotKey]] = [{} for _ in needs]
        drafts: list[Draft] = []
        for (level, places), keys in zip(takers.items(), page_keys, strict=True):
            for number, key in enumerate(keys):
                part = places[number * MAX_SLOTS : (number + 1) * MAX_SLOTS]
                draft, deks = _draft(level, cohort, len(part), key)
                drafts.append(draft)
                for slot, at in enumerate(part):
                    slots[at][level] = SlotKey(KeyRef(draft.page.id, slot), deks[slot])
        try:
            await self._pages.insert([draft.page for draft in drafts])
            await confirm(self._vault, self._pages, drafts, self._pool)
        finally:
            for draft in drafts:
                wipe(draft.page_key)
        return slots

    async def open(self, refs: Mapping[str, Refs]) -> dict[str, Deks]:
        """The DEKs of records; as :meth:`try_open`, but one record's error is raised for all."""
        opened: dict[str, Deks] = {}
        for record, result in (await self.try_open(refs)).items():
            if isinstance(result, DanganError):
                raise result
            opened[record] = result
        return opened

    async def try_open(self, refs: Mapping[str, Refs]) -> dict[str, Deks | DanganError]:
        """The DEKs of records, or why one of them cannot be had.

        Args:
            refs: record id -> level -> where its slot lies.

        Returns:
            record id -> level -> DEK, or for that record alone an error: DG-KEY-003 (a page does not open),
            DG-KEY-005 (its slot or its page is gone), DG-KEY-006 (a level is not served).

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        return await self.open_with(await self._pages.get(_page_ids(refs.values())), refs)

    async def open_with(self, pages: Mapping[str, Page], refs: Mapping[str, Refs]) -> dict[str, Deks | DanganError]:
        """As :meth:`try_open`, with pages that the caller has just read (record and page in one fetch)."""
        served = {record: wanted for record, wanted in refs.items() if wanted.keys() <= self.levels}
        ids = _page_ids(served.values())
        tables = await self._tables.open({name: page for name, page in pages.items() if name in ids})
        self._arm()
        return {
            record: _deks(wanted, tables) if record in served else DanganError("DG-KEY-006")
            for record, wanted in refs.items()
        }

    def drop(self, page: str) -> None:
        """Forget a page's keys now rather than after 60 s."""
        self._cache.drop(page)

    def _served(self, level: Level) -> Level:
        if level not in self.levels:
            raise DanganError("DG-KEY-006", detail=level.value)
        return level

    def _arm(self) -> None:
        """Have keys wiped when they are too old, even if nobody asks for anything any more."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._pool.expire()
        self._cache.expire()
        if len(self._pool) or len(self._cache):
            self._arm()


def _draft(level: Level, cohort: str, count: int, key: NewPageKey) -> tuple[Draft, dict[int, bytes]]:
    """A page of new DEKs, not yet stored, and the DEKs by slot."""
    raw = os.urandom(count * KEY_BYTES)
    deks = {slot: raw[slot * KEY_BYTES : (slot + 1) * KEY_BYTES] for slot in range(count)}
    page_id = new_page_id()
    numbers, table = seal_table(bytes(key.key), deks, page=page_id, level=level, generation=1)
    page = Page(page_id, level, cohort, key.version, 1, 1, key.wrapped, numbers, table)
    return Draft(page, key.key), deks


def _page_ids(refs: Iterable[Refs]) -> set[str]:
    return {ref.page for wanted in refs for ref in wanted.values()}


def _deks(wanted: Refs, tables: Mapping[str, Table]) -> Deks | DanganError:
    deks: Deks = {}
    for level, ref in wanted.items():
        table = tables.get(ref.page)
        if isinstance(table, DanganError):
            return table
        dek = table.get(ref.slot) if table is not None else None
        if dek is None:
            return DanganError("DG-KEY-005")
        deks[level] = dek
    return deks
