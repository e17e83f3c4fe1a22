"""Every role x action x class x scope x state, against a table written out by hand (oracle.toml), not the policies.

What limits a permit to some records is said again here, in Python and in other words than Cedar's.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest

from consumers.about import NOTHING, About
from consumers.authorize import Authorizer, seen_of
from ops.policies.cases import ACTIONS
from ops.rules import policy_files, policy_root
from schemas.levels import Level
from schemas.principals import Principal

pytestmark = pytest.mark.slow

ORACLE: Final = tomllib.loads((Path(__file__).parent / "oracle.toml").read_text("utf-8"))
READS: Final = ("access", "apply")
ROLES: Final = sorted(
    {role for named in ORACLE["may"].values() for role in named} - {"*"}
    | {"administrator", "security_officer", "restricted_reader", "sales_director", "market_supervision"}
)
#: What a person may hold besides: nothing, a place on the list of readers, another reading role.
BESIDES: Final[tuple[frozenset[str], ...]] = (
    frozenset(), frozenset({"restricted_reader"}), frozenset({"reader"}),
)  # fmt: skip
CLASSES: Final = ((Level.BASIC, Level.BASIC), (Level.BASIC, Level.CORE), (Level.CORE, Level.SENSITIVE))
SCOPES: Final[tuple[frozenset[tuple[str, str]], ...]] = (
    frozenset(), frozenset({("building", "b-07")}), frozenset({("grade", "secret")}),
    frozenset({("building", "b-07"), ("segment", "partner")}), frozenset({("floor", "3")}),
)  # fmt: skip
RECORDS: Final = (
    NOTHING,
    About(known=True),
    About(known=True, building="b-07", segment="partner"),
    About(known=True, building="b-09", segment="partner"),
    About(known=True, building="b-07", grade="secret"),
    About(known=True, building="b-07", grade="top_secret"),
    About(known=True, building="b-07", risk="high"),
    About(known=True, building="b-07", special="large_amount", segment="partner"),
    About(known=True, stage="received", objected=True),
)
Question = tuple[Principal, Any, Level, About]


def expected(who: Principal, action: str, level: Level, of: About) -> bool:
    """The oracle's answer."""
    if not who.active or "administrator" in who.roles:
        return False
    if action in ORACLE["clearance"] and level.rank > who.clearance.rank:
        return False
    named = ORACLE["may"].get(action, {})
    holding = {role for role in {"*", *who.roles} if named.get(role) in ("any", who.kind)}
    if action == "access" and of.known and of.grade == "none":
        holding -= {"secret_keeper"}
    return bool(holding) and (action not in READS or _within(who, of))


def _within(who: Principal, of: About) -> bool:
    scope: dict[str, set[str]] = {}
    for name, value in who.scope:
        scope.setdefault(name, set()).add(value)
    bound = who.roles & {"steward", "fee_collector"}
    if "floor" in scope or (bound and "building" not in scope):
        return False
    if not of.known:
        return True
    inside = all(getattr(of, name) in values for name, values in scope.items() if name != "grade")
    open_grades = {"none", *scope.get("grade", ())} | (
        {"secret", "top_secret"} & {of.grade} if "secret_keeper" in who.roles else set()
    )
    listed = "restricted_reader" in who.roles or (of.risk != "high" and of.special != "large_amount")
    return inside and of.grade in open_grades and listed


def questions(role: str) -> Iterator[Question]:
    """Every combination for a role."""
    kinds: tuple[Any, ...] = ("person", "system")
    reads = any(role in ORACLE["may"][action] for action in READS)
    for more, kind, (level, clearance), active in product(BESIDES, kinds, CLASSES, (True, False)):
        if not active and (level, clearance) != CLASSES[0]:
            continue
        scopes = SCOPES if active and kind == "person" else SCOPES[:2]
        for scope in scopes:
            who = Principal(
                "x:1", kind, frozenset({role}) | more, "retail", clearance, (), (), active=active, scope=scope
            )
            for action, of in product(READS, RECORDS if active and reads else RECORDS[:3]):
                yield who, action, level, of
        alone = Principal("x:1", kind, frozenset({role}) | more, "retail", clearance, (), (), active=active)
        for action in set(ACTIONS) - set(READS):
            yield alone, action, level, NOTHING


@pytest.fixture(scope="module")
def authorizer() -> Authorizer:
    return Authorizer(*policy_files(policy_root()))


@pytest.mark.clause("SEC-02", "SEC-03", "SEC-07", "STO-04", "USE-06")
@pytest.mark.parametrize("role", ROLES)
def test_every_combination_is_answered_as_the_written_table_says(role: str, authorizer: Authorizer) -> None:
    asked = 0
    for who, action, level, of in questions(role):
        allowed = authorizer.ask(who.id, seen_of(who), action, level.rank, "account_service", of)
        assert allowed == expected(who, action, level, of), (sorted(who.roles), who.kind, action, level, who.scope, of)
        asked += 1
    assert asked > 1000


def test_the_table_speaks_of_every_action_that_a_policy_permits(authorizer: Authorizer) -> None:
    scopes = [policy.parsed["action"] for policy in authorizer.policies if policy.effect == "permit"]
    permitted = {entity["id"] for scope in scopes for entity in scope.get("entities") or [scope["entity"]]}
    assert permitted == set(ORACLE["may"])
    assert permitted <= set(ACTIONS)
