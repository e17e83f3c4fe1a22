"""What a read needs, in one fetch: records together with the key pages that they name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from keys.pages import Page
from schemas.levels import Level
from store import pages, records
from store.database import Database, Document
from store.records import Record

#: A page serves up to 256 records, and a joined fetch sends it once for each: only few are worth it.
_JOINED_UP_TO: Final = 8


class Reads:
    """Fetches live records with their pages. Nothing is kept: a removed slot or record takes effect at once."""

    def __init__(self, database: Database) -> None:
        self._collection = database["records"]
        self._records = records.Records(database)
        self._pages = pages.Pages(database)

    async def fetch(self, ids: Collection[str], levels: Collection[Level]) -> tuple[dict[str, Record], dict[str, Page]]:
        """The live records among ``ids`` without their history, and the pages that hold their keys of ``levels``.

        Returns:
            record id -> record, and page id -> page.
        """
        if len(ids) <= _JOINED_UP_TO:
            return await self._joined(ids, levels)
        found = await self._records.get(ids)
        wanted = {ref.page for record in found.values() for level, ref in record.keys.items() if level in levels}
        return found, await self._pages.get(wanted)

    async def _joined(
        self, ids: Collection[str], levels: Collection[Level]
    ) -> tuple[dict[str, Record], dict[str, Page]]:
        stages: list[Document] = [
            {"$match": {"_id": {"$in": list(ids)}, "state": "live"}},
            {"$project": {"history": 0}},
        ]
        # keys.LEVEL is [page, slot]; an array matches a foreign value that equals one of its members.
        stages += [
            {"$lookup": {"from": "pages", "localField": f"keys.{level}", "foreignField": "_id", "as": f"page_{level}"}}
            for level in (each.value for each in levels)
        ]
        found: dict[str, Record] = {}
        named: dict[str, Page] = {}
        async for doc in await self._collection.aggregate(stages):
            found[doc["_id"]] = records.from_document(doc)
            for level in levels:
                for page in doc[f"page_{level.value}"]:
                    named[page["_id"]] = pages.from_document(page)
        return found, named
