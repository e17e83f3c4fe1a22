"""Principals and grants: who is registered, and which leases to read exist.

Registrations change by compare-and-swap on a version, so that no registration overwrites a deactivation made at the
same time; a grant is inserted once and can only be recalled. A unique index keeps a key id from having two owners.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from pymongo.errors import DuplicateKeyError

from schemas.levels import Level
from schemas.locales import DEFAULT
from schemas.principals import Grant, Principal, PublicKey
from store.database import Database, Document


async def ensure_indexes(database: Database) -> None:
    """Create the indexes of ``principals``; repeatable."""
    for keys in ("signing_keys", "receiving_keys"):
        await database["principals"].create_index([(f"{keys}.kid", 1)], name=keys, unique=True)


class Registration(NamedTuple):
    """A principal as registered: the version of the registration and the archive's signature, if it has one."""

    principal: Principal
    version: int
    signature: str | None


class Principals:
    """The ``principals`` collection."""

    def __init__(self, database: Database) -> None:
        self._principals = database["principals"]

    async def all(self) -> list[Principal]:
        """Every registered principal."""
        return [_principal(doc) async for doc in self._principals.find({})]

    async def registrations(self) -> list[Registration]:
        """Every registered principal with the version and the signature of its registration."""
        return [
            Registration(_principal(doc), doc["version"], doc.get("signature"))
            async for doc in self._principals.find({})
        ]

    async def registration(self, principal: str) -> Registration | None:
        """One principal with the version and the signature of its registration, or None."""
        doc = await self._principals.find_one({"_id": principal})
        return Registration(_principal(doc), doc["version"], doc.get("signature")) if doc else None

    async def get(self, principal: str) -> Principal | None:
        """One principal, or None."""
        doc = await self._principals.find_one({"_id": principal})
        return _principal(doc) if doc else None

    async def versioned(self, principal: str) -> tuple[Principal | None, int]:
        """One principal and the version of its registration: 0 when there is none."""
        doc = await self._principals.find_one({"_id": principal})
        return (_principal(doc), doc["version"]) if doc else (None, 0)

    async def with_keys(self, kids: Collection[str]) -> list[Principal]:
        """The principals under which any of those key ids is registered, for signing or receiving, good or revoked."""
        named = {"$in": list(kids)}
        query = {"$or": [{"signing_keys.kid": named}, {"receiving_keys.kid": named}]}
        return [_principal(doc) async for doc in self._principals.find(query)]

    async def put(self, principal: Principal, *, if_version: int = 0, signature: str | None = None) -> bool:
        """Register a principal, or replace a registration that has not changed since it was read.

        Args:
            principal: the whole registration.
            if_version: the version it replaces; 0 when there must be none yet.
            signature: the archive's over what is stored (keys/stored_signatures.py).

        Returns:
            False when that is not the version there is, or another principal has one of the keys: nothing was written.
        """
        doc = {**principal_document(principal, if_version + 1), "signature": signature}
        try:
            if if_version == 0:
                await self._principals.insert_one(doc)
                return True
            result = await self._principals.replace_one({"_id": principal.id, "version": if_version}, doc)
        except DuplicateKeyError:
            return False
        return result.matched_count == 1


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

    async def running(self, principal: str, now: int) -> list[str]:
        """The ids of a principal's grants that are neither ended, recalled nor returned; ``now`` in UNIX seconds."""
        mine = {"principal": principal, "recalled_at": None, "not_after": {"$gt": now}}
        return [doc["_id"] async for doc in self._grants.find(mine, {"returned_at": 1}) if not doc.get("returned_at")]

    async def put(self, grant: Grant) -> bool:
        """Make a grant; False when one of that id was ever made."""
        try:
            await self._grants.insert_one({**grant_document(grant), "signature": grant.signature})
        except DuplicateKeyError:
            return False
        return True

    async def give_back(self, grant: str, *, at: int) -> bool:
        """End a grant that its holder gives back; False when it was given back before."""
        result = await self._grants.update_one({"_id": grant, "returned_at": None}, {"$set": {"returned_at": at}})
        return result.modified_count == 1

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
        locale=doc.get("locale", DEFAULT),  # registered before there was a choice
        scope=_pairs(doc, "scope"),
        agreement=doc.get("agreement"),
        agreement_until=doc.get("agreement_until"),
        lapses_at=doc.get("lapses_at"),
    )


def principal_document(principal: Principal, version: int) -> Document:
    """The registration as it is stored: what its audit event holds the digest of."""
    return {
        "_id": principal.id,
        "version": version,
        "kind": principal.kind,
        "roles": sorted(principal.roles),
        "department": principal.department,
        "clearance": principal.clearance.value,
        "signing_keys": [_key_document(key) for key in principal.signing_keys],
        "receiving_keys": [_key_document(key) for key in principal.receiving_keys],
        "active": principal.active,
        "locale": principal.locale,
        "scope": sorted(map(list, principal.scope)),
        "agreement": principal.agreement,
        "agreement_until": principal.agreement_until,
        "lapses_at": principal.lapses_at,
    }


def grant_document(grant: Grant) -> Document:
    """The grant as it is stored: what its audit event holds the digest of."""
    return {
        "_id": grant.id,
        "principal": grant.principal,
        "records": sorted(grant.records),
        "fields": sorted(grant.fields),
        "clear": sorted(grant.clear),
        "purpose": grant.purpose,
        "not_before": grant.not_before,
        "not_after": grant.not_after,
        "recalled_at": grant.recalled_at,
        "history": grant.history,
        "returned_at": grant.returned_at,
        "application": grant.application,
        "selection": sorted(map(list, grant.selection)),
        "copying": grant.copying,
        "emergency": grant.emergency,
        "product": grant.product,
    }


def grant_terms(grant: Grant) -> Document:
    """What a grant gives, as it was made: what the archive signs. A recall and a return take away, and come later."""
    return {**grant_document(grant), "recalled_at": None, "returned_at": None}


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
        history=doc.get("history", False),
        returned_at=doc.get("returned_at"),
        application=doc.get("application"),
        selection=_pairs(doc, "selection"),
        copying=doc.get("copying", False),
        emergency=doc.get("emergency", False),
        product=doc.get("product"),
        signature=doc.get("signature"),
    )


def _pairs(doc: Document, member: str) -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in doc.get(member, ()))


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
