"""Reading an attachment, one part a command: the grant decides as for fields, and must let it be read in clear.

A scan cannot be masked. As with fields, the part leaves this module inside an outcome, which streams/ releases only
after the outcome's audit event is durable (clause AUD-01).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from consumers.authorize import check_open, may_open
from consumers.consents import refuse_withdrawn
from consumers.reading.access import Reader
from consumers.reading.grants import NamedGrants
from consumers.reading.leases import check_references, grant_covers
from consumers.reading.purposes import Purposes
from consumers.reading.readable import check_known
from consumers.reading.usable import check_usable
from consumers.received import OF_THE_RECORD, Outcome, Received, fact, refused
from consumers.rules import Rules
from consumers.sealing.closed import refuse_sealed
from keys.chunks import ChunkCipher
from keys.ring import KeyRing
from schemas.collection_approval import field_of
from schemas.commands import Access
from schemas.errors import DanganError, Refusal
from schemas.levels import Level
from schemas.principals import Grant
from schemas.replies import Result
from store.attachments import Attachment, Attachments
from store.record import Record
from store.records import Records
from store.requests import Requests


def decide(
    received: Received[Access],
    found: Attachment | None,
    grant: Grant | None,
    rules: Rules,
    now: float,
) -> Attachment:
    """Check one read of a part against policies and grant.

    Who has no grant for any kind of attachment of the record learns the same whether there is one or not.

    Raises:
        Refusal: DG-COL-006, 007, DG-CMD-004, DG-ACC-001 to 004, 006, DG-ATT-003, 010, 011.
    """
    command = received.command
    check_references(command)
    rules.catalogue.purpose(command.purpose)
    names = [field_of(found.kind)] if found else []
    lease = grant_covers(received, grant, names, found.level if found else Level.BASIC, rules.authorizer, now)
    if found is None or found.state != "complete" or (command.part or 0) > found.parts:
        raise Refusal("DG-ATT-010")
    kind = rules.catalogue.attachments.get(found.kind)
    if kind is None or command.purpose not in kind.purposes:  # as with fields, a grant cannot widen what is needed
        raise Refusal("DG-ATT-003", field=names[0])
    if not lease.clear & {"*", *names}:
        raise Refusal("DG-ATT-011", field=names[0])
    return found


class AttachmentReader:
    """Answers reads of attachments' parts, one after the other: each is large."""

    def __init__(
        self,
        records: Records,
        attachments: Attachments,
        grants: NamedGrants,
        requests: Requests,
        purposes: Purposes,
        ring: KeyRing,
        rules: Rules,
    ) -> None:
        self._records = records
        self._attachments = attachments
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
        found: Attachment | None = None
        try:
            place = {command.id: f"{received.place}/{received.at}"}
            replayed = await self._requests.replayed(place, now=now)
            grant = await self._grants.one(received, now)
            record = (await self._records.get([command.record])).get(command.record)
            reader, authorizer = received.sender, self._rules.authorizer
            self._may_know(received, record, grant, now)
            holder, found = await self._held(record, received)
            attachment = decide(received, found, grant, self._rules, now)
            if replayed:
                raise Refusal("DG-CMD-003")
            if record is None or holder is None:
                raise Refusal("DG-ACC-007")
            known = (reader, attachment.level, command.purpose, authorizer)
            check_known(record, grant, *known, self._rules.book.use)
            if holder.id != record.id:
                check_open(holder, grant, *known)
            refuse_withdrawn(record)
            refuse_sealed(record)
            check_usable(record, reader, authorizer)
            await self._purposes.check(record, command.purpose)
            values = await self._values(holder, attachment, command.part or 0)
            return _answered(received, record, holder, attachment, values)
        except DanganError as error:
            if not isinstance(error, Refusal) and error.code not in OF_THE_RECORD:
                raise
            return _refused(received, found, error)

    def _may_know(self, received: Received[Access], record: Record | None, grant: Grant | None, now: float) -> None:
        """Ask whether the reader may know of the record, before its attachments are looked at: their names, states and
        numbers of parts would tell that there is one.

        Raises:
            Refusal: as :func:`decide` and :func:`consumers.reading.readable.check_known`; DG-ACC-007 for no record.
        """
        command, rules = received.command, self._rules
        check_references(command)
        rules.catalogue.purpose(command.purpose)
        grant_covers(received, grant, [], Level.BASIC, rules.authorizer, now)
        if record is None:
            raise Refusal("DG-ACC-007")
        known = (received.sender, Level.BASIC, command.purpose, rules.authorizer)
        check_known(record, grant, *known, rules.book.use)

    async def _held(self, record: Record | None, received: Received[Access]) -> tuple[Record | None, Attachment | None]:
        """The attachment, and the record that holds it: the one asked for, or else a part of that archive (ARR-13).

        As with fields, a part counts while it names this archive, its consent stands, nobody objects to it, and
        policies and the purpose of its collection let it be read (USE-09).
        """
        command, reader, authorizer = received.command, received.sender, self._rules.authorizer
        name = command.attachment or ""
        found = await self._attachments.get(command.record, name)
        if found is not None or record is None or not record.parts:
            return record, found
        parts = await self._records.get(record.parts)
        consented = await self._purposes.consented((part, command.purpose) for part in parts.values())
        for part in (parts[each] for each in record.parts if each in parts):
            counts = part.part_of == record.id and part.consent_state is None and not part.objected
            counts = counts and self._purposes.open(part, command.purpose, consented)
            found = await self._attachments.get(part.id, name) if counts else None
            if found is not None and may_open(part, reader, found.level, command.purpose, authorizer):
                return part, found
        return record, None

    async def _values(self, record: Record, found: Attachment, part: int) -> dict[str, object]:
        ref = record.keys.get(found.level)
        if ref is None:
            raise Refusal("DG-ATT-010")
        deks = await self._ring.open({record.id: {found.level: ref}})
        cipher = ChunkCipher(deks[record.id][found.level], record.id, found.name, found.level, found.parts)
        chunk = await self._attachments.chunk(record.id, found.name, part)
        if chunk is None:
            raise DanganError("DG-KEY-004", field=f"chunk {part}")
        return {
            "attachment": found.name,
            "kind": found.kind,
            "part": part,
            "parts": found.parts,
            "sha256": cipher.open_digest(found.digest),
            "data": base64.b64encode(cipher.open(part, chunk.data)).decode(),
        }


