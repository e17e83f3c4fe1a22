"""People, records and commands of intake for tests, all made up: pure, no server."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from consumers.intake_acts import Sight, decide
from consumers.rules import Rules
from keys.principal_keys import PrincipalKeys
from ops.commands.approve import sign_approval
from ops.rules import load_rules
from schemas.approvals import ApprovalAction
from schemas.commands import Confirm, HandOver, Review
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Principal, PublicKey
from schemas.rulebook import RuleBook
from store.intakes import Act, Filed
from tests.consumers.samples import NOW, principal, received

SENDER = "sys:crm"
ROLES: dict[str, tuple[str, ...]] = {
    SENDER: ("collector",), "per:collector": ("reviewer", "market_supervision"), "per:reviewer": ("reviewer",),
    "per:deliverer": ("deliverer",), "per:archivist": ("archivist",), "per:market": ("market_supervision",),
    "per:sales": ("sales_director",), "per:keeper": ("custodian",), "per:clerk": ("reader",),
}  # fmt: skip
CHECK: dict[str, Any] = {
    "checker": "per:collector", "at": "2026-11-02T09:00:00+08:00", "manner": "original_and_online",
    "result": "matches", "document": "identity_card", "expires": "2031-05-01",
}  # fmt: skip
INTAKE: dict[str, Any] = {
    "form": "retail@3", "collector": "per:collector", "identity_check": CHECK, "custodian": "per:keeper",
    "happened_at": "2026-11-02T10:00:00+08:00",
}  # fmt: skip


@cache
def keys_of(name: str) -> PrincipalKeys:
    """A principal's keys, made once."""
    return PrincipalKeys.generate(name)


def person(name: str, **changes: Any) -> Principal:
    """One of the people, with the keys above."""
    signing = keys_of(name).signing
    known = PublicKey(signing.kid, signing.x, NOW - 1000, NOW + 1000)
    kind = "system" if name == SENDER else "person"
    return replace(principal(name, *ROLES[name], kind=kind), signing_keys=(known,), **changes)


class People:
    """Who is registered."""

    def __init__(self, **changes: Principal) -> None:
        self.principals = {name: person(name) for name in ROLES} | {who.id: who for who in changes.values()}

    def principal(self, name: str, /) -> Principal | None:
        return self.principals.get(name)

    def signer(self, kid: str, /) -> tuple[str, PublicKey] | None:
        found = ((name, who.signing_key(kid)) for name, who in self.principals.items())
        return next(((name, key) for name, key in found if key), None)


STRICT = load_rules()
PEOPLE = People()


def rules(base: Rules = STRICT, **tables: Mapping[str, Any]) -> Rules:
    """The strict rules with other settings."""
    return replace(base, book=RuleBook.from_mappings(tables))


def filed(**changes: Any) -> Filed:
    """A record as it was collected."""
    made = Filed(
        id="rec-0001", subject="sub-0001", stage="received", version=1, sender=SENDER, level=Level.CORE,
        at_ms=NOW * 1000, fields=frozenset({"name", "id_number", "city"}), intake=INTAKE, custodian="per:keeper",
    )  # fmt: skip
    return replace(made, **changes)


def reviewed(**changes: Any) -> Filed:
    """A record that passed its review."""
    return filed(**{"stage": "reviewed", "review": {"by": "per:reviewer", "version": 1, "result": "passed"}, **changes})


def review(*records: str, **changes: Any) -> Review:
    """A review that passes, of records in their first version where nothing else is said."""
    names = records or ("rec-0001",)
    members: dict[str, Any] = {"id": str(uuid.uuid4()), "type": "review", "records": names, "result": "passed"}
    members["versions"] = (1,) * len(names)
    return Review.model_validate(members | changes)


def returning(*records: str, **changes: Any) -> Review:
    """A review that sends back."""
    return review(*records, **{"result": "returned", "reason": "a page is missing", **changes})


def hand_over(*records: Filed, codes: bool = True, listed: Mapping[str, Any] | None = None, **changes: Any) -> HandOver:
    """A hand-over of those records with the catalogue that fits them, not signed."""
    catalogue = [
        {
            "record": each.id, "version": each.version, "fields": sorted(each.fields),
            "code": code_of(each.id) if codes else None, **(listed or {}),
        }
        for each in records
    ]  # fmt: skip
    members: dict[str, Any] = {
        "id": str(uuid.uuid4()), "type": "hand_over", "records": [each.id for each in records],
        "catalogue": catalogue, "approvals": (),
    }  # fmt: skip
    return HandOver.model_validate(members | changes)


def confirm(*records: str, **changes: Any) -> Confirm:
    """A confirmation, not signed, of records in their first version where nothing else is said."""
    names = records or ("rec-0001",)
    members: dict[str, Any] = {"id": str(uuid.uuid4()), "type": "confirm", "records": names, "approvals": ()}
    members["versions"] = (1,) * len(names)
    return Confirm.model_validate(members | changes)


SIDES: tuple[tuple[str, ApprovalAction], ...] = (("per:deliverer", "hand-over"), ("per:archivist", "take-over"))
POSTS: tuple[tuple[str, ApprovalAction], ...] = (("per:market", "confirm-archive"), ("per:sales", "confirm-archive"))


def signed(command: Any, by: tuple[tuple[str, ApprovalAction], ...], requester: str = "per:archivist") -> Any:
    """The command with those signatures."""
    tokens = tuple(sign_approval(command, requester, keys_of(who), now=NOW, action=action) for who, action in by)
    return command.model_copy(update={"approvals": tokens})


def code_of(record: str) -> str:
    """A record's archive code."""
    return f"P2026{record[-3:]}-01"


def sight(*known: Filed, codes: bool = True, people: People = PEOPLE, using: Rules = STRICT, now: float = NOW) -> Sight:
    """What is looked at: those records."""
    of = {each.id: code_of(each.id) for each in known} if codes else {}
    return Sight({each.id: each for each in known}, of, people, using, now)


def decided(command: Any, seen: Sight, sender: str = "per:archivist") -> Act:
    """The act that is decided."""
    who = seen.directory.principal(sender)
    assert who is not None
    return decide(received(command, who), seen)


def outcome(command: Any, seen: Sight, sender: str = "per:archivist") -> str:
    """The stage to which all records move, or the code of the refusal."""
    try:
        (stage,) = {move.stage for move in decided(command, seen, sender).moves}
    except Refusal as refusal:
        return refusal.code
    return stage
