"""The records of a page, a few at a time: the next ones are fetched while those before are opened.

The embedded store tests each document against every id of a list, and pays as much again for leaving out a member: few
ids to a fetch, several fetches under way, and past versions are left out only of records that may have some. Key pages
serve many records: each is fetched once for one page of answers, and never kept beyond it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from typing import Final, NamedTuple

from keys.pages import Page
from schemas.levels import Level
from store.database import Database, Document
from store.pages import Pages
from store.record import Record, from_document

#: Ids of one fetch, how many fetches make a portion, and how many portions are under way beside the one in hand.
_IDS: Final = 48
_FETCHES: Final = 2
_AHEAD: Final = 1


class Listed(NamedTuple):
    """A record that was listed; ``past`` says whether it may have past versions, which a reading leaves out."""

    id: str
    past: bool = True


class Portions:
    """Fetches live records with their key pages, in portions.

    Args:
        database: where they are.
    """

    def __init__(self, database: Database) -> None:
        self._records = database["records"]
        self._pages = Pages(database)

    async def of(
        self, listed: Sequence[Listed], levels: Collection[Level]
    ) -> AsyncGenerator[tuple[list[Record], dict[str, Page]], None]:
        """The records that are live, in order, with the key pages of ``levels`` that they name. Close it.

        A page is read after a record that names it, or before: then all its records' slots were on it already, since a
        page gets none later. There is one portion at least, so that whoever opens it does as much for none as for some.
        """
        size = _IDS * _FETCHES
        parts = [listed[start : start + size] for start in range(0, len(listed), size)] or [listed]
        under_way: list[asyncio.Task[list[Record]]] = []
        known: dict[str, Page] = {}
        try:
            for at in range(len(parts)):
                while len(under_way) <= _AHEAD and at + len(under_way) < len(parts):
                    under_way.append(asyncio.create_task(self._portion(parts[at + len(under_way)])))
                found = await under_way.pop(0)
                wanted = {ref.page for record in found for level, ref in record.keys.items() if level in levels}
                if missing := wanted - known.keys():
                    known |= await self._pages.get(missing)
                yield found, known
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _portion(self, listed: Sequence[Listed]) -> list[Record]:
        parts = [listed[start : start + _IDS] for start in range(0, len(listed), _IDS)]
        docs = {doc["_id"]: doc for part in parts for doc in await self._fetch(part)}
        return [from_document(doc) for each in listed if (doc := docs.get(each.id)) and doc["state"] == "live"]

    async def _fetch(self, listed: Sequence[Listed]) -> list[Document]:
        shape = {"history": 0} if any(each.past for each in listed) else None
        return await self._records.find({"_id": {"$in": [each.id for each in listed]}}, shape).to_list()
