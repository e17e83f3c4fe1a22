"""Sealing (封存, clause DES-11): a record's DEKs leave its key pages for pages that no worker can open; and back.

The record itself names both places from before the first change until after the last (:class:`keys.ports.KeyRef`), so
that at every moment a forget finds whatever holds a DEK. Each step is durable before the next and repeatable; who
stops in between leaves a record that is refused to ordinary use, and a repetition goes on:

| names            | state     | the next step                                                     |
| ---------------- | --------- | ----------------------------------------------------------------- |
| p, s             | open      | name the sealed page S, refuse ordinary use                       |
| p, s, S          | sealing   | fill S under the root ``dangan-sealed``, confirm it; then turn     |
| p, s, S, shut    | sealed    | take slot s out of p (a new page key: its next generation)        |
| n, 0, S, shut    | opening   | fill n under the level's root, confirm it; then turn               |
| n, 0, S          | opened    | take the DEK out of S; then allow ordinary use                    |

A worker's token encrypts under ``dangan-sealed`` and does not decrypt, so sealing is a worker's to do and opening is
not. Page keys that a worker has in memory open nothing of the next generation. Old copies of p in a backup open until
the next sweep of the level's root, and old copies of S until the next of the sealed root.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Final, Protocol

from keys.forget import drop_slots
from keys.pages import Page, open_table
from keys.ports import KeyRef, PageStore, RecordKeys
from keys.sealed_pages import Wanted, fill, opened_id, sealed_id
from keys.vault import KeyRefused, Transit
from schemas.errors import DanganError, Refusal, Transient
from schemas.levels import Level

_ATTEMPTS: Final = 25

Keys = Mapping[Level, KeyRef]


class KeyMover(Protocol):
    """The part of the records that sealing changes (store/seals.py)."""

    async def move(self, record: str, was: Keys, now: Keys, *, sealed: bool) -> bool:
        """Have a live record that names exactly ``was`` name ``now``; ``sealed`` refuses it to ordinary use.

        Returns:
            False when the record is not live or names something else. Durable, and repeatable with the same names.
        """


class Sealer:
    """Moves DEKs into sealed pages and out of them.

    Args:
        transit: may encrypt and decrypt under the level roots; under ``dangan-sealed`` encrypt, and to open decrypt.
        pages: the key pages.
        records: the key references.
        mover: changes them.
        pause: waits that many seconds between attempts.
    """

    def __init__(
        self,
        transit: Transit,
        pages: PageStore,
        records: RecordKeys,
        mover: KeyMover,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._transit = transit
        self._pages = pages
        self._records = records
        self._mover = mover
        self._pause = pause

    async def seal(self, records: Collection[str]) -> None:
        """Seal records; those that are sealed, or destroyed meanwhile, stay as they are.

        Args:
            records: ids, up to some hundreds.

        Raises:
            Refusal: DG-SEL-006 when one is being destroyed.
            DanganError: DG-KEY-003 when a page does not open, DG-KEY-005 when a DEK is nowhere.
            Transient: DG-KEY-001 or DG-STO-001; repeat.
        """
        await self._until_done(records, self._seal)

    async def open(self, records: Collection[str]) -> None:
        """Unseal records whose sealing is finished; those that are not sealed stay as they are.

        Raises:
            Refusal: DG-SEL-006 when one is being destroyed, DG-SEL-009 when its sealing is not finished.
            DanganError, Transient: as :meth:`seal`.
        """
        await self._until_done(records, self._open)

    async def _until_done(
        self, records: Collection[str], step: Callable[[Mapping[str, Keys]], Awaitable[bool]]
    ) -> None:
        for attempt in range(_ATTEMPTS):
            if await step(await self._records.keys_of(records)):
                return
            await self._pause(0.01 * attempt)
        raise Transient("DG-STO-001", detail="the record kept changing")

    async def _seal(self, refs: Mapping[str, Keys]) -> bool:
        """One attempt at whatever is next; whether nothing is left to do."""
        unnamed = {record: keys for record, keys in refs.items() if not all(map(_on_its_way, keys.values()))}
        if unnamed:
            # A sealed page of an earlier sealing is named no more from here on: it must be empty.
            if await self._emptied(unnamed):
                await self._turn(unnamed, _named, sealed=True)
            return False
        moving = {record: keys for record, keys in refs.items() if not all(ref.shut for ref in keys.values())}
        if moving:
            if await self._filled(moving, source=lambda ref: (ref.page, ref.slot), target=lambda ref: ref.sealed):
                await self._turn(moving, lambda ref: ref._replace(shut=True), sealed=True)
            return False
        return await self._dropped(
            (ref.page, ref.slot)
            for ref in _all(refs)
            if not _opening(ref)  # being opened: n's to keep
        )

    async def _open(self, refs: Mapping[str, Keys]) -> bool:
        sealed = {record: keys for record, keys in refs.items() if any(ref.sealed for ref in keys.values())}
        if any(not ref.shut and ref.sealed == sealed_id(ref.page, ref.slot) for ref in _all(sealed)):
            raise Refusal("DG-SEL-009")
        shut = {record: keys for record, keys in sealed.items() if any(ref.shut for ref in keys.values())}
        closed = {name: keys for name, keys in shut.items() if any(not _opening(ref) for ref in keys.values())}
        if closed:  # the old slots are named no more from here on: they must be gone
            if await self._dropped((ref.page, ref.slot) for ref in _all(closed)):
                await self._turn(
                    closed, lambda ref: KeyRef(opened_id(ref.sealed), 0, ref.sealed, shut=True), sealed=True
                )
            return False
        if shut:
            if await self._filled(shut, source=lambda ref: (ref.sealed, 0), target=lambda ref: ref.page):
                await self._turn(shut, lambda ref: ref._replace(shut=False), sealed=True)
            return False
        return await self._emptied(sealed) and await self._turn(sealed, lambda ref: ref, sealed=False)

    async def _turn(self, refs: Mapping[str, Keys], change: Callable[[KeyRef], KeyRef], *, sealed: bool) -> bool:
        took = True
        for record, keys in refs.items():
            now = {level: change(ref) for level, ref in keys.items()}
            took = await self._mover.move(record, keys, now, sealed=sealed) and took
        return took

    async def _emptied(self, refs: Mapping[str, Keys]) -> bool:
        return await self._dropped((ref.sealed, 0) for ref in _all(refs) if ref.sealed)

    async def _dropped(self, slots: Iterable[tuple[str, int]]) -> bool:
        """Take slots out of their pages; whether none of them is left."""
        drops: dict[str, set[int]] = defaultdict(set)
        for page, slot in slots:
            drops[page].add(slot)
        return await drop_slots(self._transit, self._pages, drops, await self._pages.get(set(drops)))

    async def _filled(
        self,
        refs: Mapping[str, Keys],
        *,
        source: Callable[[KeyRef], tuple[str, int]],
        target: Callable[[KeyRef], str],
    ) -> bool:
        """Write each DEK into the page that is to hold it; False: read everything again."""
        pages = await self._pages.get({name for ref in _all(refs) for name, _slot in ref.places})
        tables = await self._tables({source(ref)[0]: pages.get(source(ref)[0]) for ref in _all(refs)})
        if tables is None:
            return False
        wanted: list[Wanted] = []
        for keys in refs.values():
            for level, ref in keys.items():
                name, slot = source(ref)
                dek = tables[name].get(slot)
                if dek is None:
                    return await self._lost(refs)
                to = target(ref)
                wanted.append(Wanted(to, level, pages[name].cohort, to == ref.sealed, dek))
        return await fill(self._transit, self._pages, wanted, pages)

    async def _lost(self, refs: Mapping[str, Keys]) -> bool:
        """A DEK is not where it must be: a forget took it, or another run was quicker; otherwise it is lost."""
        if await self._records.keys_of(refs) == refs:
            raise DanganError("DG-KEY-005")
        return False

    async def _tables(self, pages: Mapping[str, Page | None]) -> dict[str, dict[int, bytes]] | None:
        """The DEKs of pages by slot, none for one that is gone; None when a sweep has just moved one."""
        by_root: dict[str, list[Page]] = defaultdict(list)
        for page in pages.values():
            if page is not None:
                by_root[page.root].append(page)
        tables: dict[str, dict[int, bytes]] = {name: {} for name in pages}
        for root, group in by_root.items():
            for page, key in zip(
                group, await self._transit.try_decrypt(root, [page.wrapped_key for page in group]), strict=True
            ):
                if isinstance(key, KeyRefused):
                    return None
                tables[page.id] = open_table(page, key)
        return tables


def _all(refs: Mapping[str, Keys]) -> list[KeyRef]:
    return [ref for keys in refs.values() for ref in keys.values()]


def _on_its_way(ref: KeyRef) -> bool:
    return ref.shut or ref.sealed == sealed_id(ref.page, ref.slot)


def _named(ref: KeyRef) -> KeyRef:
    return ref if _on_its_way(ref) else KeyRef(ref.page, ref.slot, sealed_id(ref.page, ref.slot))


def _opening(ref: KeyRef) -> bool:
    return ref.page == opened_id(ref.sealed)
