"""Which records belong to something: a consent, a business matter, a list of work. Kept apart from the records.

An index on the records would be paid for by every record that is collected, also by those that belong to nothing
(docs/adr/0018). Here a record that does costs one small document, whose ``_id`` holds both names. An entry is written
before its record says the same, and proves nothing: the record has to be looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Final

from pymongo.errors import BulkWriteError

from store.database import Database, in_parts, taken

#: Stands between the two names: no reference holds it.
_SPACE: Final = " "
_CONSENTS, _MATTERS, _KIN = "consent_records", "matter_records", "archive_kin"
_PAPERS, _WATCHES = "open_papers", "watches"
#: What records are tied to that are simply on a list.
EVERY: Final = "every"


async def ensure_indexes(database: Database) -> None:
    """Create the index by what records are tied to; repeatable."""
    for name in (_CONSENTS, _MATTERS, _KIN, _PAPERS, _WATCHES):
        await database[name].create_index([("to", 1)], name="to")


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
        entries = [{"_id": f"{to}{_SPACE}{record}", "to": to} for to, record in dict.fromkeys(pairs)]
        if entries:
            try:
                await self._ties.insert_many(entries, ordered=False)
            except BulkWriteError as error:
                taken(error)

    async def of(self, to: str) -> list[str]:
        """The ids of the records that belong to it, or did when they were tied."""
        return (await self.of_many([to])).get(to, [])

    async def of_many(self, tos: Collection[str]) -> dict[str, list[str]]:
        """As :meth:`of` for each of them; only those that have some."""
        found: dict[str, list[str]] = defaultdict(list)
        for part in in_parts(tos):
            async for doc in self._ties.find({"to": {"$in": part}}):
                found[doc["to"]].append(doc["_id"].rpartition(_SPACE)[2])
        return dict(found)

    async def all(self) -> list[str]:
        """Every record that is tied to anything."""
        return sorted({doc["_id"].rpartition(_SPACE)[2] async for doc in self._ties.find({})})


def consent_records(database: Database) -> Ties:
    """Records by the consent (subject and reference) that they were collected under."""
    return Ties(database, _CONSENTS)


def matter_records(database: Database) -> Ties:
    """Records by the business matter that they are steps of (一事一档, clause COL-16)."""
    return Ties(database, _MATTERS)


def open_papers(database: Database) -> Ties:
    """Records whose paper counterpart was left open at some time (clause UPD-05)."""
    return Ties(database, _PAPERS)


def watches(database: Database) -> Ties:
    """Records that were put under watch at some time (clause UPD-09)."""
    return Ties(database, _WATCHES)


def archive_kin(database: Database) -> Ties:
    """Parts and waiting duplicates by their archive (clause ARR-13)."""
    return Ties(database, _KIN)
