"""What a read needs, in one fetch: records together with the key pages that they name."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from keys.pages import Page
from schemas.levels import Level
from store import pages, records
from store.ahead import PAGES, Ahead
from store.database import Database, Document
from store.portions import Listed, Portions
from store.record import Record, from_document

#: A page serves up to 256 records, and a joined fetch sends it once for each: only few are worth it.
_JOINED_UP_TO: Final = 8


#: Where an attribute that stands in clear is stored; consumers/about.py says what each means.
ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "subject": "subject",
        "building": "intake.household.building",
        "segment": "intake.customer.segment",
        "business": "intake.customer.business_type",
        "customer": "intake.customer.type",
        "special": "intake.customer.special",
        "importance": "intake.customer.importance",
        "risk": "intake.assessment.risk_grade",
        "grade": "intake.grade",
        "item": "intake.item",
        "source": "sender",
        "custodian": "intake.custodian",
    }
)


class Reads:
    """Fetches live records with their pages. Nothing is kept: a removed slot or record takes effect at once."""

    def __init__(self, database: Database) -> None:
        self._collection = database["records"]
        self._records = records.Records(database)
        self._pages = pages.Pages(database)
        self._ahead = Ahead(database)
        self._portions = Portions(database)

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

    async def listed(
        self, ids: Collection[str] | None, having: Mapping[str, Collection[str]], *, after: str, limit: int
    ) -> list[Listed]:
        """Which records a page and those behind it are about, in order of their ids, from the one after ``after``.

        Args:
            ids: which records, live or not; None for all that are live.
            having: attributes (:data:`ATTRIBUTES`), each with the values of which they must have one.
            after: the id before the first one; empty for the beginning.
            limit: how many a page has at most.

        Returns:
            The records, for :meth:`portions`; fewer than for four pages only at the end.
        """
        if not having.keys() <= ATTRIBUTES.keys():  # no record has it
            return []
        if ids is not None:
            return [Listed(each) for each in sorted(each for each in ids if each > after)[: limit * (1 + PAGES)]]
        condition: Document = {ATTRIBUTES[name]: {"$in": list(values)} for name, values in having.items()}
        condition["state"] = "live"
        return await self._ahead.listed(condition, after, limit)

    def portions(
        self, listed: Sequence[Listed], levels: Collection[Level]
    ) -> AsyncGenerator[tuple[list[Record], dict[str, Page]], None]:
        """The live ones among the records, some at a time, with their key pages of ``levels``; close it."""
        return self._portions.of(listed, levels)

    async def with_token(self, field: str, tokens: Collection[bytes], *, limit: int) -> list[Record]:
        """Live records with one of those blind index tokens in a field, at most ``limit``."""
        query = {"tokens.t": {"$in": list(tokens)}, "state": "live"}
        found = [from_document(doc) async for doc in self._collection.find(query, {"history": 0}).limit(limit)]
        return [record for record in found if record.tokens.get(field) in tokens]

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
            found[doc["_id"]] = from_document(doc)
            for level in levels:
                for page in doc[f"page_{level.value}"]:
                    named[page["_id"]] = pages.from_document(page)
        return found, named
