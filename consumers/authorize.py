"""Whether a principal may act: Cedar policies decide, over attributes, never code (clause SEC-06).

Answers are cached: within one process the policies do not change, and the cache key holds every attribute
that they can see, so a cached answer is the answer.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Literal

import cedarpy

from schemas.approvals import ApprovalAction
from schemas.levels import Level
from schemas.principals import Principal

Action = (
    Literal["collect", "withdraw", "update", "propose", "decide", "access", "destroy", "review", "request-merge"]
    | ApprovalAction
)


class Authorizer:
    """Decides by a Cedar policy set.

    Args:
        policies: Cedar policy text.
        schema: Cedar schema text.

    Raises:
        ValueError: when the policies do not parse, or break the schema.
    """

    def __init__(self, policies: str, schema: str) -> None:
        validation = cedarpy.validate_policies(policies, schema)
        if not validation.validation_passed:
            raise ValueError(f"policies break the schema: {'; '.join(str(e) for e in validation.errors)}")
        self._policies = cedarpy.PolicySet.from_str(policies)
        self._decide = lru_cache(maxsize=4096)(self._ask)
        self._last: tuple[Principal, Action, Level, str, bool] | None = None

    def allows(self, principal: Principal, action: Action, level: Level, purpose: str) -> bool:
        """Whether the policies allow the action on records of that level for that purpose."""
        last = self._last
        if last is not None and last[0] is principal and last[1:4] == (action, level, purpose):
            return last[4]  # a bundle asks the same for each of its commands
        attributes = (
            principal.kind,
            tuple(sorted(principal.roles)),
            principal.department,
            principal.clearance.rank,
            principal.active,
        )
        allowed = self._decide(principal.id, attributes, action, level.rank, purpose)
        self._last = (principal, action, level, purpose, allowed)
        return allowed

    def _ask(self, principal: str, attributes: tuple[object, ...], action: str, level: int, purpose: str) -> bool:
        kind, roles, department, clearance, active = attributes
        who = {"type": "Principal", "id": principal}
        what = {"type": "Records", "id": "requested"}
        request: dict[str, object] = {
            "principal": who,
            "action": {"type": "Action", "id": action},
            "resource": what,
            "context": {},
        }
        entities = [
            {
                "uid": who,
                "attrs": {
                    "kind": kind,
                    "roles": roles,
                    "department": department,
                    "clearance": clearance,
                    "active": active,
                },
                "parents": [],
            },
            {"uid": what, "attrs": {"level": level, "purpose": purpose}, "parents": []},
        ]
        answer = cedarpy.is_authorized(request, self._policies, json.dumps(entities))
        # An evaluation error in any policy is no permission, whatever the others said.
        return bool(answer.allowed) and not answer.diagnostics.errors
