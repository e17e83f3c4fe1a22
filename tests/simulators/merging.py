"""An archive in which customers are collected, merged, corrected and destroyed: the real appliers on one collection."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import orjson

from consumers.collect import decide
from consumers.destruction.destroyer import kept_from
from consumers.merge import Merger
from consumers.notify import Told
from consumers.reading.parts import sources
from consumers.received import Outcome
from consumers.rules import Rules
from consumers.update import Updater
from keys.cipher import FieldCipher
from keys.index import BlindIndex
from keys.principal_keys import PrincipalKeys
from keys.ring import KeyRing
from keys.roots import index_key
from ops.commands.approve import sign_approval
from schemas.commands import Merge, Unmerge
from schemas.errors import Refusal
from schemas.identity import identity_keys
from schemas.principals import Principal, PublicKey
from schemas.rulebook import Identity
from store.identities import Identities
from store.merges import Merges
from store.record import Record
from store.records import Records
from tests.consumers.samples import NOW, RULES, collect, principal, received, update
from tests.simulators.collection import SimulatedCollection
from tests.simulators.key_pages import SimulatedPages
from tests.simulators.vault import SimulatedVault

ONE_EACH: Rules = replace(RULES, book=RULES.book.model_copy(update={"identity": Identity(fields=("id_number",))}))
CRM = principal("sys:crm", "collector", "editor")
ARCHIVIST = principal("per:archivist", "archivist", kind="person")
SIGNERS = {"per:custodian": "custodian", "per:director": "director"}


class People:
    """Implements :class:`consumers.approvals.Registered`: who signs, by default the posts that sign merges."""

    def __init__(self, roles: Mapping[str, str] = SIGNERS, now: int = NOW) -> None:
        self.keys = {name: PrincipalKeys.generate(name) for name in roles}
        self.principals: dict[str, Principal] = {}
        for name, role in roles.items():
            keys = self.keys[name].signing
            signing = PublicKey(keys.kid, keys.x, now - 1000, now + 1000)
            self.principals[name] = replace(principal(name, role, kind="person"), signing_keys=(signing,))

    def principal(self, name: str) -> Principal | None:
        return self.principals.get(name)

    def signer(self, kid: str) -> tuple[str, PublicKey] | None:
        return next(((n, key) for n, who in self.principals.items() if (key := who.signing_key(kid))), None)


class NobodyReads:
    """Implements :class:`consumers.notify.NoticeStore`: there is nobody to tell."""

    async def readers_of(self, records: Collection[str], *, now: float) -> dict[str, frozenset[str]]:
        assert now == NOW
        return dict.fromkeys(records, frozenset())

    async def add(self, notices: Sequence[Any]) -> None:
        assert not notices


PEOPLE = People()


def link(
    kind: str,
    record: str,
    duplicate: str,
    versions: tuple[int, int],
    *by: str,
    now: int = NOW,
    people: People = PEOPLE,
    id: str | None = None,
) -> Any:
    """A merge or unmerge command, signed by the posts unless others are named."""
    model = Merge if kind == "merge" else Unmerge
    members = {
        "id": id or str(uuid.uuid4()), "type": kind, "record": record, "duplicate": duplicate, "reason": "同一客户",
        "from_version": versions[0], "duplicate_version": versions[1], "approvals": (),
    }  # fmt: skip
    command: Any = model.model_validate(members)
    tokens = [sign_approval(command, ARCHIVIST.id, people.keys[name], now=now) for name in by or SIGNERS]
    return command.model_copy(update={"approvals": tuple(tokens)})


class Archive:
    """Records, their keys, and what applies commands to them; ``held`` and ``gone`` are holds and the ledger."""

    def __init__(self) -> None:
        self.rows = SimulatedCollection("identity")
        database: Any = defaultdict(SimulatedCollection, records=self.rows)
        self.records, self.merges = Records(database), Merges(database)
        self.identities = Identities(database, self.records)
        self.vault, self.pages = SimulatedVault(), SimulatedPages()
        for field in ("id_number", "phone"):
            self.vault.add_key(index_key(field, 1), "hmac")
        self.held: set[str] = set()
        self.gone: set[str] = set()

    async def on(self, records: Collection[str], *, now: float) -> set[str]:
        assert now == NOW
        return self.held & set(records)

    async def get(self, records: Collection[str]) -> dict[str, Any]:
        return {name: SimpleNamespace() for name in records if name in self.gone}

    # --- commands ---

    async def collect(self, record: str, subject: str, fields: dict[str, Any], **changes: Any) -> str | None:
        """Store a record as a collect does; the archive that it duplicates."""
        command = collect(record=record, subject=subject, fields=fields, **changes)
        draft = decide(received(command, CRM), ONE_EACH)
        levels = {name: level for level, values in draft.values.items() for name in values}
        async with KeyRing(self.vault, self.pages) as ring:
            ((keys,),) = (await ring.allocate("c", [(record, draft.values.keys())]),)
        tokens = {
            name: (await BlindIndex(self.vault).tokens({name: [v]}))[name][0] for name, v in draft.indexed.items()
        }
        sealed = {
            name: FieldCipher(keys[level].dek, record, level).seal(name, 1, draft.values[level][name])
            for name, level in levels.items()
        }
        made = Record(
            id=record, subject=subject, version=1, level=draft.level, cohort="c", purpose=command.purpose,
            legal_basis="contract", fields=sealed, keys={level: key.ref for level, key in keys.items()},
            command=command.id, sender=CRM.id, ingest_keys=("k",), at_ms=NOW * 1000, tokens=tokens, stage=draft.stage,
            identity=identity_keys(command.purpose, subject, tokens, ONE_EACH.book.identity),
        )  # fmt: skip
        standing, duplicates = await self.identities.insert([made])
        assert not standing
        return duplicates.get(record)

    async def link(self, command: Any, sender: Principal = ARCHIVIST) -> Outcome:
        """Apply a merge or unmerge command, as one worker would."""
        async with KeyRing(self.vault, self.pages) as ring:
            merger = Merger(self.merges, self.records, self, self, ring, PEOPLE, ONE_EACH)  # type: ignore[arg-type]
            (outcome,) = await merger.apply([received(command, sender)], NOW)
        return outcome

    async def update(self, record: str, from_version: int, fields: dict[str, Any], rules: Rules = ONE_EACH) -> Outcome:
        command = update(record=record, from_version=from_version, fields=fields)
        async with KeyRing(self.vault, self.pages) as ring:
            told = Told(NobodyReads())
            approvals: Any = None  # asked for none here
            updater = Updater(self.records, ring, BlindIndex(self.vault), rules, told, approvals)
            (outcome,) = await updater.apply([received(command, CRM)], NOW)
        return outcome

    async def destroy(self, records: Sequence[str]) -> None:
        """Destroy as the key hierarchy does: the ledger first, then what keeps the records, then the keys and documents.

        Raises:
            Refusal: DG-MRG-005 or DG-DES-005.
        """
        if unnamed := await self.merges.unnamed(records):
            raise Refusal("DG-MRG-005", detail=", ".join(sorted(unnamed)))
        self.gone |= set(records)
        kept = await kept_from(self, self.merges, lambda: NOW)(records)  # type: ignore[arg-type]
        if kept:
            self.gone -= set(records)
            raise Refusal("DG-DES-005", detail=min(kept))
        keys = await self.records.keys_of(records)
        await self.records.erase_many({name: keys.get(name) for name in records}, at=NOW)

    # --- what can be read ---

    async def read(self, name: str, fields: Sequence[str]) -> dict[str, Any]:
        """What an unmasked read of an archive answers."""
        record = (await self.records.get([name]))[name]
        parts = await self.records.get(record.parts)
        return {field: await self._open(source, field) for field, source in sources(record, fields, parts).items()}

    async def own(self, name: str) -> dict[str, Any]:
        """Every value that the record itself holds."""
        record = (await self.records.get([name]))[name]
        return {field: await self._open(record, field) for field in record.fields}

    async def _open(self, record: Record, field: str) -> Any:
        level = ONE_EACH.catalogue.field(field).level
        async with KeyRing(self.vault, self.pages) as ring:
            deks = (await ring.open({record.id: record.keys}))[record.id]
        sealed = record.fields[field]
        version = record.field_versions.get(field, 1)
        return orjson.loads(FieldCipher(deks[level], record.id, level).open(field, version, sealed))
