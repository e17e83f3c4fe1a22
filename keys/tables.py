"""Opens key pages: a page key from the cache or from Vault, then the page's table of DEKs.

A page under a root version that Vault refuses was moved by a sweep between our read of the page and Vault's
trim: it is read again, briefly, before it counts as lost.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

from keys.page_keys import PageKeyCache
from keys.pages import DekTable, Page, open_deks
from keys.ports import PageStore
from keys.roots import root_of
from keys.vault import KeyRefused, Transit
from schemas.errors import DanganError, Refusal
from schemas.levels import Level

#: A page's DEKs by slot, or why it does not open.
Table = DekTable | DanganError
Sleep = Callable[[float], Awaitable[None]]

#: How long a reader waits for a page that a sweep is moving, in seconds before each new read.
_READ_AGAIN: Final = (0.0, 0.02, 0.05, 0.1, 0.2)


class PageTables:
    """Opens pages of the levels that this worker serves.

    Args:
        vault: unwraps page keys.
        pages: the stored pages, for a second look.
        cache: keeps page keys for a while.
        levels: pages of other levels are not even tried.
        sleep: waits before a page is read again.
    """

    def __init__(
        self,
        vault: Transit,
        pages: PageStore,
        cache: PageKeyCache,
        levels: Collection[Level],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._vault = vault
        self._pages = pages
        self._cache = cache
        self._levels = levels
        self._sleep = sleep

    async def open(self, pages: Mapping[str, Page]) -> dict[str, Table]:
        """Open pages that have just been read.

        Returns:
            page id -> table, or DG-KEY-003 (it does not open), 006 (its level is not served), DG-SEL-001 (sealed). A
            page that is gone on the second look is left out.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        tables: dict[str, Table] = {}
        closed: dict[str, Page] = {}
        for name, page in pages.items():
            if page.sealed:
                tables[name] = Refusal("DG-SEL-001")
            elif page.level not in self._levels:
                tables[name] = DanganError("DG-KEY-006", detail=page.level.value)
            elif (table := self._cached(page)) is not None:
                tables[name] = table
            else:
                closed[name] = page
        closed = await self._unwrap(closed, tables)
        for wait in _READ_AGAIN:
            if not closed:
                break
            await self._sleep(wait)
            closed = await self._unwrap(await self._pages.get(closed), tables)
        for name in closed:
            tables[name] = DanganError("DG-KEY-003")
        return tables

    def _cached(self, page: Page) -> DekTable | None:
        key = self._cache.get(page.id, page.generation)
        if key is None:
            return None
        try:
            return open_deks(page, key)
        except DanganError:  # a restore may have given the generation another key: ask Vault
            self._cache.drop(page.id)
            return None

    async def _unwrap(self, closed: Mapping[str, Page], tables: dict[str, Table]) -> dict[str, Page]:
        """Open pages through Vault into ``tables``; return those whose key Vault refused."""
        by_level: dict[Level, list[Page]] = defaultdict(list)
        for page in closed.values():
            by_level[page.level].append(page)
        answers = await asyncio.gather(
            *(
                self._vault.try_decrypt(root_of(level), [page.wrapped_key for page in group])
                for level, group in by_level.items()
            )
        )
        refused: dict[str, Page] = {}
        for group, answer in zip(by_level.values(), answers, strict=True):
            for page, key in zip(group, answer, strict=True):
                if isinstance(key, KeyRefused):
                    refused[page.id] = page
                else:
                    tables[page.id] = self._opened(page, key)
        return refused

    def _opened(self, page: Page, key: bytes) -> Table:
        try:
            table = open_deks(page, key)
        except DanganError as error:
            return error
        self._cache.put(page.id, page.generation, key)
        return table
