"""The destruction ledger in MongoDB: collection ``ledger``, one document per destroyed record, never removed.

``frozen`` holds what sweeps may count when they end: a set of records is one document, inserted before the rotation
and given the sweep's id at its end. So a sweep of many entries writes few documents; reading an entry joins the two,
and its certificate writes the result into the entry for good.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from keys.ledger import REPLAYED, Approver, Entry, OldKey, Order, Standing, State, Traces
from schemas.destruction import Application
from store.database import Database, Document, in_parts, taken

_DONE: Final[Document] = {"sweep": {"$exists": True}}
_BRIEF: Final[Document] = {"state": 1, "roots": 1, "ingest_kids": 1, "forgotten_at": 1, "swept": 1}


async def ensure_indexes(database: Database) -> None:
    """Create the indexes of ``ledger`` and ``frozen``; repeatable."""
    await database["ledger"].create_index([("state", 1), ("_id", 1)], name="state")
    await database["frozen"].create_index([("tag", 1)], name="tag")


class Ledger:
    """The ``ledger`` and ``frozen`` collections. Implements :class:`keys.ledger.LedgerStore`."""

    def __init__(self, database: Database) -> None:
        self._ledger = database["ledger"]
        self._frozen = database["frozen"]

    async def open(self, entries: Sequence[Entry]) -> set[str]:
        """Insert pending entries; return the records that had an entry already, which stays as it is."""
        if not entries:
            return set()
        try:
            await self._ledger.insert_many([to_document(entry) for entry in entries], ordered=False)
        except BulkWriteError as error:
            return {entries[at].record for at in taken(error)}
        return set()

    async def begin(self, gate: str, order: Order) -> bool:
        """Note that the order's keys may be touched from now on; False when it was withdrawn."""
        undecided = {"_id": gate, **_of(order), "withdrawn": {"$exists": False}}
        return (await self._ledger.update_one(undecided, {"$set": {"begun": True}})).matched_count == 1

    async def withdraw(self, gate: str, records: Collection[str], order: Order) -> bool:
        """Remove the order's pending entries, the one called ``gate`` last; False when it has begun."""
        mine = {"state": State.PENDING.value, **_of(order)}
        undecided = {"_id": gate, **mine, "begun": {"$exists": False}}
        if (await self._ledger.update_one(undecided, {"$set": {"withdrawn": True}})).matched_count == 0:
            return await self._ledger.find_one({"_id": gate, **_of(order)}, {"_id": 1}) is None
        for part in in_parts([record for record in records if record != gate]):
            await self._ledger.delete_many({"_id": {"$in": part}, **mine})
        await self._ledger.delete_one({"_id": gate, **mine, "withdrawn": True})
        return True

    async def get(self, records: Collection[str]) -> dict[str, Entry]:
        """The entries of those records that have one."""
        return {
            entry.record: entry
            for part in in_parts(records)
            for entry in await self._entries({"_id": {"$in": part}}, len(part))
        }

    async def in_state(self, state: State, *, after: str = "", limit: int) -> list[Entry]:
        """At most ``limit`` entries in a state, by ascending record id after ``after``."""
        return await self._entries(_behind(state, after), limit)

    async def standing(self, state: State, *, after: str = "", limit: int) -> list[Standing]:
        """As :meth:`in_state`, without orders and old keys."""
        return [_standing(doc) for doc in await self._found(_behind(state, after), limit, _BRIEF)]

    async def count(self, state: State) -> int:
        """How many entries are in a state."""
        return await self._ledger.count_documents({"state": state.value})

    async def oldest(self, state: State) -> int | None:
        """Since when the oldest entry in a state waits, UNIX seconds; None when there is none in it.

        What a restore destroyed again by the audit stream's word and has forgotten does not count: it never gets a
        certificate. That it is swept is what the roots' own figures tell.
        """
        since = "forgotten_at" if state is State.FORGOTTEN else "order.at"
        waiting: Document = {"state": state.value}
        if state is State.FORGOTTEN:
            waiting["order.ground"] = {"$ne": REPLAYED}
        found = await self._ledger.find(waiting, {since: 1}).sort(since, 1).limit(1).to_list()
        if not found:
            return None
        return int(found[0]["forgotten_at"] if state is State.FORGOTTEN else found[0]["order"]["at"])

    async def note(self, traces: Mapping[str, Traces]) -> None:
        """Add traces to the pending entries of those records."""
        if not traces:
            return
        changes = [
            UpdateOne(
                {"_id": record, "state": State.PENDING.value},
                {"$addToSet": {name: {"$each": values} for name, values in _traces(seen).items()}},
            )
            for record, seen in traces.items()
        ]
        await self._ledger.bulk_write(changes, ordered=False)

    async def forgotten(self, records: Collection[str], ingest_kids: Collection[str], *, at: int) -> None:
        """Add the ingest keys to the pending entries of those records and move them on to forgotten."""
        await self._update(
            records,
            {"state": State.PENDING.value},
            {
                "$set": {"state": State.FORGOTTEN.value, "forgotten_at": at},
                "$addToSet": {"ingest_kids": {"$each": sorted(ingest_kids)}},
            },
        )

    async def freeze(self, records: Collection[str], tag: str) -> None:
        """Add entries to the frozen set of that tag."""
        await self._frozen.insert_one({"tag": tag, "records": list(records)})

    async def sweep_done(self, root: str, tag: str, sweep: str) -> None:
        """Note the sweep for every entry of the tag's frozen set."""
        await self._frozen.update_many({"tag": tag}, {"$set": {"root": root, "sweep": sweep}})

    async def certified(self, records: Collection[str], serial: str, swept: Mapping[str, str]) -> None:
        """Move forgotten entries, all with those finished sweeps, on to certified."""
        change = {"$set": {"state": State.CERTIFIED.value, "certificate": serial, "swept": dict(swept)}}
        await self._update(records, {"state": State.FORGOTTEN.value}, change)
        async for part in self._frozen.find(_DONE):  # a set whose records are all certified has served
            if not await self._any_forgotten(part["records"]):
                await self._frozen.delete_one({"_id": part["_id"]})

    async def _entries(self, query: Document, limit: int) -> list[Entry]:
        return _parsed(await self._found(query, limit))

    async def _found(self, query: Document, limit: int, wanted: Document | None = None) -> list[Document]:
        docs = await self._ledger.find(query, wanted).sort("_id", 1).limit(limit).to_list()
        forgotten = {doc["_id"]: doc for doc in docs if doc["state"] == State.FORGOTTEN.value}
        if forgotten:
            async for part in self._frozen.find(_DONE):
                for record in forgotten.keys() & part["records"]:
                    forgotten[record].setdefault("swept", {}).setdefault(part["root"], part["sweep"])
        return docs

    async def _any_forgotten(self, records: Collection[str]) -> bool:
        for part in in_parts(records):
            query = {"_id": {"$in": part}, "state": State.FORGOTTEN.value}
            if await self._ledger.find_one(query, {"_id": 1}) is not None:
                return True
        return False

    async def _update(self, records: Collection[str], condition: Document, change: Document) -> None:
        for part in in_parts(records):
            await self._ledger.update_many({"_id": {"$in": part}, **condition}, change)


