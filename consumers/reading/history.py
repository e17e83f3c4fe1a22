"""Reading what is not current (版本变更, clause UPD-04): an earlier version, a proposal, the list of versions.

A grant must say ``history``. Everything else is as for a read of the present: the same policies, the same masks, the
same audit event, which names the version that was shown. Only fields that the grant covers are shown or listed. A
reason may tell the value of any field that changed with it, so it is shown to whom all of those are granted and clear.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import orjson

from consumers.authorize import may_open
from consumers.by_type import Applier
from consumers.consents import refuse_withdrawn
from consumers.propose import opened, reason_of
from consumers.reading.grants import NamedGrants
from consumers.reading.leases import Lease, lease_of
from consumers.reading.purposes import Purposes
from consumers.reading.readable import check_known
from consumers.reading.refusals import refusal_of
from consumers.reading.usable import check_usable
from consumers.received import OF_THE_RECORD, Outcome, Received, fact
from consumers.revise import REASON
from consumers.rules import Rules
from consumers.sealing.closed import refuse_sealed
from keys.cipher import FieldCipher
from keys.ring import Deks, KeyRing
from schemas.combination import about_person, handled_as, shown
from schemas.commands import Access
from schemas.errors import DanganError, Refusal
from schemas.levels import Level
from schemas.principals import Grant
from schemas.replies import Result
from store.proposals import Proposal, Proposals
from store.record import Record
from store.records import Records
from store.requests import Requests

#: A field's ciphertext and the version it was written in.
Written = tuple[bytes, int]
_NAMES = ("event", "proposal", "proposed_by", "approved_by", "link")


@dataclass(frozen=True, slots=True)
class PastLease(Lease):
    """A read of the past that the rules allow.

    Attributes:
        granted: the fields that the grant covers, asked for or not.
        levels: those that the policies let the reader see for the purpose.
    """

    granted: frozenset[str]
    levels: frozenset[Level]

    def tells(self, changed: Collection[str], level: Level) -> bool:
        """Whether the reason for a change is shown.

        Args:
            changed: the fields that changed; of none (a merge), whoever sees any field in clear is told.
            level: the reason's own.
        """
        wanted = changed or ("*",)
        return level in self.levels and all(
            name in allowed or "*" in allowed for allowed in (self.granted, self.clear) for name in wanted
        )


def decide(received: Received[Access], grant: Grant | None, rules: Rules, now: float) -> PastLease:
    """Check one read of the past against policies and grant, whatever the record holds.

    Raises:
        Refusal: DG-COL-001, 005, 006, 007, DG-CMD-004, DG-ACC-001 to 004, 006, DG-COR-005.
    """
    command = received.command
    lease = lease_of(received, grant, rules.catalogue, rules.authorizer, now)
    if grant is None or not grant.history:
        raise Refusal("DG-COR-005")
    allows = rules.authorizer.allows
    levels = frozenset(each for each in Level if allows(received.sender, "access", each, command.purpose))
    return PastLease(lease.fields, lease.clear, lease.level, granted=grant.fields, levels=levels)


def as_of(record: Record, version: int) -> dict[str, Written]:
    """The fields as they were in a version, from the newest one back through the history.

    Raises:
        Refusal: DG-COR-006 when there was no such version.
    """
    if not 1 <= version <= record.version:
        raise Refusal("DG-COR-006", detail=f"current version {record.version}")
    fields: dict[str, Written] = {
        name: (sealed, record.field_versions.get(name, 1)) for name, sealed in record.fields.items()
    }
    for entry in reversed(record.history):
        if entry["version"] < version:
            break
        for name, (sealed, written) in entry["fields"].items():
            if sealed is None:
                fields.pop(name, None)
            else:
                fields[name] = (bytes(sealed), written)
    return fields


class PastReader:
    """Answers reads of the past, one after the other: they are rare, and each may be large."""

    def __init__(
        self,
        records: Records,
        proposals: Proposals,
        grants: NamedGrants,
        requests: Requests,
        purposes: Purposes,
        ring: KeyRing,
        rules: Rules,
    ) -> None:
        self._records = records
        self._proposals = proposals
        self._grants = grants
        self._requests = requests
        self._purposes = purposes
        self._ring = ring
        self._rules = rules

    async def apply(self, batch: Sequence[Received[Access]], now: float) -> list[Outcome]:
        """Decide and read; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        return [await self._one(received, now) for received in batch]

    async def _one(self, received: Received[Access], now: float) -> Outcome:
        command = received.command
        try:
            place = {command.id: f"{received.place}/{received.at}"}
            replayed = await self._requests.replayed(place, now=now)
            grant = await self._grants.one(received, now)
            lease = decide(received, grant, self._rules, now)
            if replayed:
                raise Refusal("DG-CMD-003")
            record = (await self._records.get([command.record], history=True)).get(command.record)
            if record is None:
                raise Refusal("DG-ACC-007")
            self._check_record(received, record, grant, lease)
            await self._purposes.check(record, command.purpose)
            version, values = await self._answer(received, lease, record)
        except DanganError as error:
            if not isinstance(error, Refusal) and error.code not in OF_THE_RECORD:
                raise
            return refusal_of(received, error, self._rules.catalogue)
        event = fact(
            received,
            "access",
            record=record.id,
            subject=record.subject,
            fields=lease.fields,
            level=lease.level,
            purpose=command.purpose,
            grant=command.grant,
            version=version,
        )
        clear = tuple(name for name in lease.fields if name in values and self._is_clear(lease, name)) or None
        result = Result(id=command.id, status="accepted", version=version, values=values, clear=clear)
        return Outcome(result, (event,))

    def _is_clear(self, lease: Lease, name: str) -> bool:
        return _clear(lease, name) and self._rules.catalogue.field(name).level is not Level.BASIC

    def _check_record(self, received: Received[Access], record: Record, grant: Grant | None, lease: Lease) -> None:
        """As for a read of the present, but that what was merged into another archive keeps a past of its own.

        Raises:
            Refusal: DG-ACC-001, 007 to 010, DG-SEL-001.
        """
        reader, authorizer = received.sender, self._rules.authorizer
        check_known(record, grant, reader, lease.level, received.command.purpose, authorizer, self._rules.book.use)
        refuse_withdrawn(record)
        refuse_sealed(record)
        if record.part_of is None:
            check_usable(record, reader, authorizer)
        elif record.objected:
            raise Refusal("DG-ACC-010")

    async def _answer(
        self, received: Received[Access], lease: PastLease, record: Record
    ) -> tuple[int, dict[str, object]]:
        """Which version is shown, and what of it."""
        command = received.command
        if command.proposal is not None:
            proposal = await self._proposals.get(command.proposal)
            if proposal is None or proposal.record != record.id or proposal.values is None:
                raise Refusal("DG-COR-001")
            return proposal.version, await self._proposed(proposal, lease, record)
        if command.version is not None:
            return command.version, await self._earlier(as_of(record, command.version), lease, record)
        return record.version, await self._versions(received, lease, record)

    async def _earlier(self, fields: Mapping[str, Written], lease: Lease, record: Record) -> dict[str, object]:
        deks = await self._deks(record)
        wanted = {name: fields[name] for name in lease.fields if name in fields}
        plain: dict[str, bytes | None] = {}
        for name, (sealed, written) in wanted.items():
            level = self._rules.catalogue.field(name).level
            plain[name] = FieldCipher(deks[level], record.id, level).open(name, written, sealed)
        return self._shown(plain, lease, record)

    async def _proposed(self, proposal: Proposal, lease: PastLease, record: Record) -> dict[str, object]:
        deks = await self._deks(record)
        values = self._shown(opened(proposal, deks, lease.fields), lease, record)
        if lease.tells(proposal.levels, proposal.reason_level):
            values["_reason"] = reason_of(proposal, deks)
        return values

    async def _versions(self, received: Received[Access], lease: PastLease, record: Record) -> dict[str, object]:
        """Who changed the fields, when and why; the reason only as :meth:`PastLease.tells`."""
        deks = await self._deks(record)
        known = await self._known(received, lease, record)
        asked = set(lease.fields)
        # Merges and their undoing change no field; they are listed for everybody who may know of both records.
        listed = [
            _entry(entry, lease, record, deks)
            for entry in record.history
            if (_other(entry) or record.id) in known and (not entry["fields"] or entry["fields"].keys() & asked)
        ]
        first = {"version": 1, "by": record.sender, "at": record.at_ms}
        # What was merged into the archive has versions of its own, under its own id.
        parts = [each for each in record.parts if each in known]
        return {"_versions": [first, *listed]} | ({"_parts": parts} if parts else {})

    async def _known(self, received: Received[Access], lease: PastLease, record: Record) -> set[str]:
        """This record, and those among its parts and the other sides of its merges that policies show the reader."""
        named = {*record.parts, *filter(None, map(_other, record.history))} - {record.id}
        found = await self._records.get(named) if named else {}
        reader, purpose, authorizer = received.sender, received.command.purpose, self._rules.authorizer
        return {record.id} | {
            each.id for each in found.values() if may_open(each, reader, lease.level, purpose, authorizer)
        }

    def _shown(self, plain: Mapping[str, bytes | None], lease: Lease, record: Record) -> dict[str, object]:
        """The values, masked like those of today."""
        specs = {name: self._rules.catalogue.field(name) for name in plain}
        together = {spec.level for spec in specs.values()}
        person, rules = about_person(record.intake), self._rules.book.sensitivity
        values: dict[str, object] = {}
        for name, text in plain.items():
            if text is None:
                values[name] = None
                continue
            value, spec = orjson.loads(text), specs[name]
            handled = handled_as(spec.level, together, person=person, rules=rules)
            values[name] = value if _clear(lease, name) else shown(spec, value, handled)
        return values

    async def _deks(self, record: Record) -> Deks:
        return (await self._ring.open({record.id: record.keys}))[record.id]


