"""Attachments (附件): scans of papers come in part by part, encrypted under the record's own key.

Part 1 is looked at before anything is stored: its type is told from its first bytes by a library, and must be one
that the kind takes (clauses COL-09, STO-03). The attachment is complete when all parts are there and the whole has
the digest that was given. Order (crash anywhere, and a redelivery finishes it): the record's key -> the attachment's
entry -> the chunk -> the record is looked at once more -> audit -> reply.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import puremagic

from consumers.received import OF_THE_RECORD, Outcome, Received, fact, refused
from consumers.rules import Rules
from keys.chunks import ChunkCipher
from keys.ports import KeyRef
from keys.ring import KeyRing
from schemas.catalogue import AttachmentSpec
from schemas.commands import PART_BYTES, Attach
from schemas.errors import DanganError, Refusal, Transient
from schemas.levels import Level
from schemas.replies import Result
from schemas.values import looks_personal
from store.attachments import Attachment, Attachments, Chunk
from store.records import Record, Records

#: A record holds at most this many, so at most 512 MiB: a sender cannot fill the store through one record.
MAX_ATTACHMENTS: Final = 32
#: How much of part 1 the library looks at, bytes.
_HEAD: Final = 1024
_MIME: Final = {"pdf": "application/pdf", "jpeg": "image/jpeg", "png": "image/png"}


@dataclass(frozen=True, slots=True)
class Part:
    """A part that the rules allow, not yet encrypted."""

    received: Received[Attach]
    spec: AttachmentSpec
    data: bytes


def decide(received: Received[Attach], record: Record | None, rules: Rules) -> Part:
    """Check one part against the record, the catalogue and the policies.

    Raises:
        Refusal: DG-COL-007, DG-CMD-004, DG-CON-001, DG-ATT-001 to 005.
    """
    command = received.command
    if looks_personal(command.record) or looks_personal(command.attachment):
        raise Refusal("DG-COL-007")
    spec = rules.catalogue.attachments.get(command.kind)
    if spec is None:
        raise Refusal("DG-ATT-002", field="kind")
    purpose = record.purpose if record else ""
    if not rules.authorizer.allows(received.sender, "collect", spec.level, purpose):
        raise Refusal("DG-CMD-004")
    if record is None:
        raise Refusal("DG-ATT-001")
    if record.consent_state is not None:  # nothing is added under a withdrawn consent
        raise Refusal("DG-CON-001")
    if purpose not in spec.purposes:
        raise Refusal("DG-ATT-003", field="kind")
    return Part(received, spec, _content(command, spec))


def _content(command: Attach, spec: AttachmentSpec) -> bytes:
    try:
        data = base64.b64decode(command.data, validate=True)
    except binascii.Error:
        raise Refusal("DG-ATT-005", field="data", detail="not base64") from None
    full = len(data) == PART_BYTES
    if command.part > command.parts or not (full or (command.part == command.parts and 0 < len(data) < PART_BYTES)):
        raise Refusal("DG-ATT-005", field="data", detail=f"part {command.part} of {command.parts}, {len(data)} bytes")
    if command.part == 1 and not {_MIME[name] for name in spec.types} & sniffed(data):
        raise Refusal("DG-ATT-004", field="data")
    return data


def sniffed(data: bytes) -> set[str]:
    """The media types that the library finds most likely from the first bytes; none when it knows none."""
    try:
        found = puremagic.magic_string(data[:_HEAD])
    except (puremagic.PureError, ValueError):
        return set()
    best = max((match.confidence for match in found), default=0)
    return {str(match.mime_type) for match in found if match.confidence == best}


class Attacher:
    """Applies batches of attach commands, one after the other: each is large."""

    def __init__(self, records: Records, attachments: Attachments, ring: KeyRing, rules: Rules) -> None:
        self._records = records
        self._attachments = attachments
        self._ring = ring
        self._rules = rules

    async def apply(self, batch: Sequence[Received[Attach]], now: float) -> list[Outcome]:  # noqa: ARG002
        """Store what the rules allow; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        return [await self._one(received) for received in batch]

    async def _one(self, received: Received[Attach]) -> Outcome:
        command = received.command
        record = (await self._records.get([command.record])).get(command.record)
        try:
            if record is None:  # destroyed while a part of it was on its way
                await self._attachments.erase([command.record])
            part = decide(received, record, self._rules)
            if record is None:
                raise Refusal("DG-ATT-001")
            return await self._store(part, record)
        except DanganError as error:
            if not isinstance(error, Refusal) and error.code not in OF_THE_RECORD:
                raise
            if error.code in OF_THE_RECORD and not await self._records.keys_of([command.record]):
                error = Refusal("DG-ATT-001")  # destroyed meanwhile: what is gone does not open
            return _refused(received, error, self._rules)

    async def _store(self, part: Part, record: Record) -> Outcome:
        received, command = part.received, part.received.command
        level = part.spec.level
        ref, dek = await self._key(record, level)
        cipher = ChunkCipher(dek, record.id, command.attachment, level, command.parts)
        await self._opened(part, cipher)
        chunk = Chunk(
            command.part, cipher.seal(command.part, part.data), command.id, received.sender.id, received.at_ms
        )
        standing = await self._attachments.put(record.id, command.attachment, chunk)
        if standing is not None and cipher.open(command.part, standing.data) != part.data:
            raise Refusal("DG-ATT-007", field="data")
        if not await self._attachments.still_under(record.id, level, ref, received.ingest_key):
            await self._attachments.erase([record.id])
            raise Refusal("DG-ATT-001")
        await self._complete_if_all_there(command, received.sender.id, cipher)
        return _stored(received, level, standing)

    async def _key(self, record: Record, level: Level) -> tuple[KeyRef, bytes]:
        """The record's key of that level; a new one if it has none."""
        if level not in record.keys:
            (allocated,) = await self._ring.allocate(record.cohort, [(record.id, (level,))])
            key = allocated[level]
            if await self._attachments.add_key(record.id, level, key.ref):
                return key.ref, key.dek
            refs = (await self._records.keys_of([record.id])).get(record.id)
            if refs is None:
                raise Refusal("DG-ATT-001")
            if level not in refs:
                raise Transient("DG-STO-001", detail="the record kept changing")
            record = replace(record, keys=refs)
        deks = await self._ring.open({record.id: {level: record.keys[level]}})
        return record.keys[level], deks[record.id][level]

    async def _opened(self, part: Part, cipher: ChunkCipher) -> None:
        """Find the attachment's entry, or begin it with part 1; refuse what does not belong to it."""
        received, command = part.received, part.received.command
        found = await self._attachments.get(command.record, command.attachment)
        if found is not None and found.state == "failed":
            if (found.command, found.sender) == (command.id, received.sender.id):  # redelivered: it failed before
                await self._attachments.fail(command.record, command.attachment, command=found.command, sender="")
                raise Refusal("DG-ATT-009")
            if command.part != 1 and _belongs(part, found, cipher):  # its chunk went when the attachment failed
                raise Refusal("DG-ATT-009")
            found = None
        if found is None:
            if command.part != 1:
                raise Refusal("DG-ATT-006", field="part")
            others = await self._attachments.of_record(command.record)
            if sum(other.name != command.attachment for other in others) >= MAX_ATTACHMENTS:
                raise Refusal("DG-ATT-008", detail=f"{MAX_ATTACHMENTS}")
            entry = _entry(part, cipher)
            found = (
                entry
                if await self._attachments.begin(entry)
                else await self._attachments.get(command.record, command.attachment)
            )
        if found is None or not _belongs(part, found, cipher):
            raise Refusal("DG-ATT-007", field="attachment")

    async def _complete_if_all_there(self, command: Attach, sender: str, cipher: ChunkCipher) -> None:
        if await self._attachments.present(command.record, command.attachment) < command.parts:
            return
        found = await self._attachments.get(command.record, command.attachment)
        if found is None or found.state != "open":
            return
        chunks = await self._attachments.ciphertexts(command.record, command.attachment)
        if cipher.digest_of(chunks) != command.sha256:
            await self._attachments.fail(command.record, command.attachment, command=command.id, sender=sender)
            raise Refusal("DG-ATT-009")
        stored = sum(map(len, chunks))
        await self._attachments.complete(command.record, command.attachment, stored=stored, parts=command.parts)


