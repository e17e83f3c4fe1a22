"""The gates of a share: each refuses with a code of its own, at the application and again at the delivery. Pure.

SHR-01 (what the application says), SHR-04 (agreement), SHR-05 (consents), SHR-06 (anonymised), SHR-07 and 08
(channels), SHR-09 (no password), SHR-12 (carriers).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from consumers.about import About
from schemas.catalogue import Catalogue
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.moments import unix_ms
from schemas.principals import Principal
from schemas.rule_tables.sharing import Sharing, Transfer
from schemas.sharing import RECIPIENT, Share
from store.agreements import Agreement

_DAY: Final = 86_400
#: Kinds of value that tell by themselves who somebody is.
IDENTIFYING: Final = frozenset({"name", "cn_id", "cn_uscc", "phone", "email", "card"})
#: Words for what opens something.
_SECRET: Final = re.compile(r"pass(word|phrase|code|wd)|secret|private[_-]?key|\bpin\b|unlock|mima|kouling")
_ELEMENTS: Final = (
    ("purpose", "DG-SHR-001"), ("records", "DG-SHR-002"), ("fields", "DG-SHR-002"), ("recipient", "DG-SHR-003"),
    ("basis", "DG-SHR-004"), ("reason", "DG-SHR-005"), ("kind", "DG-SHR-006"), ("until", "DG-SHR-007"),
    ("channel", "DG-SHR-008"),
)  # fmt: skip


def check_complete(command: Share) -> None:
    """Refuse an application that lacks something (SHR-01).

    Raises:
        Refusal: DG-SHR-001 to 008, naming what is missing.
    """
    for name, code in _ELEMENTS:
        if not getattr(command, name) or not str(getattr(command, name)).strip():
            raise Refusal(code, field=name)


def ends_at(command: Share, now: float, rules: Sharing) -> int:
    """When the share ends, UNIX seconds.

    Raises:
        Refusal: DG-SHR-007 for no time, one that is past, or too far away.
    """
    try:
        until = unix_ms(command.until or "") // 1000
    except (ValueError, OverflowError):
        raise Refusal("DG-SHR-007", field="until") from None
    if not now < until <= now + _DAY * rules.longest_days:
        raise Refusal("DG-SHR-007", field="until")
    return until


def check_recipient(command: Share, recipient: Principal | None, department: str, now: float) -> Principal:
    """Refuse a recipient whom nothing can be sealed to, or that is not what the kind of share says.

    Raises:
        Refusal: DG-SHR-010, 011.
    """
    if recipient is None or not recipient.active or recipient.barred or recipient.receiving_key(now) is None:
        raise Refusal("DG-SHR-010", field="recipient")
    outside = RECIPIENT in recipient.roles
    if outside != (command.kind == "external") or (not outside and recipient.department == department):
        raise Refusal("DG-SHR-011", field="recipient")
    return recipient


def check_agreement(command: Share, agreement: Agreement | None, now: float, rules: Sharing) -> None:
    """Refuse what the confidentiality agreement with the recipient does not cover (SHR-04, SHR-07).

    Raises:
        Refusal: DG-SHR-014 to 018.
    """
    if command.kind != "external":
        return
    if agreement is None or agreement.recipient != command.recipient or not agreement.in_force(now):
        raise Refusal("DG-SHR-014", field="agreement")
    for name in command.fields:
        if not agreement.covers_field(name):
            raise Refusal("DG-SHR-015", field=name)
    if not agreement.covers_purpose(command.purpose or ""):
        raise Refusal("DG-SHR-016", field="purpose")
    if not any(duty.strip() for duty in agreement.duties):
        raise Refusal("DG-SHR-017", field="agreement")
    if rules.encrypted_at_rest and not agreement.encrypts_at_rest:
        raise Refusal("DG-SHR-018", field="agreement")


def needs_consent(command: Share, rules: Sharing) -> bool:
    """Whether each customer must have agreed: what goes outside about a customer, not what is anonymised (SHR-05)."""
    return rules.customer_consent and command.kind == "external" and command.form != "aggregate"


def check_consents(command: Share, subjects: Iterable[str | None], agreed: Collection[str], rules: Sharing) -> None:
    """Refuse a customer's information without the consent; a record that there is not has nobody's.

    Args:
        subjects: of each of the records, None for one that there is not.
        agreed: the subjects who consented to this recipient for this purpose.

    Raises:
        Refusal: DG-SHR-020.
    """
    if needs_consent(command, rules) and not all(subject in agreed for subject in subjects):
        raise Refusal("DG-SHR-020", field="records")


def check_form(command: Share, catalogue: Catalogue, rules: Sharing) -> None:
    """Refuse direct identifiers and sensitive information in what is declared as anonymised (SHR-06).

    Raises:
        Refusal: DG-SHR-021, 022.
    """
    if command.form != "aggregate":
        return
    for name in command.fields:
        if is_identifier(name, catalogue, rules):
            raise Refusal("DG-SHR-021", field=name)
    for name in command.fields:
        if catalogue.field(name).level is not Level.BASIC:
            raise Refusal("DG-SHR-022", field=name)


def is_identifier(name: str, catalogue: Catalogue, rules: Sharing) -> bool:
    """Whether a field tells who somebody is: by the kind of its values, or by its category."""
    spec = catalogue.field(name)
    return spec.kind in IDENTIFYING or spec.category in rules.identifier_categories


def check_channel(channel: str, level: Level, customers: int, rules: Transfer) -> None:
    """Refuse unsafe channels, and any that is not known to be encrypted (SHR-07, SHR-08).

    Where ``unsafe_channel_scope`` is less than all, a small set without core-sensitive fields may go by any channel:
    the package is encrypted to the recipient whatever carries it.

    Raises:
        Refusal: DG-SHR-023, 024.
    """
    if channel in rules.unsafe_channels:
        bulk = customers > rules.bulk_threshold
        if rules.unsafe_channel_scope == "all" or level is Level.CORE or bulk:
            raise Refusal("DG-SHR-024", field="channel")
    elif channel not in rules.encrypted_channels:
        raise Refusal("DG-SHR-023", field="channel")


def check_enclosures(names: Iterable[str]) -> None:
    """Refuse a sending with the password in it (不能同时发送密码, SHR-09).

    Raises:
        Refusal: DG-SHR-025.
    """
    if any(_SECRET.search(name.lower()) for name in names):
        raise Refusal("DG-SHR-025", field="enclosures")


def is_important(level: Level, things: Iterable[About], rules: Transfer) -> bool:
    """Whether a set holds something that only designated persons pass on (SHR-12)."""
    return level.value in rules.important_tiers or any(
        each.grade in rules.important_grades or each.importance in rules.important_customers for each in things
    )


def check_carrier(command: Share, carrier: Principal | None, rules: Transfer) -> None:
    """Refuse a carrier of important records who is not designated, or whose safeguards are not stated (SHR-12).

    Raises:
        Refusal: DG-SHR-026, 027.
    """
    active = carrier is not None and carrier.active and not carrier.barred and carrier.kind == "person"
    if carrier is None or not active or rules.designated_role not in carrier.roles:
        raise Refusal("DG-SHR-026", field="carrier")
    if not command.safeguards or not {*command.safeguards} <= {*rules.safeguards}:
        raise Refusal("DG-SHR-027", field="safeguards")
