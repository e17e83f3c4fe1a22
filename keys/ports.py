"""What the key hierarchy needs from a store, as protocols: ``store/`` implements them, tests simulate them.

Every write is durable (majority, journaled) when its coroutine returns. Every conditional write says
whether it happened. Nothing here knows what a record means.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from keys.pages import Page
from schemas.levels import Level


@dataclass(frozen=True, slots=True)
class KeyRef:
    """Where a record's DEK of one level lies: page id and slot (0 to 255)."""

    page: str
    slot: int


@dataclass(frozen=True, slots=True)
class Rewrap:
    """A page key under a newer root version: applied only where ``version`` is unchanged and the
    stored ``root_version`` is lower."""

    page: str
    if_version: int
    wrapped_key: str
    root_version: int


class PageStore(Protocol):
    """Key pages."""

    async def insert(self, pages: Sequence[Page]) -> None:
        """Insert new pages; an existing id is an error."""

    async def get(self, ids: Collection[str]) -> dict[str, Page]:
        """The pages that exist among ``ids``, read from the primary, never from a cache."""

    async def replace(self, page: Page, *, if_version: int) -> bool:
        """Replace the page where its version is ``if_version`` and its root version not above the new one."""

    async def rewrap(self, changes: Sequence[Rewrap]) -> int:
        """Apply the changes whose conditions hold; return how many did."""

    async def below(self, level: Level, root_version: int, *, limit: int) -> list[Page]:
        """At most ``limit`` pages of the level whose root version is below the one given."""

    async def count_below(self, level: Level, root_version: int) -> int:
        """How many pages of the level have a root version below the one given."""

    async def delete(self, ids: Collection[str], *, root_version_below: int) -> int:
        """Delete those pages while they are still below that root version; return how many went."""

    def scan(self, level: Level) -> AsyncIterator[Page]:
        """Every page of the level."""


class RecordKeys(Protocol):
    """The part of the records that the key hierarchy may see and touch."""

    async def keys_of(self, records: Collection[str]) -> dict[str, Mapping[Level, KeyRef]]:
        """The key references of those among ``records`` that hold any."""

    async def pages_in_use(self, pages: Collection[str]) -> set[str]:
        """Which of those pages some record names."""

    def live_keys(self) -> AsyncIterator[tuple[str, Mapping[Level, KeyRef]]]:
        """Every live record's id and key references."""

    async def erase(self, record: str, *, at: int) -> None:
        """Turn the record into a tombstone (create one if there is none), its versions and tokens
        with it. Repeatable. ``at``: UNIX seconds."""
