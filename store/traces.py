"""How much of some records stands where in the store: for the list that a destruction shows before it is sent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from store.database import Database, Document, in_parts
from store.ties import archive_kin


@dataclass(frozen=True, slots=True)
class Counts:
    """Documents by kind; of attachments, proposals and so on those of the records."""

    live: int
    attachments: int
    proposals: int
    entries: int
    grants: int
    notices: int
    kin: int


#: Kind -> the collection, and the member that names the record.
_BY_RECORD: Final = {
    "attachments": ("attachments.files", "metadata.record"),
    "proposals": ("proposals", "record"),
    "notices": ("notices", "record"),
}


class Traces:
    """Counts what names records."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self, records: Collection[str]) -> Counts:
        """How much there is of those records."""
        kin = await archive_kin(self._database).of_many(records)
        by_record = {
            kind: await self._count(collection, member, records) for kind, (collection, member) in _BY_RECORD.items()
        }
        return Counts(
            live=await self._count("records", "_id", records, {"state": "live"}),
            entries=await self._count("archive_index", "_id", records),
            grants=await self._count("grants", "records", records),
            kin=sum(map(len, kin.values())),
            **by_record,
        )

    async def _count(self, collection: str, member: str, records: Collection[str], more: Document | None = None) -> int:
        return sum(
            [
                await self._database[collection].count_documents({member: {"$in": part}, **(more or {})})
                for part in in_parts(records)
            ]
        )
