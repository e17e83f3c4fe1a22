"""Use (使用): a read under a grant, masked unless the grant says clear.

The values leave this module inside an outcome; streams/ releases them only after the outcome's audit event
is durable (clause AUD-01).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from consumers.authorize import Authorizer
from consumers.consents import refuse_withdrawn
from consumers.reading.parts import sources, wanted_parts
from consumers.reading.usable import check_usable
from consumers.received import Outcome, Received, fact, refused
from keys.cipher import FieldCipher
from keys.ports import KeyRef
from keys.ring import Deks, KeyRing
from schemas.catalogue import Catalogue
from schemas.combination import about_person, combined_level, handled_as, shown
from schemas.commands import Access
from schemas.errors import DanganError, Refusal
from schemas.levels import Level
from schemas.principals import Grant
from schemas.replies import Result
from schemas.rulebook import Sensitivity
from schemas.values import looks_personal
from store.principals import Grants
from store.reads import Reads
from store.records import Record
from store.requests import Requests


@dataclass(frozen=True, slots=True)
class Lease:
    """A read that the rules allow: which fields to open, and which of them to show unmasked."""

    fields: tuple[str, ...]
    clear: frozenset[str]
    level: Level


def decide(
    received: Received[Access],
    record: Record | None,
    grant: Grant | None,
    catalogue: Catalogue,
    authorizer: Authorizer,
    now: float,
) -> Lease:
    """Check one read against policies and grant.

    Whether the record exists shows only to those whose grant covers it: every other case is answered
    with the same code.

    Raises:
        Refusal: DG-CMD-004, DG-ACC-001, 002, 003, 004, 006, 007, 008, 010, DG-COL-001, 005, 006 or 007, DG-MRG-004.
    """
    command = received.command
    check_references(command)
    catalogue.purpose(command.purpose)
    level = combined_level({catalogue.needed_field(name, command.purpose).level for name in command.fields})
    lease = grant_covers(received, grant, command.fields, level, authorizer, now)
    if record is None:
        raise Refusal("DG-ACC-007")
    refuse_withdrawn(record)
    if record.part_of is not None:
        raise Refusal("DG-MRG-004", detail=record.part_of)
    if record.stage != "archived" or record.objected:  # seldom: the call is spared
        check_usable(record, received.sender, authorizer)
    return lease


def check_references(command: Access) -> None:
    """Refuse references that look like personal data.

    Raises:
        Refusal: DG-COL-007.
    """
    if any(map(looks_personal, (command.record, command.grant, command.attachment or "none"))):
        raise Refusal("DG-COL-007")


def grant_covers(
    received: Received[Access],
    grant: Grant | None,
    names: Sequence[str],
    level: Level,
    authorizer: Authorizer,
    now: float,
) -> Lease:
    """What policies and grant let the sender read, whatever the record holds.

    Args:
        names: what is asked for: fields, or ``attachment.KIND``.
        level: the highest level among them.

    Raises:
        Refusal: DG-CMD-004, DG-ACC-001, 002, 003, 004 or 006.
    """
    command, sender = received.command, received.sender
    if not authorizer.allows(sender, "access", level, command.purpose):
        raise Refusal("DG-CMD-004")
    if grant is None or grant.principal != sender.id or not _covers(grant.records, command.record):
        raise Refusal("DG-ACC-001")
    recalled = grant.recalled_at is not None and now >= grant.recalled_at
    if recalled or grant.returned_at is not None or not grant.not_before <= now < grant.not_after:
        raise Refusal("DG-ACC-002")
    if grant.purpose != command.purpose:
        raise Refusal("DG-ACC-004")
    for name in names:
        if not _covers(grant.fields, name):
            raise Refusal("DG-ACC-003", field=name)
    if sender.receiving_key(now) is None:
        raise Refusal("DG-ACC-006")
    return Lease(tuple(dict.fromkeys(names)), grant.clear, level)


def _covers(granted: frozenset[str], name: str) -> bool:
    return "*" in granted or name in granted


class Reader:
    """Answers batches of access commands."""

    def __init__(
        self,
        reads: Reads,
        grants: Grants,
        requests: Requests,
        ring: KeyRing,
        catalogue: Catalogue,
        authorizer: Authorizer,
        sensitivity: Sensitivity | None = None,
    ) -> None:
        self._reads = reads
        self._grants = grants
        self._requests = requests
        self._ring = ring
        self._catalogue = catalogue
        self._authorizer = authorizer
        self._sensitivity = sensitivity or Sensitivity()

    async def apply(self, batch: Sequence[Received[Access]], now: float) -> list[Outcome]:
        """Decide and read; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        seen: dict[str, str] = {}
        twice: set[int] = set()
        for at, received in enumerate(batch):
            place = f"{received.place}/{received.at}"
            if seen.setdefault(received.command.id, place) != place:
                twice.add(at)
        # Noting the requests is one durable write: it runs beside the reads, and is awaited before any answer.
        noting = asyncio.create_task(self._requests.replayed(seen, now=now))
        try:
            outcomes = await self._decided(batch, now)
        finally:
            replayed = await noting
        for at, received in enumerate(batch):
            personal = outcomes[at].result.code == "DG-COL-007"  # its event names nothing, and stays so
            if not personal and (at in twice or received.command.id in replayed):
                outcomes[at] = self._refused(received, None, Refusal("DG-CMD-003"))
        return outcomes

    async def _decided(self, batch: Sequence[Received[Access]], now: float) -> list[Outcome]:
        fields = self._catalogue.fields
        levels = {fields[name].level for received in batch for name in received.command.fields if name in fields}
        grants, (records, pages) = await asyncio.gather(
            self._grants.get({received.command.grant for received in batch}),
            self._reads.fetch({received.command.record for received in batch}, levels),
        )
        parts: Mapping[str, Record] = {}
        if any(record.parts for record in records.values()):
            parts, more = await self._reads.fetch(_wanted_parts(batch, records), levels)
            pages = {**pages, **more}
        leases: dict[int, Lease] = {}
        read: dict[int, Mapping[str, Record]] = {}
        outcomes: dict[int, Outcome] = {}
        for at, received in enumerate(batch):
            command = received.command
            record, grant = records.get(command.record), grants.get(command.grant)
            try:
                leases[at] = decide(received, record, grant, self._catalogue, self._authorizer, now)
            except Refusal as refusal:
                outcomes[at] = self._refused(received, record, refusal)
            else:
                read[at] = sources(records[command.record], leases[at].fields, parts)
        deks = await self._ring.open_with(pages, _needed(read.values(), self._catalogue))
        for at, lease in leases.items():
            record = records[batch[at].command.record]
            try:
                values = self._values(lease, record, read[at], deks)
            except DanganError as error:
                outcomes[at] = self._refused(batch[at], record, error)
            else:
                outcomes[at] = _answered(batch[at], record, lease, read[at], values)
        return [outcomes[at] for at in range(len(batch))]

    def _values(
        self, lease: Lease, record: Record, read: Mapping[str, Record], opened: Mapping[str, Deks | DanganError]
    ) -> dict[str, object]:
        ciphers: dict[tuple[str, Level], FieldCipher] = {}
        for source in {each.id for each in read.values()}:
            deks = opened[source]
            if isinstance(deks, DanganError):
                raise deks
            ciphers |= {(source, level): FieldCipher(dek, source, level) for level, dek in deks.items()}
        values: dict[str, object] = {}
        together = {self._catalogue.field(name).level for name in read}
        person = about_person(record.intake)
        for name, source_record in read.items():
            spec = self._catalogue.field(name)
            version = source_record.field_versions.get(name, 1)
            cipher = ciphers[source_record.id, spec.level]
            value = orjson.loads(cipher.open(name, version, source_record.fields[name]))
            clear = name in lease.clear or "*" in lease.clear
            handled = handled_as(spec.level, together, person=person, rules=self._sensitivity)
            values[name] = value if clear else shown(spec, value, handled)
        return values

    def _refused(self, received: Received[Access], record: Record | None, error: DanganError) -> Outcome:
        command = received.command
        # Only words of the catalogue go into the audit stream: any other could be anything.
        known = tuple(name for name in command.fields if name in self._catalogue.fields)
        event = fact(
            received,
            "access",
            record=command.record,
            subject=record.subject if record else None,
            allowed=False,
            code=error.code,
            fields=known,
            purpose=command.purpose if command.purpose in self._catalogue.purposes else None,
            grant=None if error.code == "DG-COL-007" else command.grant,
        )
        return Outcome(refused(received, error), (event,))


