"""A collection that the strictest rule book allows, to be broken one member at a time."""

from __future__ import annotations

import copy
from typing import Any

from consumers.collect import Draft, decide
from ops.rules import load_rules
from schemas.collection_approval import Approved, CollectionApproval
from schemas.commands import Collect
from schemas.errors import Refusal
from tests.consumers.samples import NOW, collect, principal, received

STRICT = load_rules()
NOTICE = STRICT.notices["account-service-1"]
CRM = principal("sys:crm", "collector")
#: NOW is 2027-01-15 08:00 UTC.
BEFORE, EARLIER, AFTER = "2027-01-15T07:00:00Z", "2027-01-15T06:00:00Z", "2027-01-15T09:00:00Z"
FIELDS = {"name": "张三", "phone": "138 0013 8000", "city": "Suzhou", "id_number": "11010519491231002X"}
CONSENT = {
    "reference": "consent-77",
    "text_sha256": NOTICE.sha256,
    "given_at": BEFORE,
    "given_by": "subject",
    "manner": "written",
    "explicit": True,
    "retention_months": 60,
    "document": "scan-77",
}
INTAKE = {
    "form": "retail@2",
    "use": "open_account",
    "channel": "direct",
    "notice": {"reference": "account-service-1", "given_at": EARLIER},
    "approval": "core-2027",
    "collector": "person:teller-4",
    "happened_at": BEFORE,
    "customer": {"type": "individual", "business_type": "retail", "segment": "ordinary"},
    "identity_check": {
        "checker": "person:teller-5",
        "at": BEFORE,
        "manner": "original_and_online",
        "result": "matches",
        "document": "identity_card",
    },
    "custodian": "person:keeper-1",
    "paper": "none",
}
APPROVED = Approved(
    CollectionApproval(
        id="core-2027",
        form="retail@2",
        purpose="account_service",
        fields=frozenset({"id_number", "account_number"}),
        not_before=NOW - 100,
        not_after=NOW + 100,
    ),
    "person:head-1",
)


def lawful(
    without: str | None = None, *, intake: dict[str, Any] | None = None, consent: Any = (), **changes: Any
) -> Collect:
    """The command with changes.

    Args:
        without: a member that is left out, as ``intake.notice`` or ``consent.document``.
        intake: members of the intake that are other.
        consent: members of the consent that are other; None for no consent at all.
        changes: members of the command that are other.
    """
    members: dict[str, Any] = {
        "legal_basis": "consent",
        "fields": FIELDS,
        "intake": copy.deepcopy(INTAKE) | (intake or {}),
        "consent": None if consent is None else copy.deepcopy(CONSENT) | dict(consent),
        **changes,
    }
    if without is not None:
        *path, last = without.split(".")
        place = members
        for step in path:
            place = place[step]
        place.pop(last)
    return collect(**members)


def decided(command: Collect, rules: Any = STRICT, sender: Any = CRM, approved: Approved | None = APPROVED) -> Draft:
    """What the collector decides, with the one approval there is."""
    return decide(received(command, sender), rules, {approved.document.id: approved} if approved else {})


def refusal_of(command: Collect, rules: Any = STRICT, **how: Any) -> tuple[str, str | None]:
    """Code and field of the refusal.

    Raises:
        AssertionError: when the command is lawful.
    """
    try:
        decided(command, rules, **how)
    except Refusal as refusal:
        return refusal.code, refusal.field
    raise AssertionError("lawful")
