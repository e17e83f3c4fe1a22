"""A database that can only be read through, as backups read it: collections of documents, in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import bson

from store.database import Database

_AT_ONCE = 3


class _Collection:
    def __init__(self, documents: list[dict[str, Any]]) -> None:
        self._documents = documents

    async def estimated_document_count(self) -> int:
        return len(self._documents)

    async def find_raw_batches(self, _query: object, *, batch_size: int) -> AsyncIterator[bytes]:
        assert batch_size
        for start in range(0, len(self._documents), _AT_ONCE):
            yield b"".join(map(bson.encode, self._documents[start : start + _AT_ONCE]))

    async def index_information(self) -> dict[str, Any]:
        return {"_id_": {"v": 2, "key": [("_id", 1)]}}


class RawDatabase:
    """Collections by name; each a list of documents, in the server's order."""

    name = "dangan"

    def __init__(self, collections: dict[str, list[dict[str, Any]]]) -> None:
        self.collections = collections

    async def list_collection_names(self) -> list[str]:
        return list(self.collections)

    def __getitem__(self, name: str) -> Any:
        return _Collection(self.collections[name])

    @property
    def database(self) -> Database:
        """As code that takes a database wants it."""
        return cast("Database", self)
