"""Records and attachments on simulated collections, with a scheduling point before each call to the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from pymongo.errors import DuplicateKeyError

from tests.simulators.collection import Document, SimulatedCollection

Gate = Callable[..., Awaitable[None]]


class Cursor:
    """What a query found; sorted where somebody asks for it."""

    def __init__(self, gate: Gate, found: Callable[[], list[Document]]) -> None:
        self._gate, self._found = gate, found
        self._by = ""

    def sort(self, by: str, direction: int) -> Cursor:
        assert direction == 1
        self._by = by
        return self

    async def __aiter__(self) -> AsyncIterator[Document]:
        await self._gate("find")
        found = self._found()
        for doc in sorted(found, key=lambda each: each[self._by]) if self._by else found:
            yield doc


class GatedCollection(SimulatedCollection):
    """A collection whose every operation waits at the gate first, and is one step after it.

    Attributes:
        ever: every document that :meth:`insert_one` stored.
    """

    def __init__(self, gate: Gate, *unique: str) -> None:
        super().__init__(*unique)
        self._gate = gate
        self.ever: list[Document] = []

    async def insert_many(self, documents: Any, *, ordered: bool) -> None:
        await self._gate("insert_many")
        await super().insert_many(documents, ordered=ordered)

    async def insert_one(self, document: Document) -> None:
        await self._gate("insert_one")
        if document["_id"] in self.documents:
            raise DuplicateKeyError("E11000", 11000, {"keyPattern": {"_id": 1}})
        self.documents[document["_id"]] = dict(document)
        self.ever.append(dict(document))

    async def update_one(self, query: Document, update: Document) -> SimpleNamespace:
        await self._gate("update_one")
        matched = len(list(self._matching(query)))
        result = await super().update_one(query, update)
        return SimpleNamespace(matched_count=min(1, matched), modified_count=result.modified_count)

    async def update_many(self, query: Document, update: Document) -> None:
        await self._gate("update_many")
        await super().update_many(query, update)

    async def replace_one(self, query: Document, document: Document) -> SimpleNamespace:
        await self._gate("replace_one")
        found = next(self._matching(query), None)
        if found is not None:
            self.documents[found["_id"]] = dict(document)
        return SimpleNamespace(modified_count=int(found is not None))

    async def bulk_write(self, changes: Any, *, ordered: bool) -> None:
        await self._gate("bulk_write")
        await super().bulk_write(changes, ordered=ordered)

    async def delete_one(self, query: Document) -> None:
        await self.delete_many(query)

    async def delete_many(self, query: Document) -> SimpleNamespace:
        await self._gate("delete_many")
        found = [doc["_id"] for doc in self._matching(query)]
        for name in found:
            del self.documents[name]
        return SimpleNamespace(deleted_count=len(found))

    async def find_one(self, query: Document, wanted: Document | None = None) -> Document | None:
        await self._gate("find_one")
        return await super().find_one(query, wanted)

    async def count_documents(self, query: Document) -> int:
        await self._gate("count_documents")
        return len(list(self._matching(query)))

    def find(self, query: Document, _wanted: Document | None = None, **_: Any) -> Any:
        return Cursor(self._gate, lambda: list(self._matching(query)))
