"""A small office that applies, signs and gives back: the real desk on stores in memory, with the same conditions on
every write as in MongoDB.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from consumers.received import Outcome
from consumers.rules import Rules
from consumers.use.attested import Attested
from consumers.use.desk import Announce, UseDesk
from keys.principal_keys import PrincipalKeys
from ops.commands.approve import sign_approval
from ops.rules import load_rules
from schemas.approvals import ApprovalAction
from schemas.levels import Level
from schemas.principals import Grant, Principal, PublicKey
from schemas.rulebook import RuleBook
from schemas.use import Apply, Endorse, GiveBack
from store.applications import Application
from store.record import Record
from store.use_returns import Returned
from tests.consumers.samples import NOW, principal, received
from tests.simulators.attested import SigningVault

STRICT = load_rules()
#: What an organisation sets under the strictest rule book before anybody can use anything.
USED = {
    "use": {
        "purposes_by_department": {"retail": ["account_service", "marketing"], "analysis": ["marketing"]},
        "products": {"deposit": ["low", "medium"], "fund": ["low"]},
        "shared_terminals": ["counter-1"],
    }
}
ROLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "per:reader": ("retail", ("reader",)),
    "per:manager": ("retail", ("client_manager",)),
    "per:manager2": ("retail", ("client_manager",)),
    "per:head": ("retail", ("unit_head",)),
    "per:both": ("retail", ("client_manager", "unit_head")),
    "per:dept": ("retail", ("department_head",)),
    "per:gm": ("board", ("general_manager",)),
    "per:gm2": ("board", ("general_manager",)),
    "per:steward": ("retail", ("steward_manager", "reader")),
    "per:other": ("analysis", ("reader",)),
    "per:otherman": ("analysis", ("client_manager",)),
    "per:duty": ("retail", ("reader", "emergency")),
    "per:archivist": ("archive", ("archivist",)),
    "per:admin": ("retail", ("administrator",)),
    "sys:crm": ("retail", ("client_manager",)),
}


def rules_with(**tables: Any) -> Rules:
    """The strictest rules, with what every organisation sets, and more."""
    layers = [{table: values} for table, values in tables.items()]
    return replace(STRICT, book=RuleBook.from_mappings(USED, *layers))


def moment(at: float) -> str:
    """RFC 3339, of UNIX seconds."""
    return datetime.fromtimestamp(at, UTC).isoformat()


async def open_gate(*_: str) -> None:
    """No other task gets a turn before a call."""


class Staff:
    """Registered people with their keys. Implements :class:`consumers.approvals.Registered`."""

    def __init__(self) -> None:
        self.keys = {name: PrincipalKeys.generate(name) for name in ROLES}
        self.people: dict[str, Principal] = {}
        for name, (department, roles) in ROLES.items():
            signing = PublicKey(self.keys[name].signing.kid, self.keys[name].signing.x, NOW - 9000, NOW + 90_000_000)
            kind = "system" if name.startswith("sys") else "person"
            who = principal(name, *roles, kind=kind, department=department)
            self.people[name] = replace(who, signing_keys=(signing,))

    def principal(self, principal: str) -> Principal | None:
        return self.people.get(principal)

    def signer(self, kid: str) -> tuple[str, PublicKey] | None:
        return next(((who.id, key) for who in self.people.values() if (key := who.signing_key(kid))), None)

    def change(self, name: str, **changes: Any) -> None:
        """Register somebody anew."""
        self.people[name] = replace(self.people[name], **changes)

    def change_key(self, name: str, **changes: Any) -> None:
        """Change somebody's signing key."""
        self.change(name, signing_keys=(replace(self.people[name].signing_keys[0], **changes),))


class Crash(Exception):
    """The process ends here."""


class Stores:
    """Applications, grants, returns and records; ``gate`` is awaited before and after every write."""

    def __init__(self, gate: Callable[..., Awaitable[None]] = open_gate) -> None:
        self.gate = gate
        self.applications: dict[str, Application] = {}
        self.grants: dict[str, Grant] = {}
        self.returns: dict[str, Returned] = {}
        self.records: dict[str, Record] = {}


class SimulatedApplications:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def add(self, application: Application) -> bool:
        await self._stores.gate("add")
        if application.id in self._stores.applications:
            return False
        self._stores.applications[application.id] = application
        await self._stores.gate("added")
        return True

    async def get(self, application: str) -> Application | None:
        await self._stores.gate("get")
        return self._stores.applications.get(application)

    async def swap(self, seen: Application, changed: Application) -> bool:
        await self._stores.gate("swap")
        current = self._stores.applications[seen.id]
        if current.version != seen.version:
            return False
        self._stores.applications[seen.id] = replace(changed, version=seen.version + 1)
        await self._stores.gate("swapped")
        return True

    async def open_of(self, applicant: str, *, now: int, limit: int) -> int:
        mine = [one for one in self._stores.applications.values() if one.applicant == applicant]
        return min(limit, sum(one.state in ("applied", "endorsed") and one.not_after > now for one in mine))

    async def is_overdue(self, applicant: str, *, before: int) -> bool:
        mine = [one for one in self._stores.applications.values() if one.applicant == applicant]
        return any(one.state in ("granted", "copies_outstanding") and one.not_after <= before for one in mine)


