"""What is kept about people besides their registrations: signed documents, and what a person holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Self

from pymongo.errors import DuplicateKeyError

from store.database import Database, Document
from store.intake_notes import IntakeNotes
from store.principals import Grants, Principals


class PeopleDocuments:
    """The ``people_documents`` collection: applications, hand-over lists and reviews with their signatures (SEC-04)."""

    def __init__(self, database: Database) -> None:
        self._documents = database["people_documents"]

    async def put(self, name: str, document: Document) -> bool:
        """Keep a document; False when one of that id is kept already, which stays."""
        try:
            await self._documents.insert_one({"_id": name, **document})
        except DuplicateKeyError:
            return False
        return True

    async def get(self, name: str) -> Document | None:
        """The document of that id."""
        found: Document | None = await self._documents.find_one({"_id": name})
        return found

    async def every(self) -> AsyncIterator[Document]:
        """Every document, by id."""
        async for doc in self._documents.find({}).sort("_id", 1):
            yield doc

    async def of(self, principal: str) -> list[Document]:
        """Every document about a principal, oldest first."""
        return [doc async for doc in self._documents.find({"principal": principal}).sort("at", 1)]


@dataclass(frozen=True, slots=True)
class Held:
    """What a person holds in the archive: records in custody, grants that run, keys that are good; by reference."""

    records: tuple[str, ...]
    grants: tuple[str, ...]
    keys: tuple[str, ...]

    @classmethod
    async def of(cls, database: Database, principal: str, now: int) -> Self:
        """Look it up; ``now`` in UNIX seconds. It looks at every record: people leave seldom."""
        records = [record async for record, _ in IntakeNotes(database).kept_by([principal])]
        grants = await Grants(database).running(principal, now)
        known = await Principals(database).get(principal)
        owned = (*known.signing_keys, *known.receiving_keys) if known else ()
        keys = sorted(key.kid for key in owned if key.revoked_at is None and now < key.not_after)
        return cls(tuple(sorted(records)), tuple(sorted(grants)), tuple(keys))

    def counts(self) -> str:
        """How many of each, in words."""
        return f"{len(self.records)} records, {len(self.grants)} grants"
