"""What custody asks of the store: which records there are or were, which open an account; comparisons kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence

from store.database import Database, Document, in_parts


async def states(database: Database, records: Collection[str]) -> dict[str, str]:
    """Of those records that there are or were: ``live`` or ``destroyed``."""
    found: dict[str, str] = {}
    for part in in_parts(records):
        async for doc in database["records"].find({"_id": {"$in": part}}, {"state": 1}):
            found[doc["_id"]] = "live" if doc["state"] == "live" else "destroyed"
    return found


async def opening_records(database: Database, items: Sequence[str]) -> AsyncGenerator[str]:
    """Live records that open an account: their intake says so, or their item is one of these. By ascending id."""
    opening = {"$or": [{"intake.opens_business": True}, {"intake.item": {"$in": list(items)}}]}
    async with database["records"].find({"state": "live", **opening}, {"_id": 1}).sort("_id", 1) as found:
        async for doc in found:
            yield doc["_id"]


class Auxiliary:
    """The ``auxiliary`` collection: dated comparisons with auxiliary systems (clause STO-14)."""

    def __init__(self, database: Database) -> None:
        self._results = database["auxiliary"]

    async def put(self, result: Document) -> None:
        """Keep a result under its ``_id``."""
        await self._results.replace_one({"_id": result["_id"]}, result, upsert=True)

    async def all(self) -> list[Document]:
        """The results, newest first, without the references that they name."""
        return [doc async for doc in self._results.find({}, {"absent": 0, "of_destroyed": 0}).sort("at", -1)]
