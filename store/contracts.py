"""Contracts about to be signed with a customer (签订合作关系; clause USE-16): who answers for them, and when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

from pymongo.errors import DuplicateKeyError

from store.database import Database


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract that is about to be signed.

    Attributes:
        id: its file reference.
        party: the data subject's reference, as the records have it.
        responsible: who prepares it, and has to consult the party's archive before.
        at_ms: when that was recorded, UNIX milliseconds.
    """

    id: str
    party: str
    responsible: str
    at_ms: int


class Contracts:
    """The ``contracts`` collection."""

    def __init__(self, database: Database) -> None:
        self._contracts = database["contracts"]

    async def add(self, contract: Contract) -> Contract:
        """Keep a contract; return the one that is kept under its id, which may be an earlier one."""
        doc = asdict(contract)
        doc["_id"] = doc.pop("id")
        try:
            await self._contracts.insert_one(doc)
        except DuplicateKeyError:
            known = await self._contracts.find_one({"_id": contract.id}) or doc
            return Contract(id=known["_id"], **{name: known[name] for name in ("party", "responsible", "at_ms")})
        return contract

    async def all(self) -> AsyncIterator[Contract]:
        """Every contract, oldest first."""
        async for doc in self._contracts.find({}).sort([("at_ms", 1), ("_id", 1)]):
            yield Contract(id=doc["_id"], **{name: doc[name] for name in ("party", "responsible", "at_ms")})
