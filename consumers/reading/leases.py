"""What policies and a grant let a reader see, whatever the records hold: the part of a decision that opens nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from consumers.authorize import Authorizer
from consumers.reading.refusals import Read, fields_of
from consumers.received import Received
from schemas.catalogue import Catalogue
from schemas.combination import combined_level
from schemas.commands import Access
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Grant, Principal
from schemas.use import Search
from schemas.values import looks_personal

#: The role of a portal, and the attribute that its grants must name (客户自行查询, USE-15).
SELF_SERVICE, SUBJECT = "self_service", "subject"


@dataclass(frozen=True, slots=True)
class Lease:
    """A read that the rules allow: which fields to open, and which of them to show unmasked."""

    fields: tuple[str, ...]
    clear: frozenset[str]
    level: Level


def check_references(command: Read) -> None:
    """Refuse references that look like personal data.

    Raises:
        Refusal: DG-COL-007.
    """
    named = [command.grant]
    if isinstance(command, Access):
        named += [command.record, command.attachment or "none"]
    if any(map(looks_personal, named)):
        raise Refusal("DG-COL-007")


def lease_of(
    received: Received[Any], grant: Grant | None, catalogue: Catalogue, authorizer: Authorizer, now: float
) -> Lease:
    """Check purpose, fields, policies and grant (clauses USE-01, USE-07, STO-03).

    Raises:
        Refusal: DG-COL-001, 005, 006, 007, DG-CMD-004, DG-ACC-001 to 004, 006, 022, 030.
    """
    command = received.command
    check_references(command)
    catalogue.purpose(command.purpose)
    names = fields_of(command)
    level = combined_level({catalogue.needed_field(name, command.purpose).level for name in names})
    return grant_covers(received, grant, names, level, authorizer, now)


def grant_covers(
    received: Received[Any],
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
        Refusal: DG-CMD-004, DG-ACC-001 to 004, 006, 022 or 030.
    """
    command, sender = received.command, received.sender
    if not authorizer.allows(sender, "access", level, command.purpose):
        raise Refusal("DG-CMD-004")
    if grant is None or not holds(grant, sender):
        raise Refusal("DG-ACC-001")
    if grant.barred is not None:
        raise Refusal(grant.barred)
    if isinstance(command, Access) and not names_it(grant.records, command.record):
        raise Refusal("DG-ACC-001")
    recalled = grant.recalled_at is not None  # whenever: a time in the future would be somebody else's writing
    if recalled or grant.returned_at is not None or not grant.not_before <= now < grant.not_after:
        raise Refusal("DG-ACC-002")
    if grant.purpose != command.purpose:
        raise Refusal("DG-ACC-004")
    for name in names:
        if not names_it(grant.fields, name):
            raise Refusal("DG-ACC-003", field=name)
    if not isinstance(command, Search) and command.copying and not grant.copying:
        raise Refusal("DG-ACC-022")
    if sender.receiving_key(now) is None:
        raise Refusal("DG-ACC-006")
    return Lease(tuple(dict.fromkeys(names)), grant.clear, level)


def holds(grant: Grant, sender: Principal) -> bool:
    """Whether the grant is the sender's; a portal's must be for one customer (clause USE-15)."""
    if grant.principal != sender.id:
        return False
    return SELF_SERVICE not in sender.roles or any(name == SUBJECT for name, _ in grant.selection)


def names_it(granted: frozenset[str], name: str) -> bool:
    """Whether a grant's records or fields hold that name, or all."""
    return "*" in granted or name in granted
