"""What one Vault root wraps, as a sweep sees it: the same for key pages and for ingest keys.

A sweep knows four things about a wrapped key: its id, its version for compare-and-swap, the root version in it,
and whether something still relies on it. Everything else differs, and stays behind :class:`WrappedKeys`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Final, Protocol

from keys.pages import Page
from keys.ports import PageStore, RecordKeys, Rewrap, WrappedKey
from keys.roots import root_of
from keys.snapshot import KeyCopy
from schemas.levels import Level

#: id -> the slots that must be there, as bits (bit n for slot n); 0 for what has no slots.
Slots = Mapping[str, int]


class WrappedKeys(Protocol):
    """Everything that one root wraps."""

    @property
    def root(self) -> str:
        """The root's name in Vault."""

    async def below(self, root_version: int, *, after: str, limit: int) -> list[WrappedKey]:
        """At most ``limit`` keys under a root version below the one given, by ascending id after ``after``."""

    async def count_below(self, root_version: int) -> int:
        """How many keys are under a root version below the one given."""

    async def rewrap(self, changes: Sequence[Rewrap]) -> int:
        """Apply the changes whose conditions hold; return how many did."""

    async def in_use(self, ids: Collection[str]) -> set[str]:
        """Which of those keys something relies on."""

    async def delete(self, ids: Collection[str], *, root_version_below: int) -> int:
        """Delete those keys while they are still below that root version; return how many went."""

    async def destroy_drained(self) -> frozenset[str]:
        """Erase the keys that may go now; the ids of all that were ever erased."""

    async def needed(self) -> Slots:
        """What the copies must hold. Read before the copies are made."""

    async def claimants(self, missing: Slots) -> set[str]:
        """Who relies, now, on something that the copies lack: record ids, or ids of keys."""

    def copies(self) -> AsyncIterator[KeyCopy]:
        """What a key-page snapshot holds of every key."""


class LiveSlots:
    """The slots that live records name, listed once for all levels of a run (one pass over the records)."""

    def __init__(self, records: RecordKeys) -> None:
        self._records = records
        self._slots: dict[Level, dict[str, int]] | None = None

    async def of(self, level: Level) -> Slots:
        """The level's slots as of the first call for any level."""
        if self._slots is None:
            slots: dict[Level, dict[str, int]] = {each: defaultdict(int) for each in Level}
            async for _record, keys in self._records.live_keys():
                for at, ref in keys.items():
                    slots[at][ref.page] |= 1 << ref.slot
            self._slots = slots
        return self._slots[level]


class PageKeys:
    """The key pages of one level. Implements :class:`WrappedKeys`.

    Args:
        listing: shared by the levels that are swept in one run.
    """

    def __init__(self, level: Level, pages: PageStore, records: RecordKeys, listing: LiveSlots) -> None:
        self._level: Final = level
        self._pages = pages
        self._records = records
        self._listing = listing

    @property
    def root(self) -> str:
        """The level's root."""
        return root_of(self._level)

    async def below(self, root_version: int, *, after: str, limit: int) -> list[WrappedKey]:
        """Page keys under an older root version."""
        return await self._pages.below(self._level, root_version, after=after, limit=limit)

    async def count_below(self, root_version: int) -> int:
        """How many pages are under an older root version."""
        return await self._pages.count_below(self._level, root_version)

    async def rewrap(self, changes: Sequence[Rewrap]) -> int:
        """Move page keys to a newer root version."""
        return await self._pages.rewrap(changes)

    async def in_use(self, ids: Collection[str]) -> set[str]:
        """Pages that some live record names."""
        return await self._records.pages_in_use(ids)

    async def delete(self, ids: Collection[str], *, root_version_below: int) -> int:
        """Delete pages whose writer never confirmed them."""
        return await self._pages.delete(ids, root_version_below=root_version_below)

    async def destroy_drained(self) -> frozenset[str]:
        """Nothing: slots leave a page by a forget."""
        return frozenset()

    async def needed(self) -> Slots:
        """The slots that live records name."""
        return await self._listing.of(self._level)

    async def claimants(self, missing: Slots) -> set[str]:
        """Live records that name a missing slot now."""
        found: set[str] = set()
        async for record, keys in self._records.live_keys():
            ref = keys.get(self._level)
            if ref is not None and missing.get(ref.page, 0) >> ref.slot & 1:
                found.add(record)
        return found

    async def copies(self) -> AsyncIterator[KeyCopy]:
        """Every page of the level."""
        async for page in self._pages.scan(self._level):
            yield copy_of(page)


def copy_of(page: Page) -> KeyCopy:
    """A page as a snapshot holds it: what :func:`page_of` needs besides the level."""
    cohort = page.cohort.encode()
    rest = len(cohort).to_bytes(2, "big") + cohort + page.table
    return KeyCopy(page.id, page.version, page.generation, page.wrapped_key, page.slots, rest)


def page_of(copy: KeyCopy, level: Level) -> Page:
    """The page that a snapshot of the level's root holds."""
    end = 2 + int.from_bytes(copy.rest[:2], "big")
    return Page(
        id=copy.id,
        level=level,
        cohort=copy.rest[2:end].decode(),
        root_version=copy.root_version,
        version=copy.version,
        generation=copy.generation,
        wrapped_key=copy.wrapped_key,
        slots=copy.slots,
        table=copy.rest[end:],
    )
