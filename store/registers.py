"""Registers (登记簿) in the store: one collection each, one document an entry, changed by compare-and-swap."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from typing import Any, Final

from pymongo.errors import DuplicateKeyError

from schemas.registers import Entry, Step
from store.database import Database, Document, in_parts
from store.ties import Ties

_PREFIX: Final = "register."
#: The registers whose entries are about records.
_TIED: Final = ("media", "absences", "needs", "incidents")


async def ensure_indexes(database: Database) -> None:
    """Create the index by the record that an entry is about; repeatable."""
    for name in _TIED:
        await database[f"{_PREFIX}{name}.records"].create_index([("to", 1)], name="to")


def absence_id(record: str) -> str:
    """Under which reference it stands that a record has no paper counterpart."""
    return f"none-{record}"[:64]


class Register:
    """One register.

    Args:
        database: where it is.
        name: what is registered; the collection is ``register.NAME``.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._entries = database[f"{_PREFIX}{name}"]

    async def get(self, references: Collection[str]) -> dict[str, Entry]:
        """Those of the entries that there are."""
        found: dict[str, Entry] = {}
        for part in in_parts(references):
            async for doc in self._entries.find({"_id": {"$in": part}}):
                found[doc["_id"]] = _entry(doc)
        return found

    async def all(self, *, states: Collection[str] | None = None, kind: str | None = None) -> AsyncGenerator[Entry]:
        """Every entry by ascending id; only those in the states, or of the kind."""
        query: Document = {}
        if states is not None:
            query["state"] = {"$in": sorted(states)}
        if kind is not None:
            query["kind"] = kind
        async with self._entries.find(query).sort("_id", 1) as entries:
            async for doc in entries:
                yield _entry(doc)

    async def put(self, entry: Entry) -> bool:
        """Keep a new entry, or the next step of one.

        Returns:
            False when somebody else's step came first: nothing was written. True also when just this is there.
        """
        doc = entry_document(entry)
        if entry.version == 1:
            try:
                await self._entries.insert_one(doc)
            except DuplicateKeyError:
                return (await self.get([entry.id])).get(entry.id) == entry
            return True
        result = await self._entries.replace_one({"_id": entry.id, "version": entry.version - 1}, doc)
        return result.matched_count == 1 or (await self.get([entry.id])).get(entry.id) == entry


def entry_document(entry: Entry) -> Document:
    """The entry as it is stored: what its audit event holds the digest of."""
    return {
        "_id": entry.id,
        "kind": entry.kind,
        "state": entry.state,
        "version": entry.version,
        "facts": _plain(entry.facts),
        "steps": [{"verb": each.verb, "by": each.by, "at": each.at, "said": _plain(each.said)} for each in entry.steps],
    }


def record_entries(database: Database, name: str) -> Ties:
    """Which of a register's entries are about a record."""
    return Ties(database, f"{_PREFIX}{name}.records")


def _plain(said: Any) -> Document:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}


def _said(doc: Document) -> Document:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in doc.items()}


def _entry(doc: Document) -> Entry:
    steps = tuple(Step(each["verb"], each["by"], each["at"], _said(each["said"])) for each in doc["steps"])
    return Entry(doc["_id"], doc["kind"], doc["state"], _said(doc["facts"]), steps)
