"""Which policies decided a question; and where no permit did, which conditions kept each of them from it.

A permit's ``when`` is taken apart at its ``&&``, and each part is put to Cedar alone: what is told is what Cedar
says, not a second reading of the policy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import cedarpy

from consumers.authorize import Authorizer, entities_of, request_of, seen_of
from consumers.policies import Policy
from ops.policies.cases import Case

#: How many permits that nearly matched are told.
MAX_NEAR: Final = 5
_BRACKETS: Final = re.compile(r"\(((?:principal|resource)(?:\.\w+)+)\)")
_BODY: Final = re.compile(r"(?:when|unless)\s*\{(.*)\}\s*;\s*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Near:
    """A permit for the action that did not match: the conditions that do not hold, and how many do."""

    policy: Policy
    failing: tuple[str, ...]
    holding: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """An answer and its reasons.

    Attributes:
        allowed: the answer.
        deciding: the policies that it follows from: forbids, or permits; none where nothing permits.
        errors: policies that cannot be evaluated; then the answer is no.
        near: where no permit matched, those for the action, the nearest first; an answer by a forbid has none.
    """

    allowed: bool
    deciding: tuple[Policy, ...]
    errors: tuple[str, ...]
    near: tuple[Near, ...]


def explain(authorizer: Authorizer, case: Case) -> Explanation:
    """Put a case to the policies and tell why they answer as they do."""
    request, entities = _question(case)
    answer = cedarpy.is_authorized(request, authorizer.prepared, entities)
    named = set(answer.diagnostics.id_annotations_by_reason.values())
    deciding = tuple(policy for policy in authorizer.policies if policy.id in named)
    errors = tuple(str(error) for error in answer.diagnostics.errors)
    near: list[Near] = []
    if not deciding:
        permits = (each for each in authorizer.policies if each.effect == "permit" and _is_about(each, case.action))
        near = [_near(permit, request, entities) for permit in permits]
        near.sort(key=lambda each: (len(each.failing), -each.holding))
    return Explanation(bool(answer.allowed) and not errors, deciding, errors, tuple(near[:MAX_NEAR]))


def _question(case: Case) -> tuple[dict[str, object], str]:
    who = case.who.principal()
    entities = entities_of(who.id, seen_of(who), case.level.rank, case.purpose, case.about)
    return request_of(who.id, case.action), entities


def _is_about(policy: Policy, action: str) -> bool:
    scope = policy.parsed["action"]
    if scope["op"] == "All":
        return True
    entities = scope.get("entities") or [scope["entity"]]
    return any(entity["id"] == action for entity in entities)


def _near(policy: Policy, request: dict[str, object], entities: str) -> Near:
    failing, holding = [], 0
    for condition in _conditions(policy):
        alone = _alone(policy, condition)
        if cedarpy.is_authorized(request, alone, entities).allowed:
            holding += 1
        else:
            failing.append(_text(condition, alone))
    return Near(policy, tuple(failing), holding)


def _conditions(policy: Policy) -> Iterator[Mapping[str, Any]]:
    for condition in policy.parsed["conditions"]:
        if condition["kind"] == "when":
            for part in _conjuncts(condition["body"]):
                yield {"kind": "when", "body": part}
        else:
            yield condition


def _conjuncts(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    both = body.get("&&")
    if both is None:
        yield body
        return
    yield from _conjuncts(both["left"])
    yield from _conjuncts(both["right"])


def _alone(policy: Policy, condition: Mapping[str, Any]) -> cedarpy.PolicySet:
    """The policy with that condition alone."""
    bare = {**policy.parsed, "annotations": {}, "conditions": [condition]}
    return cedarpy.PolicySet.from_json_str(
        json.dumps({"staticPolicies": {"alone": bare}, "templates": {}, "templateLinks": []})
    )


def _text(condition: Mapping[str, Any], alone: cedarpy.PolicySet) -> str:
    """A condition as Cedar writes it, without the brackets that nobody needs."""
    found = _BODY.search(str(alone))
    text = " ".join((found.group(1) if found else str(alone)).split())
    while (plainer := _BRACKETS.sub(r"\1", text)) != text:
        text = plainer
    return f"not ({text})" if condition["kind"] == "unless" else text
