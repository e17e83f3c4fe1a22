"""Key pages and ingest keys in memory, with the same conditions on every write as the collections in MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace

from keys.ingest import IngestKey, State
from keys.pages import Page
from keys.ports import Rewrap, WrappedKey


class SimulatedPages:
    """Implements :class:`keys.ports.PageStore`. ``pages`` is what is stored; ``reads`` counts calls of get."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.reads = 0

    async def insert(self, pages: Sequence[Page]) -> None:
        for page in pages:
            if page.id in self.pages:
                raise ValueError("the page exists")
            self.pages[page.id] = page

    async def insert_free(self, pages: Sequence[Page]) -> set[str]:
        standing = {page.id for page in pages} & self.pages.keys()
        await self.insert([page for page in pages if page.id not in standing])
        return standing

    async def get(self, ids: Collection[str]) -> dict[str, Page]:
        self.reads += 1
        return {name: self.pages[name] for name in ids if name in self.pages}

    async def replace(self, page: Page, *, if_version: int) -> bool:
        stored = self.pages.get(page.id)
        if stored is None or stored.version != if_version or stored.root_version > page.root_version:
            return False
        self.pages[page.id] = page
        return True

    async def replace_many(self, pages: Sequence[tuple[Page, int]]) -> int:
        return sum([await self.replace(page, if_version=version) for page, version in pages])

    async def rewrap(self, changes: Sequence[Rewrap]) -> int:
        done = 0
        for change in changes:
            stored = self.pages.get(change.page)
            if stored and stored.version == change.if_version and stored.root_version < change.root_version:
                self.pages[change.page] = replace(
                    stored,
                    wrapped_key=change.wrapped_key,
                    root_version=change.root_version,
                    version=stored.version + 1,
                )
                done += 1
        return done

    async def below(self, kind: str, root_version: int, *, after: str = "", limit: int) -> list[WrappedKey]:
        found = [
            WrappedKey(page.id, page.version, page.root_version, page.wrapped_key)
            for page in self._of(kind)
            if page.root_version < root_version and page.id > after
        ]
        return found[:limit]

    async def count_below(self, kind: str, root_version: int) -> int:
        return len(await self.below(kind, root_version, limit=len(self.pages)))

    async def delete(self, ids: Collection[str], *, root_version_below: int) -> int:
        doomed = [n for n in ids if n in self.pages and self.pages[n].root_version < root_version_below]
        for name in doomed:
            del self.pages[name]
        return len(doomed)

    async def scan(self, kind: str) -> AsyncIterator[Page]:
        for page in self._of(kind):
            yield page

    def _of(self, kind: str) -> list[Page]:
        return sorted((page for page in self.pages.values() if page.kind == kind), key=lambda page: page.id)


class SimulatedIngestKeys:
    """Implements :class:`keys.ingest.IngestKeyStore`. ``reads`` counts calls of living."""

    def __init__(self) -> None:
        self.keys: dict[str, IngestKey] = {}
        self.reads = 0

    async def insert(self, key: IngestKey) -> None:
        if key.kid in self.keys:
            raise ValueError("the key exists")
        self.keys[key.kid] = key

    async def get(self, kids: Collection[str]) -> dict[str, IngestKey]:
        return {kid: self.keys[kid] for kid in kids if kid in self.keys}

    async def living(self) -> list[IngestKey]:
        self.reads += 1
        alive = [key for key in self.keys.values() if key.state is not State.DESTROYED]
        return sorted(alive, key=lambda key: (-key.created_at, key.kid))

    async def live_kids(self) -> set[str]:
        return {kid for kid, key in self.keys.items() if key.state is not State.DESTROYED}

    async def retire(self, kids: Collection[str]) -> int:
        return self._move(kids, State.ACTIVE, State.RETIRING)

    async def mark_destroyed(self, kids: Collection[str]) -> int:
        return self._move(kids, State.RETIRING, State.DESTROYED)

    async def rewrap(self, changes: Sequence[Rewrap]) -> int:
        done = 0
        for change in changes:
            key = self.keys.get(change.page)
            if key is None or key.state is State.DESTROYED:
                continue
            if key.version == change.if_version and key.root_version < change.root_version:
                self.keys[change.page] = replace(
                    key,
                    wrapped_private=change.wrapped_key,
                    root_version=change.root_version,
                    version=key.version + 1,
                )
                done += 1
        return done

    async def below(self, root_version: int, *, after: str = "", limit: int) -> list[WrappedKey]:
        found = [
            WrappedKey(key.kid, key.version, key.root_version, key.wrapped_private)
            for key in sorted(self.keys.values(), key=lambda key: key.kid)
            if key.wrapped_private is not None and key.root_version < root_version and key.kid > after
        ]
        return found[:limit]

    async def count_below(self, root_version: int) -> int:
        return len(await self.below(root_version, limit=len(self.keys)))

    async def scan(self) -> AsyncIterator[IngestKey]:
        for kid in sorted(self.keys):
            yield self.keys[kid]

    def _move(self, kids: Collection[str], old: State, new: State) -> int:
        moving = [kid for kid in kids if kid in self.keys and self.keys[kid].state is old]
        for kid in moving:
            key = self.keys[kid]
            wrapped = None if new is State.DESTROYED else key.wrapped_private
            self.keys[kid] = replace(key, state=new, wrapped_private=wrapped, version=key.version + 1)
        return len(moving)
