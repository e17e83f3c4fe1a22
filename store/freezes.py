"""What is frozen because of an incident: one small document for each target and command that froze it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pymongo.errors import BulkWriteError

from schemas.incidents import FreezeKind
from store.database import Database, Document, taken


@dataclass(frozen=True, slots=True)
class Freeze:
    """One target under one incident.

    Attributes:
        command: the id of the command that froze it.
        incident: the incident's number.
        kind, target: what is frozen.
        by: who froze it.
        at: since when, UNIX seconds.
    """

    command: str
    incident: str
    kind: FreezeKind
    target: str
    by: str
    at: int

    @property
    def id(self) -> str:
        """One command freezes a target once: sent again, it does not undo a thaw that came between."""
        return f"{self.command} {self.kind} {self.target}"


async def ensure_indexes(database: Database) -> None:
    """Create the index by whether it is in force; repeatable."""
    await database["freezes"].create_index([("lifted_at", 1)], name="lifted_at")


class Freezes:
    """The collection ``freezes``."""

    def __init__(self, database: Database) -> None:
        self._freezes = database["freezes"]

    async def put(self, freezes: Sequence[Freeze]) -> None:
        """Freeze. Repeatable: what was frozen by the same command stays as it is, lifted or not."""
        if freezes:
            try:
                await self._freezes.insert_many([_document(each) for each in freezes], ordered=False)
            except BulkWriteError as error:
                taken(error)

    async def in_force(self, incident: str | None = None) -> list[Freeze]:
        """Those that are not lifted, of one incident or of all."""
        query: Document = {"lifted_at": None}
        if incident is not None:
            query["incident"] = incident
        return [_freeze(doc) async for doc in self._freezes.find(query)]

    async def lift(self, freezes: Collection[Freeze], *, at: int) -> None:
        """Lift freezes; repeatable."""
        ids = [each.id for each in freezes]
        await self._freezes.update_many({"_id": {"$in": ids}, "lifted_at": None}, {"$set": {"lifted_at": at}})


def _document(freeze: Freeze) -> Document:
    return {
        "_id": freeze.id,
        "command": freeze.command,
        "incident": freeze.incident,
        "kind": freeze.kind,
        "target": freeze.target,
        "by": freeze.by,
        "at": freeze.at,
        "lifted_at": None,
    }


def _freeze(doc: Document) -> Freeze:
    return Freeze(doc["command"], doc["incident"], doc["kind"], doc["target"], doc["by"], doc["at"])
