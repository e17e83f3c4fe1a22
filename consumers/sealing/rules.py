"""Whether records may be sealed (封存) or unsealed (解封), as somebody asks (clause DES-11). Pure: no look-ups."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from consumers.approvals import Registered, signers
from consumers.destruction.rules import Kept
from consumers.received import Received
from consumers.rules import Rules
from keys.ledger import Approver
from schemas.approvals import ACTIONS_OF
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.sealing import Seal, Unseal
from schemas.values import looks_personal
from store.record import Record


def authorize(
    received: Received[Seal] | Received[Unseal], rules: Rules, directory: Registered, now: float
) -> tuple[Approver, ...]:
    """Check who asks and who signed, before anything is looked up.

    Returns:
        Who signed, in the posts' order: two people or more, none of them the sender.

    Raises:
        Refusal: DG-COL-007, DG-CMD-004, DG-APR-001 to 007.
    """
    command, sender = received.command, received.sender
    if any(looks_personal(record) for record in command.records):
        raise Refusal("DG-COL-007")
    if not rules.authorizer.allows(sender, "request-seal", Level.CORE, "destruction"):
        raise Refusal("DG-CMD-004")
    return signed_for(command, sender.id, rules, directory, now)


def signed_for(
    command: Seal | Unseal, requester: str, rules: Rules, directory: Registered, now: float
) -> tuple[Approver, ...]:
    """Who signed a command for each post of ``approval.seal``.

    Raises:
        Refusal: DG-APR-001 to 007.
    """
    (action,) = ACTIONS_OF[command.type]
    return signers(
        command,
        action=action,
        requester=requester,
        posts=rules.book.approval.seal,
        directory=directory,
        authorizer=rules.authorizer,
        now=now,
    )


def check_seal(
    command: Seal,
    found: Mapping[str, Record],
    *,
    held: Collection[str],
    gone: Collection[str],
    kept: Mapping[str, Kept],
    classes: Mapping[str, str],
    today: date,
    rules: Rules,
) -> None:
    """Check the records that are to be sealed.

    Args:
        command: the request.
        found: those of its records that live.
        held: those that a legal hold keeps; ``gone`` those that the destruction ledger knows.
        kept: what the retention rules say of each.
        classes: the retention class of each.
        today: the day it is.
        rules: the rule book: where periods are checked, only what has expired and may be sealed is.

    Raises:
        Refusal: DG-SEL-002, 004 to 008, 010, naming the record.
    """
    for name in command.records:
        record = found.get(name)
        if name in gone:
            raise Refusal("DG-SEL-006", field=name)
        if record is None or record.stage not in ("archived", "merged"):
            raise Refusal("DG-SEL-007", field=name)
        if record.sealed:
            raise Refusal("DG-SEL-002", field=name)
        if name in held:
            raise Refusal("DG-SEL-004", field=name)
        if record.part_of is not None or record.parts:
            raise Refusal("DG-SEL-005", field=name)
        if not rules.book.destroy.retention_checked:
            continue
        if rules.book.expiry.action(classes.get(name, "")) == "destroy":
            raise Refusal("DG-SEL-008", field=name)
        term = kept[name].term if name in kept else None
        if term is None or term.due is None or term.due > today:
            raise Refusal("DG-SEL-010", field=name)


def check_unseal(command: Unseal, sealed: Mapping[str, bool], *, gone: Collection[str]) -> None:
    """Check the records that are to be unsealed: a legal hold does not keep them from it, since nothing is lost by it.

    Args:
        command: the request.
        sealed: those of its records that are sealed, and of each whether its sealing is finished.
        gone: those that the destruction ledger knows.

    Raises:
        Refusal: DG-SEL-003, 006, 009, naming the record.
    """
    for name in command.records:
        if name in gone:
            raise Refusal("DG-SEL-006", field=name)
        if name not in sealed:
            raise Refusal("DG-SEL-003", field=name)
        if not sealed[name]:
            raise Refusal("DG-SEL-009", field=name)
