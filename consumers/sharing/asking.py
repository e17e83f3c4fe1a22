"""Whether a share is complete and may be applied for (共享申请; SHR-01), and who has to sign it (SHR-02, 03). Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from consumers.about import NOTHING, about
from consumers.approvals import Registered
from consumers.authorize import may_open
from consumers.received import Received
from consumers.rules import Rules
from consumers.sharing import gates
from schemas.approvals import digest_of
from schemas.combination import combined_level
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Principal
from schemas.sharing import Share
from schemas.values import looks_personal
from store.agreements import Agreement
from store.record import Record
from store.shares import Shared


@dataclass(frozen=True, slots=True)
class Sight:
    """What is looked at to decide on a share.

    Attributes:
        found: the live records among those it names.
        agreement: the one it names.
        agreed: the customers who consented to this recipient for this purpose.
        directory: who is registered.
    """

    found: Mapping[str, Record]
    agreement: Agreement | None
    agreed: Collection[str]
    directory: Registered
    rules: Rules


def decide_share(received: Received[Share], sight: Sight) -> Shared:
    """The share, if it may be applied for. Whether the records exist shows in nothing that is answered.

    Raises:
        Refusal: DG-CMD-004, DG-COL-001, 005, 006, 007, DG-SHR-001 to 027.
    """
    command, sender, rules = received.command, received.sender, sight.rules
    check_references(command)
    gates.check_complete(command)
    level = level_of(command, rules)
    if not rules.authorizer.allows(sender, "share", level, command.purpose or "", NOTHING):
        raise Refusal("DG-CMD-004")
    if not all(
        may_open(record, sender, level, command.purpose or "", rules.authorizer) for record in sight.found.values()
    ):
        raise Refusal("DG-CMD-004")
    now = received.at_ms / 1000
    until = gates.ends_at(command, now, rules.book.share)
    check_gates(command, sender.department, level, sight, now)
    approval = rules.book.approval
    return Shared(
        id=command.id,
        applicant=sender.id,
        department=sender.department,
        at_ms=received.at_ms,
        digest=digest_of(command, sender.id),
        request=command.model_dump(mode="json"),
        level=level,
        posts=approval.external if command.kind == "external" else approval.internal,
        until=until,
    )


def check_references(command: Share) -> None:
    """Refuse what looks like personal data: it is kept in clear.

    Raises:
        Refusal: DG-COL-007.
    """
    said = (*command.records, command.recipient, command.reason, command.agreement, command.carrier)
    if any(looks_personal(text) for text in said if text):
        raise Refusal("DG-COL-007")


def level_of(command: Share, rules: Rules) -> Level:
    """The level of what is shared, each field of which the purpose needs.

    Raises:
        Refusal: DG-COL-001, 005, 006.
    """
    purpose = command.purpose or ""
    rules.catalogue.purpose(purpose)
    return combined_level({rules.catalogue.needed_field(name, purpose).level for name in command.fields})


def check_gates(command: Share, department: str, level: Level, sight: Sight, now: float) -> Principal:
    """All that must hold at the application and again at each delivery; the recipient.

    Args:
        department: the applicant's.
        level: of what is shared.
        now: UNIX seconds.

    Raises:
        Refusal: DG-SHR-010 to 027.
    """
    book, directory = sight.rules.book, sight.directory
    recipient = gates.check_recipient(command, directory.principal(command.recipient or ""), department, now)
    gates.check_agreement(command, sight.agreement, now, book.share)
    gates.check_form(command, sight.rules.catalogue, book.share)
    subjects = [sight.found[name].subject if name in sight.found else None for name in command.records]
    gates.check_consents(command, subjects, sight.agreed, book.share)
    gates.check_channel(command.channel or "", level, len(command.records), book.transfer)
    things = [about(record) for record in sight.found.values()]
    if command.carrier is not None or gates.is_important(level, things, book.transfer):
        carrier = directory.principal(command.carrier) if command.carrier else None
        gates.check_carrier(command, carrier, book.transfer)
    return recipient
