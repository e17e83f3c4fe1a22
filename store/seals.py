"""Sealed (封存) records and the orders that seal and unseal them (clause DES-11)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pymongo.errors import DuplicateKeyError

from keys.ports import KeyRef
from schemas.levels import Level
from store.database import Database, Document, in_parts
from store.key_refs import naming, to_list

Kind = Literal["seal", "unseal"]
#: ``pending``: decided and not finished; of an unsealing: waits for the sealing officer.
State = Literal["pending", "done"]


@dataclass(frozen=True, slots=True)
class SealOrder:
    """One decided command, with all that its signatures are verified with again.

    Attributes:
        command, sender: who asked for it, under which id.
        signers: the approvers whose signatures allowed it.
        at: when it was decided, UNIX seconds.
        members: the command's own members, as its digest has them.
    """

    command: str
    sender: str
    kind: Kind
    records: tuple[str, ...]
    signers: tuple[str, ...]
    at: int
    members: Mapping[str, Any]
    state: State = "pending"


class Seals:
    """The ``seals`` collection of orders, and the seal on a record. Implements :class:`keys.seal.KeyMover`."""

    def __init__(self, database: Database) -> None:
        self._records = database["records"]
        self._orders = database["seals"]

    async def move(
        self, record: str, was: Mapping[Level, KeyRef], now: Mapping[Level, KeyRef], *, sealed: bool
    ) -> bool:
        """Have a live record that names exactly ``was`` name ``now``; ``sealed`` refuses it to ordinary use."""
        keys = {f"keys.{level.value}": to_list(ref) for level, ref in now.items()}
        change: Document = {"$set": keys | ({"sealed": True} if sealed else {})}
        if not sealed:
            change["$unset"] = {"sealed": ""}
        return (await self._records.update_one(naming(record, was), change)).matched_count == 1

    async def sealed(self, records: Collection[str] | None = None) -> dict[str, bool]:
        """The sealed records (among ``records``, if given), and of each whether its sealing is finished."""
        found: dict[str, bool] = {}
        query: Document = {"state": "live", "sealed": True}
        parts: Sequence[Document] = [{}] if records is None else [{"_id": {"$in": part}} for part in in_parts(records)]
        for part in parts:
            async for doc in self._records.find(query | part, {"keys": 1}):
                found[doc["_id"]] = all(len(named) > 3 and named[3] for named in doc["keys"].values())
        return found

    async def open_order(self, order: SealOrder) -> SealOrder:
        """Note an order before anything is done; the one that stands under the command's id and sender now."""
        try:
            await self._orders.insert_one(_document(order))
        except DuplicateKeyError:
            standing = await self.order(order.command, order.sender)
            return order if standing is None else standing
        return order

    async def order(self, command: str, sender: str) -> SealOrder | None:
        """The order of a sender's command."""
        doc = await self._orders.find_one({"_id": f"{sender} {command}"})
        return _order(doc) if doc else None

    async def by_command(self, command: str) -> list[SealOrder]:
        """The orders under a command's id, by sender; one, unless two senders chose the same."""
        return [_order(doc) async for doc in self._orders.find({"command": command}).sort("_id", 1)]

    async def all(self) -> list[SealOrder]:
        """Every order, the oldest first."""
        return [_order(doc) async for doc in self._orders.find().sort([("at", 1), ("_id", 1)])]

    async def done(self, order: SealOrder) -> None:
        """Note that an order is finished; repeatable."""
        await self._orders.update_one({"_id": f"{order.sender} {order.command}"}, {"$set": {"state": "done"}})


def _document(order: SealOrder) -> Document:
    return {
        "_id": f"{order.sender} {order.command}",
        "command": order.command,
        "sender": order.sender,
        "kind": order.kind,
        "records": list(order.records),
        "signers": list(order.signers),
        "at": order.at,
        "members": dict(order.members),
        "state": order.state,
    }


def _order(doc: Document) -> SealOrder:
    return SealOrder(
        command=doc["command"],
        sender=doc["sender"],
        kind=doc["kind"],
        records=tuple(doc["records"]),
        signers=tuple(doc["signers"]),
        at=doc["at"],
        members=doc["members"],
        state=doc["state"],
    )
