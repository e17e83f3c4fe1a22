"""Whether two records may be merged, or a merge undone (合并, ARR-13). Pure: no look-ups, no clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from consumers.approvals import Registered, signers
from consumers.received import Received
from consumers.rules import Rules
from consumers.sealing.closed import refuse_sealed
from schemas.approvals import digest_of
from schemas.commands import Merge, Unmerge
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.values import looks_personal
from store.record import Record

#: A destruction request names at most 256 records, and has to name every part and every waiting duplicate.
MAX_PARTS: Final = 128
#: A record is one document, which MongoDB bounds at 16 MiB; one more entry must always fit.
_MAX_HISTORY_BYTES: Final = 8 * 1024 * 1024

Linking = Merge | Unmerge


def check_references(command: Linking) -> None:
    """What is checked first of all: every answer's events name the two records.

    Raises:
        Refusal: DG-COL-007.
    """
    if looks_personal(command.record) or looks_personal(command.duplicate):
        raise Refusal("DG-COL-007")


def deed_digest(command: Linking, sender: str) -> str:
    """What tells a command from another one with its id: over its members and sender, but for approvals and reason.

    It is kept in clear, and the reason is not: a digest over it would let anybody try out what it might be.
    """
    return digest_of(command.model_copy(update={"reason": ""}), sender)


def authorize(
    received: Received[Merge] | Received[Unmerge], rules: Rules, directory: Registered, now: float
) -> tuple[str, ...]:
    """Check who asks and who signed, before anything is looked up.

    Returns:
        The signers' principal ids, in the posts' order.

    Raises:
        Refusal: DG-CMD-004, DG-APR-001 to 007.
    """
    command, sender = received.command, received.sender
    if not rules.authorizer.allows(sender, "request-merge", Level.BASIC, "arrangement"):
        raise Refusal("DG-CMD-004")
    signed = signers(
        command,
        action="merge",
        requester=sender.id,
        posts=rules.book.approval.merge,
        directory=directory,
        authorizer=rules.authorizer,
        now=now,
    )
    return tuple(who.id for who in signed)


def decide_merge(
    command: Merge,
    archive: Record | None,
    duplicate: Record | None,
    *,
    held: Mapping[str, str],
    gone: Collection[str],
    parts: Collection[str],
) -> tuple[Record, Record]:
    """Check a merge against both records as they stand.

    An archive that has parts cannot become one itself, and a part takes none: so there is neither a chain nor a
    cycle. Both versions are those that the signers saw.

    Args:
        archive: the record that stays, if it is live; ``duplicate``: the one that joins.
        held: those of the two that a legal hold keeps, and the record that it was placed on.
        gone: those of the two that the destruction ledger knows.
        parts: the live records that are part of the one that joins.

    Returns:
        The archive and the duplicate.

    Raises:
        Refusal: DG-MRG-002, 004, 006 to 010, 012, 013, DG-CON-001, DG-UPD-003.
    """
    archive, duplicate = _both(command, archive, duplicate, held=held, gone=gone)
    if duplicate.part_of is not None:
        raise Refusal("DG-MRG-004", detail=duplicate.part_of)
    if archive.id == duplicate.id or archive.part_of is not None or archive.stage != "archived":
        raise Refusal("DG-MRG-007", detail=archive.part_of or archive.stage)
    if parts:
        raise Refusal("DG-MRG-009", detail=", ".join(sorted(parts)))
    if duplicate.stage not in ("duplicate", "archived"):
        raise Refusal("DG-MRG-012", detail=duplicate.stage)
    if archive.purpose != duplicate.purpose:
        raise Refusal("DG-MRG-008")
    if archive.consent_state is not None or duplicate.consent_state is not None:
        raise Refusal("DG-CON-001")  # what may not be used any more is destroyed, not joined to something
    if len(archive.parts) >= MAX_PARTS:
        raise Refusal("DG-MRG-013", detail=f"{len(archive.parts)}")
    same_versions(command, archive, duplicate)
    return archive, duplicate


def decide_unmerge(
    command: Unmerge, archive: Record | None, part: Record | None, *, held: Mapping[str, str], gone: Collection[str]
) -> tuple[Record, Record]:
    """Check the undoing of a merge; arguments and answer as in :func:`decide_merge`, but for the parts.

    The part's side alone decides: a backup may have copied the part after the merge and the archive before it, and
    nothing else frees a part of half a merge.

    Raises:
        Refusal: DG-MRG-002, 006, 010, 011, DG-UPD-003.
    """
    archive, part = _both(command, archive, part, held=held, gone=gone)
    if part.part_of != archive.id:
        raise Refusal("DG-MRG-011", detail=f"{part.id} of {archive.id}")
    same_versions(command, archive, part)
    return archive, part


def same_versions(command: Linking, archive: Record, duplicate: Record) -> None:
    """Check that nothing has changed since the signers looked.

    Raises:
        Refusal: DG-MRG-006, naming the record and its current version.
    """
    for record, seen in ((archive, command.from_version), (duplicate, command.duplicate_version)):
        if record.version != seen:
            raise Refusal("DG-MRG-006", detail=f"{record.id} is at version {record.version}")


def _both(
    command: Linking, archive: Record | None, other: Record | None, *, held: Mapping[str, str], gone: Collection[str]
) -> tuple[Record, Record]:
    for name in (command.record, command.duplicate):
        if name in gone or name in held:
            raise Refusal("DG-MRG-010", detail=held.get(name, name))
    if archive is None or other is None:
        raise Refusal("DG-MRG-002", detail=command.record if archive is None else command.duplicate)
    for record in (archive, other):
        refuse_sealed(record)
        if record.history_bytes > _MAX_HISTORY_BYTES:
            raise Refusal("DG-UPD-003", detail=record.id)
    return archive, other
