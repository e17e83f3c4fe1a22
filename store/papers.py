"""The register of papers (纸质档案): what came in, which record it corresponds to, whether it is digitised (ARR-12)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass

from store.database import Database, Document, in_parts


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper that was received.

    Attributes:
        reference: what the paper is filed under.
        received_at: UNIX seconds.
        record: the electronic record that it corresponds to, if it is known.
        scan: reference of its digital copy, None while it is not digitised (数字化).
    """

    reference: str
    received_at: int
    record: str | None = None
    scan: str | None = None


async def ensure_indexes(database: Database) -> None:
    """Create the indexes of ``papers``; repeatable."""
    await database["papers"].create_index([("record", 1)], name="record", sparse=True)


class Papers:
    """The ``papers`` collection."""

    def __init__(self, database: Database) -> None:
        self._papers = database["papers"]

    async def put(self, paper: Paper) -> None:
        """Register a paper; again: add the record or the scan. When it was received stays what it was."""
        known: Document = {"record": paper.record, "scan": paper.scan}
        changes: Document = {"$setOnInsert": {"received_at": paper.received_at}}
        if given := {name: value for name, value in known.items() if value is not None}:
            changes["$set"] = given
        await self._papers.update_one({"_id": paper.reference}, changes, upsert=True)

    async def get(self, references: Collection[str]) -> dict[str, Paper]:
        """The registered ones among those papers."""
        found: dict[str, Paper] = {}
        for part in in_parts(references):
            async for doc in self._papers.find({"_id": {"$in": part}}):
                found[doc["_id"]] = _paper(doc)
        return found

    async def of(self, records: Collection[str]) -> list[Paper]:
        """The papers that correspond to any of those records."""
        found: list[Paper] = []
        for part in in_parts(records):
            found += [_paper(doc) async for doc in self._papers.find({"record": {"$in": part}})]
        return found

    async def all(self) -> AsyncGenerator[Paper]:
        """Every paper, by ascending reference."""
        async with self._papers.find({}).sort("_id", 1) as papers:
            async for doc in papers:
                yield _paper(doc)


def _paper(doc: Document) -> Paper:
    return Paper(doc["_id"], doc["received_at"], doc.get("record"), doc.get("scan"))
