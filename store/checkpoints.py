"""The newest signed checkpoint of every audit writer, kept apart from the topic: a missing end is noticed."""

from __future__ import annotations

from collections.abc import AsyncIterator

from schemas.audit import KeptCheckpoint
from store.database import Database


class Checkpoints:
    """The ``audit_checkpoints`` collection: one document a writer, that is, a start of a process."""

    def __init__(self, database: Database) -> None:
        self._checkpoints = database["audit_checkpoints"]

    async def save(self, checkpoint: KeptCheckpoint) -> None:
        """Keep the checkpoint in place of the writer's earlier one. A writer saves one at a time, in order."""
        document = {"size": checkpoint.size, "text": checkpoint.text, "cert": checkpoint.cert}
        await self._checkpoints.replace_one({"_id": checkpoint.writer}, document, upsert=True)

    async def all(self) -> AsyncIterator[KeptCheckpoint]:
        """Every writer's newest checkpoint."""
        async for doc in self._checkpoints.find({}):
            yield KeptCheckpoint(doc["_id"], doc["size"], doc["text"], doc["cert"])
