"""Which records belong to something: a consent, a business matter, a list of work. Kept apart from the records.

An index on the records would be paid for by every record that is collected, also by those that belong to nothing
(docs/adr/0018). Here a record that does costs one small document, whose ``_id`` holds both names, so that it needs no
index of its own. An entry is written before its record, and says nothing about whether the record is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pymongo.errors import BulkWriteError

from store.database import Database, taken

#: Stands between the two names: no reference holds it, and nothing sorts between it and :data:`_NEXT`.
_SPACE: Final = " "
_NEXT: Final = "!"
#: What records are tied to that are simply on a list.
EVERY: Final = "every"


class Ties:
    """One kind of belonging: a collection of its own.

    Args:
        database: where it is.
        name: the collection's name.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._ties = database[name]

    async def tie(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Note that records belong to something: (what to, record). Repeatable."""
        entries = [{"_id": f"{to}{_SPACE}{record}"} for to, record in dict.fromkeys(pairs)]
        if entries:
            try:
                await self._ties.insert_many(entries, ordered=False)
            except BulkWriteError as error:
                taken(error)

    async def of(self, to: str) -> list[str]:
        """The ids of the records that belong to it, or did when they were collected."""
        query = {"_id": {"$gt": f"{to}{_SPACE}", "$lt": f"{to}{_NEXT}"}}
        return [doc["_id"].rpartition(_SPACE)[2] async for doc in self._ties.find(query)]


def consent_records(database: Database) -> Ties:
    """Records by the consent (subject and reference) that they were collected under."""
    return Ties(database, "consent_records")


def matter_records(database: Database) -> Ties:
    """Records by the business matter that they are steps of (一事一档, clause COL-16)."""
    return Ties(database, "matter_records")


def open_papers(database: Database) -> Ties:
    """Records whose paper counterpart was left open at some time (clause UPD-05)."""
    return Ties(database, "open_papers")


def watches(database: Database) -> Ties:
    """Records that were put under watch at some time (clause UPD-09)."""
    return Ties(database, "watches")
