"""The restore join: old data, current keys. Never "put the old pages back".

Records come from the data backup; their ciphertexts did not change in any sweep. Key pages come from whatever is
newest: the live store or the key-page snapshots, page by page, never from the data backup, whose pages are under
root versions that Vault no longer has. What the ledger says is destroyed stays destroyed, whatever the backup holds.
"""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import groupby

from keys.pages import Page
from keys.ports import KeyRef
from keys.sealed_pages import present
from schemas.levels import Level


class Fate(StrEnum):
    """What becomes of a record of the backup."""

    RESTORED = "restored"
    DESTROYED = "destroyed"  # by the ledger; its keys are gone as well
    UNREADABLE = "unreadable"  # no current page has its key, and nobody destroyed it: must not happen


def fate(
    record: str, keys: Mapping[Level, KeyRef] | None, *, ledger: Collection[str], slots: Mapping[str, int]
) -> Fate:
    """What becomes of a record.

    Args:
        record: its id.
        keys: its key references; None for a tombstone.
        ledger: ids of all records with an entry, from the newest ledger there is.
        slots: page id -> slots (bit n for slot n), of the pages that Vault opens.
    """
    if keys is None or record in ledger:
        return Fate.DESTROYED
    there = all(present(ref, slots) is not None for ref in keys.values())
    return Fate.RESTORED if there else Fate.UNREADABLE


def newest(*sources: Iterable[Page]) -> Iterator[Page]:
    """For each page the newest copy by (generation, version), then root version. One pass, nothing held.

    Args:
        sources: each by ascending page id, as stores scan and snapshots are written.
    """
    for _, copies in groupby(heapq.merge(*sources, key=_id), key=_id):
        yield max(copies, key=_age)


async def newest_with(live: AsyncIterator[Page], *sources: Iterable[Page]) -> AsyncIterator[Page]:
    """As :func:`newest`, with one source that is read from a server."""
    copies = newest(*sources)
    copy = next(copies, None)
    async for page in live:
        while copy is not None and copy.id < page.id:
            yield copy
            copy = next(copies, None)
        if copy is not None and copy.id == page.id:
            yield max(page, copy, key=_age)
            copy = next(copies, None)
        else:
            yield page
    while copy is not None:
        yield copy
        copy = next(copies, None)


def stale_ledger(newest_ids: Collection[str], backup_ids: Iterable[str]) -> str | None:
    """A record that the backup's ledger knows as destroyed and the supposedly newest one does not; None is good."""
    return next((record for record in backup_ids if record not in newest_ids), None)


def _id(page: Page) -> str:
    return page.id


def _age(page: Page) -> tuple[int, int, int]:
    return page.generation, page.version, page.root_version
