"""Attachments (附件): scans of papers come in part by part, encrypted under the record's own key.

What comes in is decided in consumers/attachment_rules.py. The attachment is complete when all parts are there and the
whole has the digest that was given. Order (crash anywhere, and a redelivery finishes it): the record's key -> the
attachment's entry -> the chunk -> the record is looked at once more -> audit -> reply.

An attachment belongs to who sent its first part: to anybody else every part under its reference is refused alike, so
that nobody learns by sending a scan whether it is the one that is here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from consumers.attachment_rules import Part, decide, needs_approval
from consumers.collection_approvals import KnownApprovals
from consumers.received import OF_THE_RECORD, Outcome, Received, fact, refused
from consumers.rules import Rules
from keys.chunks import ChunkCipher
from keys.ports import KeyRef
from keys.ring import KeyRing
from schemas.collection_approval import Approved, field_of
from schemas.commands import Attach
from schemas.errors import DanganError, Refusal, Transient
from schemas.levels import Level
from schemas.replies import Result
from store.attachments import Attachment, Attachments, Chunk
from store.record import Record
from store.records import Records

#: A record holds at most this many, so at most 512 MiB: a sender cannot fill the store through one record.
MAX_ATTACHMENTS: Final = 32
#: After so long, milliseconds, one that is not complete gives its name and its room up to whoever begins another.
LAPSE_MS: Final = 24 * 3600 * 1000


class Attacher:
    """Applies batches of attach commands, one after the other: each is large.

    Args:
        approvals: those of core-sensitive collection (clause COL-13).
    """

    def __init__(
        self, records: Records, attachments: Attachments, ring: KeyRing, rules: Rules, approvals: KnownApprovals
    ) -> None:
        self._records = records
        self._attachments = attachments
        self._ring = ring
        self._rules = rules
        self._approvals = approvals

    async def apply(self, batch: Sequence[Received[Attach]], now: float) -> list[Outcome]:
        """Store what the rules allow; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        named = {each.command.approval for each in batch if needs_approval(each.command, self._rules)}
        approvals = await self._approvals.known({name for name in named if name is not None}, now)
        return [await self._one(received, approvals) for received in batch]

    async def _one(self, received: Received[Attach], approvals: Mapping[str, Approved]) -> Outcome:
        command = received.command
        record = (await self._records.get([command.record])).get(command.record)
        try:
            if record is None:  # destroyed while a part of it was on its way
                await self._attachments.erase([command.record])
            part = decide(received, record, self._rules, approvals)
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
        if found is not None and command.part == 1 and _lapsed(found, received):
            await self._attachments.lapse(found)
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
            await self._check_room(received)
            entry = _entry(part, cipher)
            found = (
                entry
                if await self._attachments.begin(entry)
                else await self._attachments.get(command.record, command.attachment)
            )
        if found is None or not _belongs(part, found, cipher):
            raise Refusal("DG-ATT-007", field="attachment")

    async def _check_room(self, received: Received[Attach]) -> None:
        """Whether the record may have one more; those that lapsed go first."""
        taken = 0
        for other in await self._attachments.of_record(received.command.record):
            if _lapsed(other, received):
                await self._attachments.lapse(other)
            else:
                taken += other.state != "failed" and other.name != received.command.attachment
        if taken >= MAX_ATTACHMENTS:
            raise Refusal("DG-ATT-008", detail=f"{MAX_ATTACHMENTS}")

    async def _complete_if_all_there(self, command: Attach, sender: str, cipher: ChunkCipher) -> None:
        if await self._attachments.present(command.record, command.attachment) < command.parts:
            return
        found = await self._attachments.get(command.record, command.attachment)
        if found is None or found.state != "open" or found.sender != sender:
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
    """Whether the part is of that attachment: sent by who began it, and saying of it what its first part said.

    The sender is looked at first: whether the digest is the same is nobody else's to know.
    """
    command = part.received.command
    told = (part.received.sender.id, command.kind, command.parts, part.spec.level)
    same = (found.sender, found.kind, found.parts, found.level) == told
    return same and cipher.open_digest(found.digest) == command.sha256


def _lapsed(found: Attachment, received: Received[Attach]) -> bool:
    """Whether an attachment was left incomplete for too long, and the command is not the one that began it."""
    own = (found.command, found.sender) == (received.command.id, received.sender.id)
    return found.state == "open" and not own and received.at_ms > found.at_ms + LAPSE_MS


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
