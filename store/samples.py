"""The records that samples drew, by reference, in their order (clause AUD-07)."""

from __future__ import annotations

from collections.abc import Sequence

from store.database import Database


class Draws:
    """The ``sample_draws`` collection: one document a sample."""

    def __init__(self, database: Database) -> None:
        self._draws = database["sample_draws"]

    async def put(self, sample: str, records: Sequence[str]) -> None:
        """Keep what was drawn; repeatable."""
        await self._draws.replace_one({"_id": sample}, {"_id": sample, "records": list(records)}, upsert=True)

    async def get(self, sample: str) -> tuple[str, ...]:
        """What was drawn; nothing for a sample that was not."""
        doc = await self._draws.find_one({"_id": sample})
        return tuple(doc["records"]) if doc else ()
