"""What the key hierarchy needs from a store, as protocols: ``store/`` implements them, tests simulate them.

Every write is durable (majority, journaled) when its coroutine returns. Every conditional write says
whether it happened. Nothing here knows what a record means.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from keys.pages import Page
from schemas.levels import Level


class KeyRef(NamedTuple):  # a tuple: a reading makes three for each of its records
    """Where a record's DEK of one level lies: page id and slot (0 to 255).

    Attributes:
        sealed: the sealed page (封存, keys/seal.py) that holds the DEK too, or may, or once did: in its slot 0.
        shut: whether the sealed page is the one that counts; the other holds the DEK no more, or soon.
    """

    page: str
    slot: int
    sealed: str = ""
    shut: bool = False

    @property
    def places(self) -> tuple[tuple[str, int], ...]:
        """Every (page, slot) that may hold the DEK."""
        return ((self.page, self.slot), (self.sealed, 0)) if self.sealed else ((self.page, self.slot),)

    @property
    def holder(self) -> tuple[str, int]:
        """The (page, slot) that must hold it."""
        return (self.sealed, 0) if self.shut else (self.page, self.slot)


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """What a sweep needs to know of something that a root wraps: never what is inside."""

    id: str
    version: int
    root_version: int
    wrapped_key: str


@dataclass(frozen=True, slots=True)
class Rewrap:
    """A page key under a newer root version: applied only where ``version`` is unchanged and the
    stored ``root_version`` is lower."""

    page: str
    if_version: int
    wrapped_key: str
    root_version: int


class PageStore(Protocol):
    """Key pages. A slot that was removed is never used again: a forget that is repeated removes by number."""

    async def insert(self, pages: Sequence[Page]) -> None:
        """Insert new pages; an existing id is an error."""

    async def insert_free(self, pages: Sequence[Page]) -> set[str]:
        """Insert those pages whose id is free; return the ids that are taken."""

    async def get(self, ids: Collection[str]) -> dict[str, Page]:
        """The pages that exist among ``ids``, read from the primary, never from a cache."""

    async def replace(self, page: Page, *, if_version: int) -> bool:
        """Replace the page where its version is ``if_version`` and its root version not above the new one."""

    async def replace_many(self, pages: Sequence[tuple[Page, int]]) -> int:
        """:meth:`replace` for each (page, if_version), in any order; return how many were replaced."""

    async def rewrap(self, changes: Sequence[Rewrap]) -> int:
        """Apply the changes whose conditions hold; each adds 1 to its page's version. Return how many did."""

    async def below(self, kind: str, root_version: int, *, after: str = "", limit: int) -> list[WrappedKey]:
        """At most ``limit`` page keys of a kind (a level, or keys.pages.SEALED), by ascending page id from ``after``
        (excluded) on, whose root version is below the one given."""

    async def count_below(self, kind: str, root_version: int) -> int:
        """How many pages of the kind have a root version below the one given."""

    async def delete(self, ids: Collection[str], *, root_version_below: int) -> int:
        """Delete those pages while they are still below that root version; return how many went."""

    def scan(self, kind: str) -> AsyncIterator[Page]:
        """Every page of the kind that exists from the call to the end, by ascending id."""


class Tombstones(Protocol):
    """The part of the records that a certificate may see."""

    async def standing(self, records: Collection[str]) -> set[str]:
        """Which of those records are tombstones now, read from the primary."""


class RecordKeys(Protocol):
    """The part of the records that the key hierarchy may see and touch.

    A live record names every slot that ever encrypted something of it: a reference that were dropped
    while its slot lives would be a key that no forget finds.
    """

    async def keys_of(self, records: Collection[str]) -> dict[str, Mapping[Level, KeyRef]]:
        """The key references of the live records among ``records``."""

    async def ingest_keys_of(self, records: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Ids of the ingest keys that sealed bundles with those live records."""

    async def pages_in_use(self, pages: Collection[str]) -> set[str]:
        """Which of those pages some live record relies on (:attr:`KeyRef.holder`)."""

    def live_keys(self) -> AsyncIterator[tuple[str, Mapping[Level, KeyRef]]]:
        """Every live record's id and key references."""

    async def erase_many(self, records: Mapping[str, Mapping[Level, KeyRef] | None], *, at: int) -> set[str]:
        """Turn records into tombstones, each where its key references still are the ones given: its
        ciphertexts, history and tokens go. None stands for "no live record": a tombstone is inserted
        where nothing stands, the fence against a collect in flight. Repeatable. ``at``: UNIX seconds.

        Returns:
            The ids under which a tombstone stands now, an older one included.
        """
