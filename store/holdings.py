"""Everything that the store says of each record, side by side: the holdings (库存) that an inventory looks at.

Sorted cursors that run together, one for each collection: memory does not grow with the archive, and no collection is
looked into once for each record (the embedded store looks at every document for a query by a range of ids).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

from pymongo.asynchronous.cursor import AsyncCursor

from keys.ports import KeyRef
from schemas.levels import Level
from store.database import Database, Document, in_parts
from store.key_refs import keys_in
from store.movements import STATE, Movement

_FETCH: Final = 1000
#: What is looked at, by collection: the member that names the record, and the members wanted.
_SOURCES: Final[Mapping[str, tuple[str, Document]]] = {
    "records": ("_id", {"state": 1, "stage": 1, "version": 1, "keys": 1, "at": 1}),
    "archive_index": ("_id", {"version": 1, "code": 1, "paper": 1}),
    "codes": ("record", {"record": 1}),
    "ledger": ("_id", {"state": 1}),
    "movements": ("_id", {"came": 1, "went": 1}),
}


_NONE: Final = Movement(None, None)


@dataclass(frozen=True, slots=True)
class Holding:
    """One record id, as each part of the store knows it.

    Attributes:
        state: ``live``, ``destroyed`` (a tombstone) or empty where nothing stands.
        at_ms: when it came; of a tombstone when it was destroyed.
        keys: the slots that it names.
        entered: the version that its index entry was made of; None without an entry.
        index_code: the archive code in the index.
        paper: what the index says of its paper; None for nothing.
        code: the archive code that was given to it.
        order: the state of its destruction in the ledger; empty without one.
        booked: its movements in the audit stream.
    """

    record: str
    state: str
    stage: str = "archived"
    version: int = 0
    at_ms: int = 0
    keys: Mapping[Level, KeyRef] | None = None
    entered: int | None = None
    index_code: str | None = None
    paper: str | None = None
    code: str | None = None
    order: str = ""
    booked: Movement = _NONE


async def holdings(database: Database) -> AsyncGenerator[Holding]:
    """Every record id that any part of the store knows, ascending."""
    async with AsyncExitStack() as stack:
        cursors: dict[str, AsyncCursor[Document]] = {}
        for name, (key, wanted) in _SOURCES.items():
            query: Document = {"_id": {"$ne": STATE}} if key == "_id" else {key: {"$gt": ""}}
            cursor = database[name].find(query, wanted, batch_size=_FETCH).sort(key, 1)
            cursors[name] = await stack.enter_async_context(cursor)
        heads = dict(zip(cursors, await asyncio.gather(*map(_next, cursors.values())), strict=True))
        while any(doc is not None for doc in heads.values()):
            record = min(str(doc[_SOURCES[name][0]]) for name, doc in heads.items() if doc is not None)
            at = {name: doc for name, doc in heads.items() if doc is not None and doc[_SOURCES[name][0]] == record}
            yield _holding(record, at)
            for name in at:
                heads[name] = await _next(cursors[name])


async def holdings_of(database: Database, records: Collection[str]) -> dict[str, Holding]:
    """As :func:`holdings`, for some records, read one collection after the other: for a second look."""
    found: dict[str, dict[str, Document]] = {record: {} for record in records}
    for name, (key, wanted) in _SOURCES.items():
        for part in in_parts(records):
            async for doc in database[name].find({key: {"$in": part}}, wanted):
                found[doc[key]][name] = doc
    return {record: _holding(record, at) for record, at in found.items()}


async def slots_of(database: Database, pages: Collection[str]) -> dict[str, bytes]:
    """The slots that those key pages hold; no key is opened."""
    found: dict[str, bytes] = {}
    for part in in_parts(pages):
        async for doc in database["pages"].find({"_id": {"$in": part}}, {"slots": 1}):
            found[doc["_id"]] = bytes(doc["slots"])
    return found


async def _next(cursor: AsyncCursor[Document]) -> Document | None:
    return await anext(cursor, None)


_NOTHING: Final[Mapping[str, Any]] = {}


def _holding(record: str, at: Mapping[str, Document]) -> Holding:
    doc, entry, moved = (at.get(name, _NOTHING) for name in ("records", "archive_index", "movements"))
    state = str(doc.get("state", ""))
    return Holding(
        record=record,
        state=state,
        stage=doc.get("stage", "archived"),
        version=doc.get("version", 0),
        at_ms=doc.get("at", 0),
        keys=keys_in(doc) if state == "live" else None,
        entered=entry.get("version"),
        index_code=entry.get("code"),
        paper=entry.get("paper"),
        code=at["codes"]["_id"] if "codes" in at else None,
        order=at["ledger"]["state"] if "ledger" in at else "",
        booked=Movement(moved.get("came"), moved.get("went")),
    )