class SimulatedGrants:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def get(self, ids: Collection[str]) -> dict[str, Grant]:
        await self._stores.gate("grants")
        return {name: self._stores.grants[name] for name in ids if name in self._stores.grants}

    async def put(self, grant: Grant) -> bool:
        await self._stores.gate("put")
        if grant.id in self._stores.grants:
            return False
        self._stores.grants[grant.id] = grant
        await self._stores.gate("has put")
        return True

    async def give_back(self, grant: str, *, at: int) -> bool:
        await self._stores.gate("give back")
        known = self._stores.grants.get(grant)
        if known is None or known.returned_at is not None:
            return False
        self._stores.grants[grant] = replace(known, returned_at=at)
        await self._stores.gate("given back")
        return True

    async def recall(self, grant: str, *, at: int) -> bool:
        await self._stores.gate("recall")
        known = self._stores.grants.get(grant)
        if known is None or known.recalled_at is not None:
            return False
        self._stores.grants[grant] = replace(known, recalled_at=at)
        return True


class SimulatedReturns:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def get(self, grants: Collection[str]) -> dict[str, Returned]:
        return {name: self._stores.returns[name] for name in grants if name in self._stores.returns}

    async def put(self, returned: Returned, *, instead_of: Returned | None) -> bool:
        await self._stores.gate("return")
        known = self._stores.returns.get(returned.grant)
        if (known.command if known else None) != (instead_of.command if instead_of else None):
            return False
        self._stores.returns[returned.grant] = returned
        await self._stores.gate("returned")
        return True


class SimulatedRecords:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def get(self, ids: Collection[str]) -> dict[str, Record]:
        await self._stores.gate("records")
        return {name: self._stores.records[name] for name in ids if name in self._stores.records}


class Office:
    """Applies, signs and gives back; ``time`` is UNIX seconds."""

    def __init__(
        self,
        rules: Rules | None = None,
        *,
        gate: Callable[..., Awaitable[None]] = open_gate,
        announce: Announce | None = None,
    ) -> None:
        self.rules = rules or rules_with()
        self.staff, self.stores, self.time, self.vault = Staff(), Stores(gate), NOW, SigningVault()
        self.stores.records["rec-0001"] = record("rec-0001")
        stores = self.stores
        self.desk = UseDesk(
            SimulatedApplications(stores),
            SimulatedGrants(stores),
            SimulatedReturns(stores),
            SimulatedRecords(stores),
            self.staff,
            self.rules,
            Attested(self.vault, demanded=True),
            announce,
        )

    async def send(self, command: Any, sender: str) -> Outcome:
        """One command, as if it had just been opened."""
        who = self.staff.people[sender]
        (outcome,) = await self.desk.apply([received(command, who, at_ms=self.time * 1000)], self.time)
        return outcome

    async def apply(self, sender: str = "per:reader", **changes: Any) -> tuple[str, str | None]:
        """Apply; the application's id and the code of a refusal."""
        command = self.application(**changes)
        outcome = await self.send(command, sender)
        return command.id, outcome.result.code

    def application(self, **changes: Any) -> Apply:
        """A complete application for a day, of two basic fields."""
        members: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "type": "apply",
            "records": ["rec-0001"],
            "fields": ["city", "gender"],
            "purpose": "account_service",
            "reason": "the customer asks for a loan",
            "contact": "staff:17",
            "not_before": moment(self.time),
            "not_after": moment(self.time + 86_400),
        }
        return Apply.model_validate(members | changes)

    def signed(
        self, application: str, signer: str, action: ApprovalAction = "approve-use", *, at: int | None = None
    ) -> str:
        """A signature under an application."""
        known = self.stores.applications[application]
        request = Apply.model_validate(known.request)
        return sign_approval(
            request, known.applicant, self.staff.keys[signer], now=self.time if at is None else at, action=action
        )

    async def endorse(
        self,
        application: str,
        signer: str,
        action: ApprovalAction = "approve-use",
        *,
        token: str | None = None,
        reason: str | None = None,
        name: str | None = None,
        sender: str | None = None,
    ) -> str | None:
        """Sign and send, what has a reason by the signer himself; the code of a refusal."""
        sender = sender or ("per:reader" if action == "approve-use" else signer)
        token = token or self.signed(application, signer, action)
        said = reason or (None if action == "approve-use" else "not needed")
        command = Endorse(
            id=name or str(uuid.uuid4()), type="endorse", application=application, reason=said, approvals=(token,)
        )
        return (await self.send(command, sender)).result.code

    async def granted(self, sender: str = "per:reader", **changes: Any) -> str:
        """Apply and have everybody sign; the grant's id."""
        name, code = await self.apply(sender, **changes)
        assert code is None, code
        signers = {
            "client_manager": "per:manager",
            "unit_head": "per:head",
            "department_head": "per:dept",
            "general_manager": "per:gm",
        }
        for post in self.stores.applications[name].posts:
            assert await self.endorse(name, signers[post]) is None
        return f"use:{name}"

    async def give_back(self, grant: str, sender: str = "per:reader", **changes: Any) -> str | None:
        """Give back; the code of a refusal."""
        members = {"id": str(uuid.uuid4()), "type": "give_back", "grant": grant, "usage": "read for the loan"}
        return (await self.send(GiveBack.model_validate(members | changes), sender)).result.code


def record(name: str, **changes: Any) -> Record:
    """A record of the retail department, of a customer of low risk, without values."""
    made = Record(
        id=name,
        subject="sub-0001",
        version=1,
        level=Level.BASIC,
        cohort="c",
        purpose="account_service",
        legal_basis="contract",
        fields={},
        keys={},
        command="c",
        sender="sys:crm",
        ingest_keys=(),
        at_ms=NOW * 1000,
        intake={
            "custodian": "per:manager",
            "assessment": {"risk_grade": "low"},
            "household": {"building": "b-07", "floor": 1, "unit": "1-1"},
        },
    )
    return replace(made, **changes)
