"""Approvals to collect core-sensitive fields (clause COL-13), kept with their signatures; given once, never changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

from pymongo.errors import DuplicateKeyError

from schemas.collection_approval import CollectionApproval
from store.database import Database, Document, in_parts


@dataclass(frozen=True, slots=True)
class SignedApproval:
    """An approval as it was given: the document and the compact JWS over its digest."""

    document: CollectionApproval
    approval: str


class CollectionApprovals:
    """The ``collection_approvals`` collection."""

    def __init__(self, database: Database) -> None:
        self._approvals = database["collection_approvals"]

    async def put(self, signed: SignedApproval) -> bool:
        """Keep an approval; False when one of that id was ever given, which stays."""
        try:
            await self._approvals.insert_one(approval_document(signed))
        except DuplicateKeyError:
            return False
        return True

    async def get(self, ids: Collection[str]) -> dict[str, SignedApproval]:
        """The approvals that exist among ``ids``."""
        found: dict[str, SignedApproval] = {}
        for part in in_parts(ids):
            async for doc in self._approvals.find({"_id": {"$in": part}}):
                found[doc["_id"]] = _signed(doc)
        return found

    async def all(self) -> AsyncIterator[SignedApproval]:
        """Every approval, by id."""
        async for doc in self._approvals.find({}).sort("_id", 1):
            yield _signed(doc)


def approval_document(signed: SignedApproval) -> Document:
    """The approval as it is stored: what its audit event holds the digest of."""
    document = signed.document.model_dump(mode="json")
    document["fields"] = sorted(document["fields"])
    return {"_id": document.pop("id"), **document, "approval": signed.approval}


def _signed(doc: Document) -> SignedApproval:
    members = {name: value for name, value in doc.items() if name not in {"_id", "approval"}}
    return SignedApproval(CollectionApproval.model_validate({"id": doc["_id"], **members}), doc["approval"])