def _behind(state: State, after: str) -> Document:
    return {"state": state.value, "_id": {"$gt": after}}


def _of(order: Order) -> Document:
    return {"order.command": order.command, "order.requester": order.requester}


def to_document(entry: Entry) -> Document:
    """The entry as MongoDB stores it."""
    order = entry.order
    doc: Document = {
        "_id": entry.record,
        "state": entry.state.value,
        "order": {
            "command": order.command,
            "requester": order.requester,
            "ground": order.ground,
            "approvals": list(order.approvals),
            "at": order.at,
            "reason": order.reason,
            "records": list(order.records),
            "approvers": _keys_of(order.approvers),
            **_application_of(order),
        },
        **_traces(entry.traces),
    }
    if entry.forgotten_at is not None:
        doc["forgotten_at"] = entry.forgotten_at
    if entry.swept:
        doc["swept"] = dict(entry.swept)
    if entry.certificate:
        doc["certificate"] = entry.certificate
    return doc


def from_document(doc: Mapping[str, Any]) -> Entry:
    """The entry of a document."""
    return _entry(doc, _order(doc["order"]))


def _parsed(docs: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """The entries of documents; an order, which names up to 256 records, is made once for all of its entries."""
    entries: list[Entry] = []
    last: tuple[Mapping[str, Any], Order] | None = None
    for doc in docs:
        if last is None or last[0] != doc["order"]:
            last = doc["order"], _order(doc["order"])
        entries.append(_entry(doc, last[1]))
    return entries


def _standing(doc: Mapping[str, Any]) -> Standing:
    return Standing(
        doc["_id"],
        State(doc["state"]),
        frozenset(doc["roots"]),
        frozenset(doc["ingest_kids"]),
        doc.get("forgotten_at"),
        frozenset(doc.get("swept", ())),
    )


def _order(order: Mapping[str, Any]) -> Order:
    return Order(
        order["command"],
        order["requester"],
        order["ground"],
        tuple(order["approvals"]),
        order["at"],
        order["reason"],
        tuple(order["records"]),
        _approvers(order["approvers"]),
        Application.model_validate(order["application"]) if "application" in order else None,
        _approvers(order.get("others", ())),
    )


def _entry(doc: Mapping[str, Any], order: Order) -> Entry:
    return Entry(
        record=doc["_id"],
        order=order,
        state=State(doc["state"]),
        traces=Traces(
            frozenset(doc["roots"]),
            tuple(OldKey(old["root"], old["page"], old["slot"], old["v"], old["key"]) for old in doc["old_keys"]),
            frozenset(doc["ingest_kids"]),
        ),
        forgotten_at=doc.get("forgotten_at"),
        swept=dict(doc.get("swept", {})),
        certificate=doc.get("certificate"),
    )


def _traces(traces: Traces) -> dict[str, list[Any]]:
    return {
        "roots": sorted(traces.roots),
        "old_keys": [
            {"root": old.root, "page": old.page, "slot": old.slot, "v": old.root_version, "key": old.wrapped_key}
            for old in traces.old_keys
        ],
        "ingest_kids": sorted(traces.ingest_kids),
    }


def _keys_of(approvers: Sequence[Approver]) -> list[Document]:
    return [{"id": who.id, "x": who.x} for who in approvers]


def _approvers(docs: Sequence[Document]) -> tuple[Approver, ...]:
    return tuple(Approver(who["id"], bytes(who["x"])) for who in docs)


def _application_of(order: Order) -> Document:
    if order.application is None:
        return {}
    return {"application": order.application.model_dump(mode="json"), "others": _keys_of(order.others)}
