"""Which access requests were taken up before, so that a replay is told from a redelivery."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from pymongo.errors import BulkWriteError

from store.database import Database, taken


async def ensure_indexes(database: Database, *, keep_seconds: int) -> None:
    """Create the index that ends entries after ``keep_seconds``; repeatable."""
    await database["requests"].create_index("at", name="expiry", expireAfterSeconds=keep_seconds)


class Requests:
    """The ``requests`` collection: command id -> where in Kafka it was first seen.

    A command that comes again from the same place was redelivered after a crash and is answered again; from
    another place it is a replay. Entries end by themselves once the envelope's age limit refuses the bundle.
    """

    def __init__(self, database: Database) -> None:
        self._requests = database["requests"]

    async def replayed(self, seen: Mapping[str, str], *, now: float) -> set[str]:
        """Note the commands; return those first seen at another place.

        Args:
            seen: command id -> place, as ``topic/partition/offset``.
            now: UNIX seconds.
        """
        at = datetime.fromtimestamp(now, UTC)
        docs = [{"_id": command, "place": place, "at": at} for command, place in seen.items()]
        if not docs:
            return set()
        try:
            await self._requests.insert_many(docs, ordered=False)
        except BulkWriteError as error:
            known = self._requests.find({"_id": {"$in": [docs[at]["_id"] for at in taken(error)]}}, {"place": 1})
            return {doc["_id"] async for doc in known if doc["place"] != seen[doc["_id"]]}
        return set()
