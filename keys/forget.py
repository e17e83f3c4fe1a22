"""Forget records: take their DEKs out of the live key pages, then erase what the DEKs encrypted.

The order, each step durable before the next and each repeatable:

1. read the records' key references and pages; write the ledger entry ``pending`` with what was seen; then look for
   legal holds, and withdraw the whole order if there is one. Who places a hold looks for an entry afterwards: so
   one of the two always sees the other;
2. make a new key for each page, wrap it *after* the page was read, and replace the page where nothing
   changed since: a root that was rotated in between shows in the new wrap, a sweep or another forget in the
   page's version. On a conflict start again from the read;
3. erase the records where their key references still are the ones removed: an update in flight may have added
   one, which starts again from the read as well. What is left is a tombstone;
4. ledger ``forgotten``, with every ingest key that still lives.

From 4 on the live system cannot read the records. Old copies of the database can: see :mod:`keys.sweep`.
Records share pages, so many are forgotten together for the price of their pages (clauses DES-01 to DES-03).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from keys.ledger import Entry, LedgerStore, OldKey, Order, State, Traces
from keys.pages import KEY_BYTES, Page, open_table, rekeyed
from keys.ports import KeyRef, PageStore, RecordKeys
from keys.roots import SEALED_ROOT, root_of
from keys.sealed_pages import fence
from keys.vault import KeyRefused, Transit
from schemas.errors import DanganError, Refusal
from schemas.levels import Level

_ATTEMPTS: Final = 25
_PENDING_BATCH: Final = 1000

Refs = Mapping[str, Mapping[Level, KeyRef]]


async def _none_held(_records: Collection[str]) -> Collection[str]:
    return ()


class Forgetter:
    """Removes records' keys. Its Vault token may encrypt and decrypt under the level roots.

    Args:
        live_kids: gives the ids of all ingest keys that are not destroyed.
        held: tells which of those records are under a legal hold (冻结); by default nobody holds any.
        clock: UNIX seconds.
        pause: waits that many seconds between attempts.
    """

    def __init__(
        self,
        transit: Transit,
        pages: PageStore,
        records: RecordKeys,
        ledger: LedgerStore,
        live_kids: Callable[[], Awaitable[Collection[str]]],
        *,
        held: Callable[[Collection[str]], Awaitable[Collection[str]]] = _none_held,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._transit = transit
        self._pages = pages
        self._records = records
        self._ledger = ledger
        self._live_kids = live_kids
        self._held = held
        self._clock = clock
        self._pause = pause

    async def forget(self, records: Collection[str], order: Order, *, at: int) -> None:
        """Forget the records; those that are forgotten already stay as they are, a half-done one is finished.

        Args:
            records: record ids, up to some thousands; a record that never was gets a tombstone.
            order: why, and on whose word; an older entry keeps its own.
            at: when it is begun, UNIX seconds; the ledger notes when it was done.

        Raises:
            Refusal: DG-DES-005 when one is held and no key of the order was touched yet; the order is withdrawn then.
            DanganError: DG-SWP-007 when changes kept meeting this one; DG-KEY-003 when a page is not
                what Vault's key opens; nothing is half destroyed then, and repeating goes on.
        """
        todo = set(records)
        refs, pages = await self._look(todo)
        traces = await self._traces(todo, refs, pages)
        known = await self._ledger.open([_entry(record, order, refs, traces[record]) for record in todo])
        entries = await self._ledger.get(todo)
        await self._refuse_if_held(entries, order)
        if known:
            todo -= {record for record in known if entries[record].state is not State.PENDING}
            await self._ledger.note({record: traces[record] for record in known & todo})
        for attempt in range(_ATTEMPTS):
            gone = await self._remove(todo, refs, pages, at)
            if known:
                await self._enter_again(gone, order, refs, traces, at)
            todo -= gone
            if not todo:
                return
            await self._pause(0.01 * attempt)
            refs, pages = await self._look(todo)
            await self._ledger.note(await self._traces(todo, refs, pages))
        raise DanganError("DG-SWP-007", detail=f"{len(todo)} records are not forgotten yet")

    async def _enter_again(
        self, gone: Collection[str], order: Order, refs: Refs, traces: Mapping[str, Traces], at: int
    ) -> None:
        """Enter what was erased and has no entry any more: it stood under another order, which was withdrawn since.

        Without it the ledger would know nothing of the record, and no certificate would ever name it. An entry that
        stands now is forgotten, and a withdrawal takes pending ones only.
        """
        if missing := set(gone) - (await self._ledger.get(gone)).keys():
            await self._ledger.open([_entry(record, order, refs, traces[record]) for record in sorted(missing)])
            kids = await self._live_kids()
            await self._ledger.forgotten(missing, kids, at=max(at, int(self._clock())))

    async def finish_pending(self, *, at: int) -> int:
        """Finish every forget that was interrupted, but those with a record that is held meanwhile.

        Returns:
            How many records that were.
        """
        done, after = 0, ""
        while entries := await self._ledger.in_state(State.PENDING, after=after, limit=_PENDING_BATCH):
            by_order: dict[Order, set[str]] = defaultdict(set)
            for entry in entries:
                by_order[entry.order].add(entry.record)
            for order, records in by_order.items():
                records.update(order.records)
                if await self._held(records):
                    continue  # the command comes again and finds the hold; or somebody lifts it
                with suppress(Refusal):  # held since
                    await self.forget(records, order, at=at)
                    done += len(records)
            after = entries[-1].record
        return done

    async def _refuse_if_held(self, entries: Mapping[str, Entry], order: Order) -> None:
        """Begin the order, or withdraw it as a whole."""
        held = await self._held(entries)
        own = {name for name, entry in entries.items() if _same(entry.order, order)}
        if not own:  # another order answers for all of them
            return
        gate = next((name for name in order.records if name in own), min(own))
        if not held and await self._ledger.begin(gate, order):
            return
        if await self._ledger.withdraw(gate, own, order):
            raise Refusal("DG-DES-005", detail=min(held, default=gate))

    async def _look(self, records: Collection[str]) -> tuple[Refs, Mapping[str, Page]]:
        refs = await self._records.keys_of(records)
        return refs, await self._pages.get(set(_drops(refs)))

    async def _traces(self, records: Collection[str], refs: Refs, pages: Mapping[str, Page]) -> dict[str, Traces]:
        kids = await self._records.ingest_keys_of(refs)
        return {
            record: Traces(
                # The roots of all references, also where the page is re-keyed or lost: old copies exist.
                _roots(refs.get(record, {})),
                tuple(
                    OldKey(pages[page].root, page, slot, pages[page].root_version, pages[page].wrapped_key)
                    for ref in refs.get(record, {}).values()
                    for page, slot in ref.places
                    if page in pages and slot in pages[page].slots
                ),
                frozenset(kids.get(record, ())),
            )
            for record in records
        }

    async def _remove(self, records: Collection[str], refs: Refs, pages: Mapping[str, Page], at: int) -> set[str]:
        """One attempt at steps 2 to 4; the records that are forgotten now."""
        if not await fence(self._transit, self._pages, refs, pages):
            return set()
        if not await drop_slots(self._transit, self._pages, _drops(refs), pages):
            return set()
        erased = await self._records.erase_many({record: refs.get(record) for record in records}, at=at)
        if erased:
            # After the erasing: a key made before it may have sealed the record, one made later cannot have.
            kids = await self._live_kids()
            await self._ledger.forgotten(erased, kids, at=max(at, int(self._clock())))
        return erased


async def drop_slots(
    transit: Transit, store: PageStore, drops: Mapping[str, Collection[int]], pages: Mapping[str, Page]
) -> bool:
    """Give each page that still holds a dropped slot its next generation; whether all of them took it.

    Args:
        transit: may encrypt and decrypt under the level roots, and encrypt under the sealed one.
        store: holds the pages.
        drops: page id -> the slots to take out.
        pages: as they were read.

    Raises:
        DanganError: DG-KEY-003 when a page is not what Vault's key opens.
    """
    by_root: dict[str, list[Page]] = defaultdict(list)
    for page_id, slots in drops.items():
        if page_id in pages and not set(slots).isdisjoint(pages[page_id].slots):
            by_root[pages[page_id].root].append(pages[page_id])
    all_took = True
    for root, old in by_root.items():
        new = await next_generations(transit, root, old, drops)
        took = await store.replace_many([(page, page.version - 1) for page in new])
        all_took = all_took and took == len(old)
    return all_took


async def next_generations(
    transit: Transit, root: str, pages: Sequence[Page], drops: Mapping[str, Collection[int]]
) -> list[Page]:
    """Each page without some of its slots, under a new page key; those left out that Vault does not open.

    Args:
        transit: may encrypt and decrypt under the root.
        root: the pages' own.
        pages: of one level.
        drops: page id -> the slots to leave out, for every page.

    Raises:
        DanganError: DG-KEY-003 when a page is not what Vault's key opens.
    """
    if root == SEALED_ROOT:  # one record's, so nothing stays: it can be emptied by those who cannot open it
        old_keys: Sequence[bytes | KeyRefused] = [b""] * len(pages)
    else:
        old_keys = await transit.try_decrypt(root, [page.wrapped_key for page in pages])
    new_keys = [os.urandom(KEY_BYTES) for _ in pages]
    wraps = await transit.encrypt(root, new_keys)
    return [
        rekeyed(page, _without(page, old_key, drops[page.id]), new_key, wrapped.ciphertext)
        for page, old_key, new_key, wrapped in zip(pages, old_keys, new_keys, wraps, strict=True)
        if not isinstance(old_key, KeyRefused)  # a sweep has just moved it: read it again
    ]


def _same(one: Order, other: Order) -> bool:
    return (one.command, one.requester) == (other.command, other.requester)


def _entry(record: str, order: Order, refs: Refs, traces: Traces) -> Entry:
    # Where nothing lives nobody can say what once wrapped the record: every root must be swept for it.
    every = frozenset(root_of(level) for level in Level)
    return Entry(record, order, traces=traces if refs.get(record) else replace(traces, roots=every))


def _drops(refs: Refs) -> dict[str, set[int]]:
    drops: dict[str, set[int]] = defaultdict(set)
    for keys in refs.values():
        for ref in keys.values():
            for page, slot in ref.places:
                drops[page].add(slot)
    return drops


def _roots(keys: Mapping[Level, KeyRef]) -> frozenset[str]:
    roots = {root_of(level) for level in keys}
    return frozenset(roots | {SEALED_ROOT} if any(ref.sealed for ref in keys.values()) else roots)


def _without(page: Page, page_key: bytes, slots: Collection[int]) -> dict[int, bytes]:
    if page.sealed:
        return {}
    return {slot: dek for slot, dek in open_table(page, page_key).items() if slot not in slots}
