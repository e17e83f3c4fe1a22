"""The confirm step: a new page is used only when no sweep can have missed it.

A sweep rotates its root and then rewraps every page it finds below the new version. A page that is inserted
after that scan, under the old version, would be destroyed by the trim. So a writer reads the root's latest
version *after* its insert (the version only grows):

- not above the page's version: any later rotation comes after the insert, so its scan will find the page;
- above it: a sweep may have scanned already. Wrap again, write the page where nobody else did, read again.

Before this is done no record may name the page. Leaving it out lost data in 47 of 253 interleavings.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from keys.page_keys import PageKeyPool
from keys.pages import Page
from keys.ports import PageStore, Rewrap
from keys.roots import root_of
from keys.vault import Transit
from schemas.errors import Transient
from schemas.levels import Level

#: Rotations are hours apart; a writer that meets so many in a row waits for the next retry of its batch.
_ROUNDS: Final = 8


@dataclass(slots=True)
class Draft:
    """A page that is inserted and not confirmed, and its page key."""

    page: Page
    page_key: bytearray = field(repr=False)


async def confirm(vault: Transit, store: PageStore, drafts: Sequence[Draft], pool: PageKeyPool | None = None) -> None:
    """Confirm pages that have just been inserted.

    Args:
        vault: knows the roots' latest versions.
        store: holds the pages.
        drafts: the pages as they were inserted; changed to what is stored.
        pool: told to forget page keys under older versions.

    Raises:
        Transient: DG-KEY-001 when Vault does not answer or the roots do not stand still.
    """
    pending = list(drafts)
    for _ in range(_ROUNDS):
        levels = list({draft.page.level for draft in pending})
        versions = await asyncio.gather(*(vault.latest_version(root_of(level)) for level in levels))
        latest = dict(zip(levels, versions, strict=True))
        pending = [draft for draft in pending if draft.page.root_version < latest[draft.page.level]]
        if not pending:
            return
        if pool is not None:
            for level, version in latest.items():
                pool.forget_below(level, version)
        await _move_up(vault, store, pending)
    raise Transient("DG-KEY-001", detail="a root is rotated over and over")


async def _move_up(vault: Transit, store: PageStore, drafts: Sequence[Draft]) -> None:
    """Wrap the page keys anew and store them, or take over what a sweeper stored meanwhile."""
    moved = await _wrapped_again(vault, drafts)
    await store.rewrap(
        [
            Rewrap(old.page.id, old.page.version, new.wrapped_key, new.root_version)
            for old, new in zip(drafts, moved, strict=True)
        ]
    )
    stored = await store.get([draft.page.id for draft in drafts])
    gone = [new for new in moved if new.id not in stored]
    if gone:  # a sweeper found them unconfirmed and removed them
        await store.insert(gone)
    for draft, new in zip(drafts, moved, strict=True):
        draft.page = stored.get(draft.page.id, new)


async def _wrapped_again(vault: Transit, drafts: Sequence[Draft]) -> list[Page]:
    by_level: dict[Level, list[Draft]] = defaultdict(list)
    for draft in drafts:
        by_level[draft.page.level].append(draft)
    answers = await asyncio.gather(
        *(
            vault.encrypt(root_of(level), [bytes(draft.page_key) for draft in group])
            for level, group in by_level.items()
        )
    )
    moved: dict[str, Page] = {}
    for group, answer in zip(by_level.values(), answers, strict=True):
        for draft, wrapped in zip(group, answer, strict=True):
            moved[draft.page.id] = replace(draft.page, wrapped_key=wrapped.ciphertext, root_version=wrapped.version)
    return [moved[draft.page.id] for draft in drafts]
