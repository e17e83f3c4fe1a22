"""Samples that the consumers' tests share: a catalogue, principals, commands, all made up."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from consumers.received import Received
from keys.okp import ReceivingKey, SigningKey
from ops.rules import load_rules
from schemas.commands import Access, Collect, Update
from schemas.levels import Level
from schemas.principals import Grant, Principal, PublicKey
from schemas.use import Browse, Search

NOW = 1_800_000_000
RULES = load_rules(profile="trial")


def principal(name: str, *roles: str, kind: str = "system", **changes: Any) -> Principal:
    """A principal with one valid key of each kind."""
    signing, receiving = SigningKey.generate(), ReceivingKey.generate()
    made = Principal(
        id=name,
        kind=kind,  # type: ignore[arg-type]
        roles=frozenset(roles),
        department="retail",
        clearance=Level.CORE,
        signing_keys=(PublicKey(signing.kid, signing.x, NOW - 1000, NOW + 1000),),
        receiving_keys=(PublicKey(receiving.kid, receiving.x, NOW - 1000, NOW + 1000),),
    )
    return replace(made, **changes)


def received(command: Any, sender: Principal, *, offset: int = 7, at_ms: int = NOW * 1000) -> Received[Any]:
    """The command as if it had just been opened."""
    return Received(command, sender, str(uuid.UUID(int=1)), "archive.x", 0, offset, "ingest-kid", at_ms)


def collect(**changes: Any) -> Collect:
    """A collect command of one customer with fields of all levels."""
    members: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "type": "collect",
        "record": "rec-0001",
        "subject": "sub-0001",
        "purpose": "account_service",
        "legal_basis": "contract",
        "fields": {"name": "张三", "phone": "138 0013 8000", "city": "Suzhou", "id_number": "11010519491231002X"},
    }
    return Collect.model_validate(members | changes)


def update(**changes: Any) -> Update:
    """An update of the collected customer's city."""
    members: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "type": "update",
        "record": "rec-0001",
        "from_version": 1,
        "reason": "moved",
        "evidence": "letter-77",
        "fields": {"city": "Wuxi"},
    }
    return Update.model_validate(members | changes)


def access(**changes: Any) -> Access:
    """A read of two fields under a grant."""
    members: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "type": "access",
        "record": "rec-0001",
        "grant": "grant-1",
        "purpose": "account_service",
        "fields": ["name", "phone"],
    }
    return Access.model_validate(members | changes)


def browse(**changes: Any) -> Browse:
    """A page of a bulk read of two fields under a grant."""
    members: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "type": "browse",
        "grant": "grant-1",
        "purpose": "account_service",
        "fields": ["name", "city"],
    }
    return Browse.model_validate(members | changes)


def search(**changes: Any) -> Search:
    """A search by telephone number under a grant."""
    members: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "type": "search",
        "grant": "grant-1",
        "purpose": "account_service",
        "field": "phone",
        "value": "138 0013 8000",
    }
    return Search.model_validate(members | changes)


def grant(holder: str, **changes: Any) -> Grant:
    """A grant on everything of one record for an hour."""
    made = Grant(
        id="grant-1",
        principal=holder,
        records=frozenset({"rec-0001"}),
        fields=frozenset({"*"}),
        clear=frozenset(),
        purpose="account_service",
        not_before=NOW - 10,
        not_after=NOW + 3600,
    )
    return replace(made, **changes)