class NowOrPast:
    """Hands reads of the present and reads of the past to whom they concern, in the order in which they came."""

    def __init__(self, now: Applier, past: PastReader) -> None:
        self._now = now
        self._past = past

    async def apply(self, batch: Sequence[Received[Access]], now: float) -> list[Outcome]:
        """One outcome for each command, in order."""
        outcomes: list[Outcome] = []
        for past, run in groupby(batch, key=lambda received: received.command.of_the_past):
            outcomes += await (self._past if past else self._now).apply(list(run), now)
        return outcomes


def _other(entry: Mapping[str, Any]) -> str | None:
    """The record on the other side of a merge or its undoing; None for an entry that is neither."""
    return entry["link"]["with"] if "link" in entry else None


def _entry(entry: Mapping[str, Any], lease: PastLease, record: Record, deks: Deks) -> dict[str, object]:
    told: dict[str, object] = {
        "version": entry["version"] + 1,
        "by": entry["by"],
        "at": entry["at"],
        "fields": sorted(entry["fields"].keys() & set(lease.fields)),
        "evidence": entry["evidence"],
    }
    told |= {name: entry[name] for name in _NAMES if name in entry}
    level = Level(entry["reason_level"])
    if lease.tells(entry["fields"], level):
        sealed = FieldCipher(deks[level], record.id, level).open(REASON, entry["version"] + 1, bytes(entry["reason"]))
        told["reason"] = orjson.loads(sealed)
    return told


def _clear(lease: Lease, name: str) -> bool:
    return name in lease.clear or "*" in lease.clear
