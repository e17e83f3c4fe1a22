"""Key pages in MongoDB: one document a page. Every write is conditional on what the writer saw.

A page is found by ``_id``, and by (level, root version, id) for a sweep; "sealed" stands for the level of a sealed
page, whose own is under ``of``. Nothing in a document says which
record a slot belongs to: only the record does, so that pages without records name nobody.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final

from bson import Binary
from pymongo import DeleteMany, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError

from keys.pages import Page
from keys.ports import Rewrap, WrappedKey
from schemas.levels import LEVELS
from store.database import Database, Document, in_parts, taken

_SCAN: Final = 200
_KEY_ONLY: Final = {"version": 1, "root_version": 1, "wrapped_key": 1}


async def ensure_indexes(database: Database) -> None:
    """Create the indexes of ``pages``; repeatable."""
    pages = database["pages"]
    await pages.create_index([("level", 1), ("root_version", 1), ("_id", 1)], name="sweep")
    await pages.create_index([("level", 1), ("_id", 1)], name="scan")


class Pages:
    """The ``pages`` collection. Implements :class:`keys.ports.PageStore`."""

    def __init__(self, database: Database) -> None:
        self._pages = database["pages"]

    async def insert(self, pages: Sequence[Page]) -> None:
        """Insert new pages; an existing id is an error."""
        if pages:
            await self._pages.insert_many([to_document(page) for page in pages], ordered=False)

    async def insert_free(self, pages: Sequence[Page]) -> set[str]:
        """Insert those pages whose id is free; return the ids that are taken."""
        try:
            await self.insert(pages)
        except BulkWriteError as error:
            return {pages[at].id for at in taken(error)}
        return set()

    async def get(self, ids: Collection[str]) -> dict[str, Page]:
        """The pages that exist among ``ids``."""
        found: dict[str, Page] = {}
        for part in in_parts(ids):
            async for doc in self._pages.find({"_id": {"$in": part}}):
                found[doc["_id"]] = from_document(doc)
        return found

    async def replace(self, page: Page, *, if_version: int) -> bool:
        """Replace the page where its version is ``if_version`` and its root version not above the new one."""
        result = await self._pages.replace_one(_unchanged(page, if_version), to_document(page))
        return result.matched_count == 1

    async def replace_many(self, pages: Sequence[tuple[Page, int]]) -> int:
        """:meth:`replace` for each (page, if_version), in any order; return how many were replaced."""
        if not pages:
            return 0
        changes = [ReplaceOne(_unchanged(page, version), to_document(page)) for page, version in pages]
        return (await self._pages.bulk_write(changes, ordered=False)).matched_count

    async def rewrap(self, changes: Sequence[Rewrap]) -> int:
        """Apply the changes whose conditions hold; each adds 1 to its page's version. Return how many did."""
        if not changes:
            return 0
        updates = [
            UpdateOne(
                {
                    "_id": change.page,
                    "version": change.if_version,
                    "root_version": {"$lt": change.root_version},
                },
                {
                    "$set": {"wrapped_key": change.wrapped_key, "root_version": change.root_version},
                    "$inc": {"version": 1},
                },
            )
            for change in changes
        ]
        return (await self._pages.bulk_write(updates, ordered=False)).matched_count

    async def below(self, kind: str, root_version: int, *, after: str = "", limit: int) -> list[WrappedKey]:
        """At most ``limit`` page keys below the root version, by ascending id after ``after``."""
        query = {"level": str(kind), "root_version": {"$lt": root_version}, "_id": {"$gt": after}}
        found = self._pages.find(query, _KEY_ONLY).sort("_id", 1).limit(limit)
        return [WrappedKey(doc["_id"], doc["version"], doc["root_version"], doc["wrapped_key"]) async for doc in found]

    async def count_below(self, kind: str, root_version: int) -> int:
        """How many pages of the kind have a root version below the one given."""
        query = {"level": str(kind), "root_version": {"$lt": root_version}}
        return await self._pages.count_documents(query)

    async def delete(self, ids: Collection[str], *, root_version_below: int) -> int:
        """Delete those pages while they are still below that root version; return how many went."""
        if not ids:
            return 0
        query = {"_id": {"$in": list(ids)}, "root_version": {"$lt": root_version_below}}
        return (await self._pages.bulk_write([DeleteMany(query)])).deleted_count

    async def scan(self, kind: str) -> AsyncIterator[Page]:
        """Every page of the kind that exists from the call to the end, by ascending id.

        By id and in batches of its own, because an index on something that a sweep changes could show
        a page twice or not at all.
        """
        after = ""
        while True:
            query = {"level": str(kind), "_id": {"$gt": after}}
            batch = [from_document(doc) async for doc in self._pages.find(query).sort("_id", 1).limit(_SCAN)]
            for page in batch:
                yield page
            if len(batch) < _SCAN:
                return
            after = batch[-1].id


def to_document(page: Page) -> Document:
    """The page as MongoDB stores it."""
    doc: Document = {
        "_id": page.id,
        "level": page.kind,
        "cohort": page.cohort,
        "root_version": page.root_version,
        "version": page.version,
        "generation": page.generation,
        "wrapped_key": page.wrapped_key,
        "slots": Binary(page.slots),
        "table": Binary(page.table),
    }
    if page.sealed:
        doc["of"] = page.level.value
    return doc


def from_document(doc: Document) -> Page:
    """The page of a document."""
    return Page(
        id=doc["_id"],
        level=LEVELS[doc["of"] if "of" in doc else doc["level"]],
        cohort=doc["cohort"],
        root_version=doc["root_version"],
        version=doc["version"],
        generation=doc["generation"],
        wrapped_key=doc["wrapped_key"],
        slots=bytes(doc["slots"]),
        table=bytes(doc["table"]),
        sealed="of" in doc,
    )


def _unchanged(page: Page, if_version: int) -> Document:
    return {"_id": page.id, "version": if_version, "root_version": {"$lte": page.root_version}}