def _wanted_parts(batch: Sequence[Received[Access]], records: Mapping[str, Record]) -> set[str]:
    asked: dict[str, set[str]] = {}
    for received in batch:
        asked.setdefault(received.command.record, set()).update(received.command.fields)
    return wanted_parts(records, asked)


def _needed(reads: Iterable[Mapping[str, Record]], catalogue: Catalogue) -> dict[str, dict[Level, KeyRef]]:
    """The key references that the reads need, and no others."""
    needed: dict[str, dict[Level, KeyRef]] = {}
    for read in reads:
        for name, record in read.items():
            level = catalogue.field(name).level
            needed.setdefault(record.id, {})[level] = record.keys[level]
    return needed


def _answered(
    received: Received[Access],
    record: Record,
    lease: Lease,
    read: Mapping[str, Record],
    values: Mapping[str, object],
) -> Outcome:
    """The answer, and an event for the archive and for each of its parts that was opened."""
    command = received.command
    fields: dict[str, tuple[str, ...]] = {}
    for name, source in read.items():
        if source is not record:
            fields[source.id] = (*fields.get(source.id, ()), name)
    opened = {source.id: source for source in read.values()}
    events = tuple(
        fact(
            received,
            "access",
            record=each.id,
            subject=each.subject,
            fields=names,
            level=lease.level,
            purpose=command.purpose,
            grant=command.grant,
            version=each.version,
        )
        for each, names in ((record, lease.fields), *((opened[part], names) for part, names in fields.items()))
    )
    result = Result(id=command.id, status="accepted", version=record.version, values=dict(values))
    return Outcome(result, events)
