"""The newest signed checkpoint of every audit writer, kept apart from the topic: a missing end is noticed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

from schemas.audit import KeptCheckpoint
from store.database import Database


class Checkpoints:
    """The ``audit_checkpoints`` collection: one document a writer, that is, a start of a process.

    Args:
        database: the store.
        clock: UNIX seconds; a checkpoint notes when it was kept.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._checkpoints = database["audit_checkpoints"]
        self._clock = clock

    async def save(self, checkpoint: KeptCheckpoint) -> None:
        """Keep the checkpoint in place of the writer's earlier one. A writer saves one at a time, in order."""
        document = {"size": checkpoint.size, "text": checkpoint.text, "cert": checkpoint.cert, "at": self._clock()}
        await self._checkpoints.replace_one({"_id": checkpoint.writer}, document, upsert=True)

    async def all(self) -> AsyncIterator[KeptCheckpoint]:
        """Every writer's newest checkpoint."""
        async for doc in self._checkpoints.find({}):
            yield KeptCheckpoint(doc["_id"], doc["size"], doc["text"], doc["cert"])

    async def newest_at(self) -> float | None:
        """When the newest checkpoint was kept, UNIX seconds; None when there is none that says so."""
        newest = await self._checkpoints.find({"at": {"$exists": True}}, {"at": 1}).sort("at", -1).limit(1).to_list()
        return newest[0]["at"] if newest else None
