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
from keys.vault import Transit
from schemas.errors import Transient

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
        roots = {draft.page.root: draft.page.level for draft in pending}
        versions = await asyncio.gather(*(vault.latest_version(root) for root in roots))
        latest = dict(zip(roots, versions, strict=True))
        pending = [draft for draft in pending if draft.page.root_version < latest[draft.page.root]]
        if not pending:
            return
        if pool is not None:  # of new records' pages, none of which is sealed
            for root, version in latest.items():
                pool.forget_below(roots[root], version)
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
    # A sweeper found them unconfirmed and removed them.
    if gone and await store.insert_free(gone):
        raise Transient("DG-KEY-001")  # somebody else wrote one meanwhile
    for draft, new in zip(drafts, moved, strict=True):
        now = stored.get(draft.page.id, new)
        if (now.generation, now.table) != (draft.page.generation, draft.page.table):
            # Sealed pages have derived ids: another sealing filled this one with a key of its own. Wrapping this
            # draft's key for it in the next round would leave a table that no key opens.
            raise Transient("DG-KEY-001")
        draft.page = now


async def _wrapped_again(vault: Transit, drafts: Sequence[Draft]) -> list[Page]:
    by_root: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        by_root[draft.page.root].append(draft)
    answers = await asyncio.gather(
        *(vault.encrypt(root, [bytes(draft.page_key) for draft in group]) for root, group in by_root.items())
    )
    moved: dict[str, Page] = {}
    for group, answer in zip(by_root.values(), answers, strict=True):
        for draft, wrapped in zip(group, answer, strict=True):
            moved[draft.page.id] = replace(draft.page, wrapped_key=wrapped.ciphertext, root_version=wrapped.version)
    return [moved[draft.page.id] for draft in drafts]