def _entry(part: Part, cipher: ChunkCipher) -> Attachment:
    command = part.received.command
    return Attachment(
        record=command.record,
        name=command.attachment,
        kind=command.kind,
        level=part.spec.level,
        parts=command.parts,
        digest=cipher.seal_digest(command.sha256),
        command=command.id,
        sender=part.received.sender.id,
        at_ms=part.received.at_ms,
    )


def _belongs(part: Part, found: Attachment, cipher: ChunkCipher) -> bool:
    """Whether the part says of the attachment what its first part said."""
    command = part.received.command
    same = (found.kind, found.parts, found.level) == (command.kind, command.parts, part.spec.level)
    return same and cipher.open_digest(found.digest) == command.sha256


def field_of(kind: str) -> str:
    """What audit events and grants call a kind of attachment."""
    return f"attachment.{kind}"


def _stored(received: Received[Attach], level: Level, standing: Chunk | None) -> Outcome:
    command = received.command
    event = fact(received, "collect", record=command.record, fields=(field_of(command.kind),), level=level)
    own = standing and (standing.command, standing.sender) == (command.id, received.sender.id)
    if standing is None or (own and standing.at_ms == received.at_ms):
        return Outcome(Result(id=command.id, status="accepted"), (event,))
    again = replace(event, code="DG-CMD-002")
    return Outcome(Result(id=command.id, status="duplicate", code="DG-CMD-002"), (again,))


def _refused(received: Received[Attach], error: DanganError, rules: Rules) -> Outcome:
    command = received.command
    known = (field_of(command.kind),) if command.kind in rules.catalogue.attachments else ()
    event = fact(received, "collect", record=command.record, allowed=False, code=error.code, fields=known)
    return Outcome(refused(received, error), (event,))
