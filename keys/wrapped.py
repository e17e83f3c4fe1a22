"""What one Vault root wraps, as a sweep sees it: the same for key pages and for ingest keys.

A sweep knows four things about a wrapped key: its id, its version for compare-and-swap, the root version in it,
and whether something still relies on it. Everything else differs, and stays behind :class:`WrappedKeys`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Final, Protocol

from keys.pages import KINDS, SEALED, Page, root_of_kind
from keys.ports import PageStore, RecordKeys, Rewrap, WrappedKey
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
    """The slots that live records rely on, listed once for all levels of a run (one pass over the records)."""

    def __init__(self, records: RecordKeys) -> None:
        self._records = records
        self._slots: dict[str, dict[str, int]] | None = None

    async def of(self, kind: str) -> Slots:
        """The slots of a level, or of the sealed pages, as of the first call for any kind."""
        if self._slots is None:
            slots: dict[str, dict[str, int]] = {each: defaultdict(int) for each in KINDS}
            async for _record, keys in self._records.live_keys():
                for level, ref in keys.items():
                    page, slot = ref.holder
                    slots[SEALED if ref.shut else level][page] |= 1 << slot
            self._slots = slots
        return self._slots[kind]


class PageKeys:
    """The key pages of one level, or those of sealed records. Implements :class:`WrappedKeys`.

    Args:
        kind: a level, or :data:`keys.pages.SEALED`.
        listing: shared by the levels that are swept in one run.
    """

    def __init__(self, kind: str, pages: PageStore, records: RecordKeys, listing: LiveSlots) -> None:
        self._kind: Final = kind
        self._pages = pages
        self._records = records
        self._listing = listing

    @property
    def root(self) -> str:
        """The root that wraps them."""
        return root_of_kind(self._kind)

    async def below(self, root_version: int, *, after: str, limit: int) -> list[WrappedKey]:
        """Page keys under an older root version."""
        return await self._pages.below(self._kind, root_version, after=after, limit=limit)

    async def count_below(self, root_version: int) -> int:
        """How many pages are under an older root version."""
        return await self._pages.count_below(self._kind, root_version)

    async def rewrap(self, changes: Sequence[Rewrap]) -> int:
        """Move page keys to a newer root version."""
        return await self._pages.rewrap(changes)

    async def in_use(self, ids: Collection[str]) -> set[str]:
        """Pages that some live record relies on."""
        return await self._records.pages_in_use(ids)

    async def delete(self, ids: Collection[str], *, root_version_below: int) -> int:
        """Delete pages whose writer never confirmed them."""
        return await self._pages.delete(ids, root_version_below=root_version_below)

    async def destroy_drained(self) -> frozenset[str]:
        """Nothing: slots leave a page by a forget."""
        return frozenset()

    async def needed(self) -> Slots:
        """The slots that live records rely on."""
        return await self._listing.of(self._kind)

    async def claimants(self, missing: Slots) -> set[str]:
        """Live records that rely on a missing slot now."""
        found: set[str] = set()
        async for record, keys in self._records.live_keys():
            if any(missing.get(page, 0) >> slot & 1 for page, slot in (ref.holder for ref in keys.values())):
                found.add(record)
        return found

    async def copies(self) -> AsyncIterator[KeyCopy]:
        """Every page of the kind."""
        async for page in self._pages.scan(self._kind):
            yield copy_of(page)


def copy_of(page: Page) -> KeyCopy:
    """A page as a snapshot holds it: what :func:`page_of` needs besides the kind. A sealed page's level comes along."""
    cohort = (f"{page.level}:{page.cohort}" if page.sealed else page.cohort).encode()
    rest = len(cohort).to_bytes(2, "big") + cohort + page.table
    return KeyCopy(page.id, page.version, page.generation, page.wrapped_key, page.slots, rest)


def page_of(copy: KeyCopy, kind: str) -> Page:
    """The page that a snapshot of the kind's root holds."""
    end = 2 + int.from_bytes(copy.rest[:2], "big")
    cohort, level = copy.rest[2:end].decode(), kind
    if kind == SEALED:
        level, _, cohort = cohort.partition(":")
    return Page(
        id=copy.id,
        level=Level(level),
        cohort=cohort,
        root_version=copy.root_version,
        version=copy.version,
        generation=copy.generation,
        wrapped_key=copy.wrapped_key,
        slots=copy.slots,
        table=copy.rest[end:],
        sealed=kind == SEALED,
    )
