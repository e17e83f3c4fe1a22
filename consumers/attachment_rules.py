"""Which parts of attachments (附件) come in: from whom, to which record, of which kind, with which approval.

Part 1 is looked at before anything is stored: its type is told from its first bytes by a library, and must be one
that the kind takes (clauses COL-09, STO-03). Core-sensitive kinds need an approval as fields do (clause COL-13).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import puremagic

from consumers.collection_approvals import Wanted, check_covered
from consumers.notify import holders
from consumers.received import Received
from consumers.rules import Rules
from consumers.sealing.closed import refuse_sealed
from schemas.catalogue import AttachmentSpec
from schemas.collection_approval import Approved, field_of
from schemas.commands import Attach
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.members import PART_BYTES
from schemas.references import looks_personal
from store.record import Record

#: How much of part 1 the library looks at, bytes.
_HEAD: Final = 1024
_MIME: Final = {"pdf": "application/pdf", "jpeg": "image/jpeg", "png": "image/png"}
_NONE: Final[Mapping[str, Approved]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Part:
    """A part that the rules allow, not yet encrypted."""

    received: Received[Attach]
    spec: AttachmentSpec
    data: bytes


def decide(
    received: Received[Attach], record: Record | None, rules: Rules, approvals: Mapping[str, Approved] = _NONE
) -> Part:
    """Check one part against the record, the catalogue and the policies.

    Who neither sent nor keeps the record learns the same whether there is one or not.

    Args:
        received: the part.
        record: what it is attached to, if it is live.
        rules: what the organisation set.
        approvals: the verified approvals of core-sensitive collection, by reference.

    Raises:
        Refusal: DG-COL-007, 019, DG-CMD-004, DG-CON-001, DG-MRG-004 with the archive that the record is part of,
            DG-ACC-010 (objected to), DG-ATT-001 to 005.
    """
    command = received.command
    if any(looks_personal(each) for each in (command.record, command.attachment, command.approval) if each):
        raise Refusal("DG-COL-007")
    spec = rules.catalogue.attachments.get(command.kind)
    if spec is None:
        raise Refusal("DG-ATT-002", field="kind")
    if record is not None and received.sender.id not in holders(record):
        record = None
    purpose = record.purpose if record else ""
    if not rules.authorizer.allows(received.sender, "collect", spec.level, purpose):
        raise Refusal("DG-CMD-004")
    if record is None:
        raise Refusal("DG-ATT-001")
    _check_open(record)
    if purpose not in spec.purposes:
        raise Refusal("DG-ATT-003", field="kind")
    if needs_approval(command, rules):
        check_covered(_wanted(received, record), command.approval, approvals, place="approval")
    return Part(received, spec, _content(command, spec))


def needs_approval(command: Attach, rules: Rules) -> bool:
    """Whether the kind may come in with an approval of its own only (clause COL-13)."""
    spec = rules.catalogue.attachments.get(command.kind)
    return spec is not None and spec.level is Level.CORE and rules.book.collection.core_approval_required


def sniffed(data: bytes) -> set[str]:
    """The media types that the library finds most likely from the first bytes; none when it knows none."""
    try:
        found = puremagic.magic_string(data[:_HEAD])
    except (puremagic.PureError, ValueError):
        return set()
    best = max((match.confidence for match in found), default=0)
    return {str(match.mime_type) for match in found if match.confidence == best}


def _check_open(record: Record) -> None:
    """Whether anything is added to the record: not under a withdrawn consent, an objection, or as part of another."""
    if record.consent_state is not None:
        raise Refusal("DG-CON-001")
    refuse_sealed(record)
    if record.part_of is not None:
        raise Refusal("DG-MRG-004", detail=record.part_of)
    if record.objected:
        raise Refusal("DG-ACC-010")


def _wanted(received: Received[Attach], record: Record) -> Wanted:
    said = record.intake or {}
    return Wanted(
        names=frozenset({field_of(received.command.kind)}),
        purpose=record.purpose,
        form=said.get("form"),
        by=frozenset({received.sender.id, record.sender, said.get("collector")}),
        at_ms=received.at_ms,
    )


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