class FieldsOrParts:
    """Hands reads of fields and reads of attachments' parts to whom they concern, in the order in which they came."""

    def __init__(self, fields: Reader, parts: AttachmentReader) -> None:
        self._fields = fields
        self._parts = parts

    async def apply(self, batch: Sequence[Received[Access]], now: float) -> list[Outcome]:
        """One outcome for each command, in order."""
        outcomes: list[Outcome] = []
        for of_part, run in groupby(batch, key=lambda received: received.command.attachment is not None):
            outcomes += await (self._parts if of_part else self._fields).apply(list(run), now)
        return outcomes


def _answered(
    received: Received[Access], record: Record, holder: Record, found: Attachment, values: dict[str, object]
) -> Outcome:
    """The answer, and an event for the archive and for the part of it that was opened."""
    command = received.command
    event = fact(
        received,
        "access",
        record=record.id,
        subject=record.subject,
        fields=(field_of(found.kind),),
        level=found.level,
        purpose=command.purpose,
        grant=command.grant,
        version=record.version,
    )
    events = [event]
    if holder.id != record.id:
        events.append(replace(event, record=holder.id, subject=holder.subject, version=holder.version))
    return Outcome(Result(id=command.id, status="accepted", version=record.version, values=values), tuple(events))


def _refused(received: Received[Access], found: Attachment | None, error: DanganError) -> Outcome:
    command = received.command
    event = fact(
        received,
        "access",
        record=command.record,
        allowed=False,
        code=error.code,
        fields=(field_of(found.kind),) if found else (),
        grant=None if error.code == "DG-COL-007" else command.grant,
    )
    return Outcome(refused(received, error), (event,))
