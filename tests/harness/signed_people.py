"""A database of its own with people whom the archive signed, and the hands that an operator and an intruder have."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from consumers.directory import Directory
from keys.okp import SigningKey
from keys.principal_keys import PrincipalKeys
from keys.roots import REGISTRATIONS_KEY
from keys.signer import approval
from keys.stored_signatures import StoredSeal
from ops.audited import Desk
from ops.people import applications
from ops.people.registration import register, save
from schemas.approvals import ApprovalAction, digest_of
from schemas.audit import Fact
from schemas.levels import Level
from schemas.principals import Principal
from schemas.rule_tables.people import People
from schemas.staff import PermissionChange, StaffDocument
from store.database import Database
from store.principals import Principals
from tests.consumers.samples import NOW
from tests.harness.office import public

STRICT = People()
BOSS = "ops:1"
NDA: dict[str, Any] = {"agreement": "nda-1", "agreement_until": NOW + 90_000}


class Vault:
    """Signs with one key."""

    def __init__(self) -> None:
        self.key = SigningKey.generate()

    async def sign(self, key: str, data: bytes) -> bytes:
        return self.key.sign(data)

    async def public_key(self, key: str) -> bytes:
        return self.key.x


class Audit:
    """Keeps the events."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    async def publish(self, facts: list[Fact]) -> None:
        self.facts += facts


@dataclass
class Registry:
    """A database of its own, with people whom the archive signed."""

    desk: Desk
    database: Database
    staff: dict[str, PrincipalKeys] = field(default_factory=dict)

    def keys(self, name: str) -> PrincipalKeys:
        return self.staff.setdefault(name, PrincipalKeys.generate(f"person:{name}"))

    def person(self, name: str, *roles: str, **changes: Any) -> Principal:
        signing, receiving = public(self.keys(name)).valid(NOW - 9, NOW + 90_000)
        said = {"kind": "person", "department": "retail", "clearance": Level.BASIC, **NDA, **changes}
        return Principal(
            id=f"person:{name}", roles=frozenset(roles), signing_keys=(signing,), receiving_keys=(receiving,), **said
        )

    async def hire(self, name: str, *roles: str, **changes: Any) -> None:
        assert await save(self.desk, self.person(name, *roles, **changes), 0)

    async def insert(self, name: str, *roles: str) -> None:
        """Written to the database by somebody: nobody signed it."""
        assert await Principals(self.database).put(self.person(name, *roles))

    async def alter(self, name: str, **members: Any) -> None:
        done = await self.database["principals"].update_one({"_id": f"person:{name}"}, {"$set": members})
        assert done.modified_count == 1

    async def stored(self, name: str) -> Any:
        return await self.database["principals"].find_one({"_id": f"person:{name}"})

    async def seen(self, name: str) -> Principal:
        """As the workers take it."""
        directory = Directory(
            Principals(self.database),
            people=STRICT,
            seal=StoredSeal(self.desk.transit, REGISTRATIONS_KEY),
            wall=lambda: NOW,
        )
        await directory.refresh()
        found = directory.principal(f"person:{name}")
        assert found is not None
        return found

    async def applied(self, name: str, version: int, *roles: str, **changes: Any) -> PermissionChange:
        said = {"kind": "person", "department": "retail", "clearance": Level.BASIC, **NDA, **changes}
        return PermissionChange(
            id=str(uuid.uuid4()), principal=f"person:{name}", roles=roles, from_version=version, reason="r", **said
        )

    def signed(self, document: StaffDocument, action: ApprovalAction, *by: str) -> list[str]:
        digest = digest_of(document, BOSS)
        people = [self.keys(name) for name in by]
        return [approval(k.signing, approver=k.principal, action=action, digest=digest, at=NOW) for k in people]

    async def carry_out(self, change: PermissionChange, *by: str) -> Principal:
        tokens = self.signed(change, "approve-permission", *by)
        return await applications.carry_out(self.desk, change, tokens, STRICT, now=NOW)

    async def add(self, name: str, *roles: str, **more: Any) -> Principal:
        said = {"department": "retail", "clearance": Level.BASIC, "person": True, "now": NOW, "people": STRICT, **NDA}
        return await register(self.desk, public(self.keys(name)), roles=roles, **{**said, **more})
