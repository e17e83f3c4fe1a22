"""Principals and grants: who is registered, and which leases to read exist."""

from __future__ import annotations

from collections.abc import Collection

from schemas.levels import Level
from schemas.principals import Grant, Principal, PublicKey
from store.database import Database, Document


class Principals:
    """The ``principals`` collection."""

    def __init__(self, database: Database) -> None:
        self._principals = database["principals"]

    async def all(self) -> list[Principal]:
        """Every registered principal."""
        return [_principal(doc) async for doc in self._principals.find({})]

    async def get(self, principal: str) -> Principal | None:
        """One principal, or None."""
        doc = await self._principals.find_one({"_id": principal})
        return _principal(doc) if doc else None

    async def put(self, principal: Principal) -> None:
        """Register or replace a principal."""
        doc = {
            "_id": principal.id,
            "kind": principal.kind,
            "roles": sorted(principal.roles),
            "department": principal.department,
            "clearance": principal.clearance.value,
            "signing_keys": [_key_document(key) for key in principal.signing_keys],
            "receiving_keys": [_key_document(key) for key in principal.receiving_keys],
            "active": principal.active,
        }
        await self._principals.replace_one({"_id": principal.id}, doc, upsert=True)


class Grants:
    """The ``grants`` collection."""

    def __init__(self, database: Database) -> None:
        self._grants = database["grants"]

    async def get(self, ids: Collection[str]) -> dict[str, Grant]:
        """The grants that exist among ``ids``."""
        found = self._grants.find({"_id": {"$in": list(ids)}})
        return {doc["_id"]: _grant(doc) async for doc in found}

    async def all(self) -> list[Grant]:
        """Every grant, by id."""
        return [_grant(doc) async for doc in self._grants.find({}).sort("_id", 1)]

    async def put(self, grant: Grant) -> None:
        """Make or replace a grant."""
        doc = {
            "_id": grant.id,
            "principal": grant.principal,
            "records": sorted(grant.records),
            "fields": sorted(grant.fields),
            "clear": sorted(grant.clear),
            "purpose": grant.purpose,
            "not_before": grant.not_before,
            "not_after": grant.not_after,
            "recalled_at": grant.recalled_at,
        }
        await self._grants.replace_one({"_id": grant.id}, doc, upsert=True)

    async def recall(self, grant: str, *, at: int) -> bool:
        """Recall a grant; False when there is none that is not recalled yet."""
        result = await self._grants.update_one({"_id": grant, "recalled_at": None}, {"$set": {"recalled_at": at}})
        return result.modified_count == 1


def _principal(doc: Document) -> Principal:
    return Principal(
        id=doc["_id"],
        kind=doc["kind"],
        roles=frozenset(doc["roles"]),
        department=doc["department"],
        clearance=Level(doc["clearance"]),
        signing_keys=tuple(_public_key(key) for key in doc["signing_keys"]),
        receiving_keys=tuple(_public_key(key) for key in doc["receiving_keys"]),
        active=doc["active"],
    )


def _grant(doc: Document) -> Grant:
    return Grant(
        id=doc["_id"],
        principal=doc["principal"],
        records=frozenset(doc["records"]),
        fields=frozenset(doc["fields"]),
        clear=frozenset(doc["clear"]),
        purpose=doc["purpose"],
        not_before=doc["not_before"],
        not_after=doc["not_after"],
        recalled_at=doc["recalled_at"],
    )


def _public_key(doc: Document) -> PublicKey:
    return PublicKey(doc["kid"], bytes(doc["x"]), doc["not_before"], doc["not_after"], doc["revoked_at"])


def _key_document(key: PublicKey) -> Document:
    return {
        "kid": key.kid,
        "x": key.x,
        "not_before": key.not_before,
        "not_after": key.not_after,
        "revoked_at": key.revoked_at,
    }
