"""An archive whose records are corrected: the real appliers on simulated stores, so that no server is needed."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson

from consumers.decide_proposal import Decider
from consumers.notify import Told
from consumers.propose import Proposer
from consumers.reading.history import as_of
from consumers.received import Outcome, Received
from consumers.rules import Rules
from consumers.update import Updater
from keys.cipher import FieldCipher
from keys.index import BlindIndex
from keys.ring import KeyRing
from keys.roots import index_key
from schemas.collection_approval import Approved
from schemas.levels import Level, highest
from schemas.principals import Principal, PublicKey
from store.record import Record
from tests.consumers.samples import NOW, RULES, principal
from tests.simulators.documents import SimulatedDocuments, SimulatedNotices, SimulatedProposals
from tests.simulators.key_pages import SimulatedPages
from tests.simulators.store import Gated
from tests.simulators.vault import SimulatedVault

READER = "sys:branch"
EDITOR = principal("sys:crm", "editor")
CLERK = principal("person:clerk", kind="person")
CUSTODIAN = principal("person:custodian", "custodian", kind="person")


async def no_pause(_seconds: float) -> None:
    return


async def open_gate(*_: str) -> None:
    return


class NamedPeople:
    """Implements :class:`consumers.approvals.Registered`."""

    def __init__(self, *people: Principal) -> None:
        self._people = {who.id: who for who in people}

    def principal(self, principal: str) -> Principal | None:
        return self._people.get(principal)

    def signer(self, kid: str) -> tuple[str, PublicKey] | None:
        return next(((who.id, key) for who in self._people.values() if (key := who.signing_key(kid))), None)


class Corrections:
    """``gate`` is awaited before every call to Vault or a store."""

    def __init__(
        self, gate: Callable[..., Awaitable[None]] = open_gate, rules: Rules = RULES, people: NamedPeople | None = None
    ) -> None:
        self.vault, self.pages = SimulatedVault(), SimulatedPages()
        self.vault.before_call = gate
        for name, spec in rules.catalogue.fields.items():
            if spec.index:
                self.vault.add_key(index_key(name, 1), "hmac")
        self.documents, self.proposals = SimulatedDocuments(), SimulatedProposals()
        self.notices = SimulatedNotices([READER])
        self.approved: dict[str, Approved] = {}
        self.time = NOW
        self.people = people or NamedPeople(EDITOR, CLERK, CUSTODIAN)
        self._rules = rules
        self._gate = gate

    @asynccontextmanager
    async def ring(self) -> AsyncIterator[KeyRing]:
        async with KeyRing(self.vault, Gated(self.pages, self._gate), sleep=no_pause) as ring:
            yield ring

    async def store(self, record: str, values: dict[str, Any], **changes: Any) -> None:
        """A record as a collect would leave it."""
        catalogue = self._rules.catalogue
        levels = {catalogue.field(name).level for name in values}
        async with KeyRing(self.vault, self.pages, sleep=no_pause) as ring:
            (keys,) = await ring.allocate("cohort", [(record, levels)])
        fields = {}
        for name, value in values.items():
            level = catalogue.field(name).level
            fields[name] = FieldCipher(keys[level].dek, record, level).seal(name, 1, orjson.dumps(value))
        stored = Record(
            id=record, subject="sub-0001", version=1, level=highest(levels), cohort="cohort",
            purpose="account_service", legal_basis="contract", fields=fields, command=str(uuid.uuid4()),
            sender="sys:collector", keys={level: key.ref for level, key in keys.items()}, ingest_keys=(), at_ms=NOW * 1000,
        )  # fmt: skip
        self.documents.records[record] = replace(stored, **changes)

    async def known(self, references: Collection[str], _now: float) -> dict[str, Approved]:
        """The approvals of core-sensitive collection that count, as consumers/collection_approvals.py tells them."""
        return {each: self.approved[each] for each in references if each in self.approved}

    async def apply(self, received: Received[Any]) -> Outcome:
        """The real applier of the command, as one worker would run it."""
        documents: Any = Gated(self.documents, self._gate)
        proposals: Any = Gated(self.proposals, self._gate)
        told = Told(Gated(self.notices, self._gate))
        approvals: Any = self
        async with self.ring() as ring:
            index = BlindIndex(self.vault)
            applier: Any = {
                "update": lambda: Updater(documents, ring, index, self._rules, told, approvals),
                "propose": lambda: Proposer(documents, proposals, documents, ring, self._rules),
                "decide": lambda: Decider(documents, proposals, ring, index, self._rules, self.people, told),
            }[received.command.type]()
            (outcome,) = await applier.apply([received], self.time)
        assert isinstance(outcome, Outcome)
        return outcome

    async def values(self, record: str, version: int) -> dict[str, Any]:
        """What the record held in that version, decrypted with the keys that it names."""
        found = self.documents.records[record]
        async with KeyRing(self.vault, self.pages, sleep=no_pause) as ring:
            deks = (await ring.open({record: found.keys}))[record]
        values = {}
        for name, (sealed, written) in as_of(found, version).items():
            level: Level = self._rules.catalogue.field(name).level
            values[name] = orjson.loads(FieldCipher(deks[level], record, level).open(name, written, sealed))
        return values
