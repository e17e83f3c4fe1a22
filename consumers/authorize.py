"""Whether a principal may act: Cedar policies decide, over attributes, never code (clauses SEC-02, SEC-06).

Answers are cached: within one process the policies do not change, and the cache key holds every attribute
that they can see, so a cached answer is the answer (docs/adr/0029-policies.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal

import cedarpy

from consumers.about import NOTHING, SCOPES, About, about
from consumers.policies import Policy, check_schema, policies_of
from schemas.approvals import ApprovalAction
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Grant, Principal
from store.record import Record

Action = (
    Literal[
        "collect",
        "withdraw",
        "update",
        "propose",
        "decide",
        "access",
        "apply",
        "destroy",
        "review",
        "request-merge",
        "request-seal",
        "report",
        "share",
        "deliver",
    ]
    | ApprovalAction
)
_CACHED: Final = 4096
_RESOURCE: Final = {"type": "Records", "id": "requested"}

Attributes = tuple[object, ...]


class Authorizer:
    """Decides by a Cedar policy set.

    Args:
        policies: Cedar policy text by file name.
        schema: Cedar schema text.

    Raises:
        DanganError: DG-POL-001 to 004 when a policy does not parse, has no id or clause, or breaks the schema.
    """

    def __init__(self, policies: Mapping[str, str], schema: str) -> None:
        self.policies: tuple[Policy, ...] = policies_of(policies)
        check_schema(self.policies, schema)
        self.prepared = cedarpy.PolicySet.from_str("\n".join(policy.text for policy in self.policies))
        self._decide = lru_cache(maxsize=_CACHED)(self.ask)
        self._last: tuple[Principal, Action, Level, str, About, bool] | None = None

    def allows(self, principal: Principal, action: Action, level: Level, purpose: str, of: About = NOTHING) -> bool:
        """Whether the policies allow the action on records of that level for that purpose.

        Args:
            principal: who acts.
            action: what it does.
            level: the highest level among the fields concerned.
            purpose: what for.
            of: the record's attributes; without them, whether it may act on any at all.

        Raises:
            Refusal: DG-POL-005 when a policy cannot be evaluated: no permission, whatever the others say.
        """
        last = self._last
        if last is not None and last[0] is principal and last[1:5] == (action, level, purpose, of):
            return last[5]  # a bundle asks the same for each of its commands, a page for each of its records
        allowed = self._decide(principal.id, seen_of(principal), action, level.rank, purpose, of)
        self._last = (principal, action, level, purpose, of, allowed)
        return allowed

    def ask(self, principal: str, seen: Attributes, action: str, level: int, purpose: str, of: About) -> bool:
        """As :meth:`allows`, without the cache.

        Raises:
            Refusal: DG-POL-005.
        """
        answer = cedarpy.is_authorized(
            request_of(principal, action), self.prepared, entities_of(principal, seen, level, purpose, of)
        )
        if answer.diagnostics.errors:
            raise Refusal("DG-POL-005")
        return bool(answer.allowed)


def check_open(
    record: Record, grant: Grant | None, reader: Principal, level: Level, purpose: str, authorizer: Authorizer
) -> None:
    """Refuse a record that the policies keep from a reader whose grant covers it (clauses USE-06, STO-04, SEC-03, 07).

    The refusal is the one that shows no record: under a grant on all records, that of a record which does not exist;
    under one that names records, that of a missing grant.

    Raises:
        Refusal: DG-ACC-001 or 007.
    """
    if not may_open(record, reader, level, purpose, authorizer):
        raise Refusal("DG-ACC-007" if grant is not None and "*" in grant.records else "DG-ACC-001")


def may_open(record: Record, reader: Principal, level: Level, purpose: str, authorizer: Authorizer) -> bool:
    """Whether the policies let a reader see that record; one that cannot be evaluated does not, and tells nothing."""
    try:
        return authorizer.allows(reader, "access", level, purpose, about(record))
    except Refusal:
        return False


def seen_of(principal: Principal) -> Attributes:
    """All that policies can see of a principal but its id: the cache key's part."""
    return (
        principal.kind,
        principal.roles,
        principal.department,
        principal.clearance.rank,
        principal.active,
        principal.scope,
    )


def request_of(principal: str, action: str) -> dict[str, object]:
    """The request as Cedar takes it."""
    return {
        "principal": {"type": "Principal", "id": principal},
        "action": {"type": "Action", "id": action},
        "resource": _RESOURCE,
        "context": {},
    }


def entities_of(principal: str, seen: Attributes, level: int, purpose: str, of: About) -> str:
    """Principal and record as Cedar takes them, in JSON."""
    kind, roles, department, clearance, active, scope = seen
    attributes = {
        "kind": kind,
        "roles": sorted(roles),  # type: ignore[call-overload] # a frozenset of texts
        "department": department,
        "clearance": clearance,
        "active": active,
        "scope": _scope(scope),
    }
    return json.dumps(
        [
            {"uid": {"type": "Principal", "id": principal}, "attrs": attributes, "parents": []},
            {"uid": _RESOURCE, "attrs": {"level": level, "purpose": purpose, **of._asdict()}, "parents": []},
        ]
    )


def _scope(pairs: Any) -> dict[str, list[str]]:
    """A set of values for each attribute; names that no policy knows are kept apart, so that they open nothing."""
    scope: dict[str, list[str]] = {name: [] for name in (*SCOPES, "other")}
    for name, value in sorted(pairs):
        scope[name if name in SCOPES else "other"].append(value if name in SCOPES else name)
    return scope
