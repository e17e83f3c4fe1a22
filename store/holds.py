"""Legal holds (冻结, a design choice beyond the texts): while one stands, nothing destroys the record."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from schemas.errors import DanganError
from store.database import Database, Document


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold on one record: who holds it and until when (UNIX seconds, None for open-ended)."""

    record: str
    holder: str
    reference: str
    until: int | None


class Holds:
    """The ``holds`` collection."""

    def __init__(self, database: Database) -> None:
        self._holds = database["holds"]

    async def on(self, records: Collection[str], *, now: float) -> set[str]:
        """Which of those records are held at ``now``."""
        query = {"_id": {"$in": list(records)}, "$or": [{"until": None}, {"until": {"$gt": now}}]}
        return {doc["_id"] async for doc in self._holds.find(query, {"_id": 1})}

    async def get(self, record: str) -> Hold | None:
        """The hold that was placed on a record and not lifted, or None."""
        doc = await self._holds.find_one({"_id": record})
        return _hold(doc) if doc else None

    async def put(self, hold: Hold) -> None:
        """Place or replace a hold, whatever the ledger says: see :func:`place`."""
        await self._holds.replace_one({"_id": hold.record}, hold_document(hold), upsert=True)

    async def lift(self, record: str) -> bool:
        """End a hold; False when there was none."""
        return (await self._holds.delete_one({"_id": record})).deleted_count == 1

    async def all(self) -> list[Hold]:
        """Every hold that was placed and not lifted."""
        return [_hold(doc) async for doc in self._holds.find({}).sort("_id", 1)]


async def place(database: Database, hold: Hold) -> None:
    """Place or replace a hold on a record that nobody has begun to destroy.

    The ledger is looked at after the hold is durable, and a forget looks at the holds after its entry is: one of the
    two always sees the other. Should both, the hold and the destruction are both refused, and may be tried again.

    Raises:
        DanganError: DG-DES-007 when the record is destroyed, or being destroyed.
    """
    holds, entries = Holds(database), database["ledger"]
    before = await holds.get(hold.record)
    await holds.put(hold)
    if await entries.find_one({"_id": hold.record}, {"_id": 1}) is None:
        return
    if before is None:
        await holds.lift(hold.record)
    else:
        await holds.put(before)
    raise DanganError("DG-DES-007", detail=hold.record)


def hold_document(hold: Hold) -> Document:
    """The hold as it is stored: what its audit event holds the digest of."""
    return {"_id": hold.record, "holder": hold.holder, "reference": hold.reference, "until": hold.until}


def _hold(doc: Document) -> Hold:
    return Hold(doc["_id"], doc["holder"], doc["reference"], doc["until"])
