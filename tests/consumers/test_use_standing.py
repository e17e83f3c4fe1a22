"""Standing scopes, copies, and what a scope covers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.about import About
from consumers.reading.grants import NamedGrants
from consumers.use.copies import check_copy
from consumers.use.scope import covers
from consumers.use.standing import standing_grant
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Grant
from store.principals import Grants
from tests.consumers.samples import NOW, access, grant, principal, received
from tests.simulators.attested import unsigned
from tests.simulators.using import rules_with

STEWARD = {"purposes": ["account_service"], "fields": ["city", "gender"], "attribute": "building"}
SCOPES = {"steward": STEWARD, "steward_manager": {"purposes": ["account_service"], "fields": ["*"]}}
USE = rules_with(use={"standing_scopes": SCOPES}).book.use
MINE = frozenset({("building", "b-07"), ("building", "b-08"), ("segment", "government")})


@pytest.mark.clause("USE-01")
def test_by_default_nobody_reads_without_an_application() -> None:
    reader = principal("per:s", "steward", "steward_manager", scope=MINE)
    for role in ("steward", "steward_manager", "reader"):
        assert standing_grant(f"standing:{role}", reader, "account_service", rules_with().book.use, NOW) is None


@pytest.mark.clause("USE-01")
def test_a_role_reads_what_its_standing_scope_says_within_the_readers_own() -> None:
    reader = principal("per:s", "steward", scope=MINE)
    found = standing_grant("standing:steward", reader, "account_service", USE, NOW)
    assert found is not None
    assert (found.principal, set(found.records), set(found.fields)) == ("per:s", {"*"}, {"city", "gender"})
    assert (found.clear, found.copying, found.history) == (frozenset(), False, False)
    assert found.selection == {("building", "b-07"), ("building", "b-08")}
    assert found.not_before <= NOW < found.not_after
    manager = principal("per:m", "steward_manager")
    everything = standing_grant("standing:steward_manager", manager, "account_service", USE, NOW)
    assert everything is not None
    assert (set(everything.selection), set(everything.fields)) == (set(), {"*"})


@pytest.mark.clause("USE-01")
@given(
    role=st.sampled_from(["steward", "steward_manager", "reader", ""]),
    roles=st.sets(st.sampled_from(["steward", "steward_manager", "reader"])),
    purpose=st.sampled_from(["account_service", "marketing"]),
    scope=st.sets(st.sampled_from(sorted(MINE))),
    prefix=st.sampled_from(["standing:", "use:", ""]),
)
def test_never_without_role_purpose_and_attribute(
    role: str, roles: set[str], purpose: str, scope: set[tuple[str, str]], prefix: str
) -> None:
    reader = principal("per:s", *roles, scope=frozenset(scope))
    found = standing_grant(prefix + role, reader, purpose, USE, NOW)
    configured = role in SCOPES and role in roles and purpose == "account_service" and prefix == "standing:"
    within = role == "steward_manager" or any(name == "building" for name, _ in scope)
    assert (found is not None) == (configured and within)


@pytest.mark.clause("USE-01")
async def test_a_read_names_a_standing_scope_like_a_grant() -> None:
    class Given:
        async def get(self, ids: Collection[str]) -> dict[str, Grant]:
            return {"grant-1": grant("per:s")} if "grant-1" in ids else {}

    named = NamedGrants(cast("Grants", Given()), USE, unsigned())
    steward, reader = principal("per:s", "steward", scope=MINE), principal("per:r", "reader")
    batch = [
        received(access(grant="standing:steward"), steward),
        received(access(grant="standing:steward"), reader),
        received(access(grant="standing:steward", purpose="marketing"), steward),
        received(access(), steward),
        received(access(grant="grant-2"), steward),
    ]
    found = await named.of(batch, NOW)
    assert [one.id if one else None for one in found] == ["standing:steward", None, None, "grant-1", None]


def test_a_scope_covers_one_of_its_values_for_each_attribute() -> None:
    here = About(known=True, building="b-07", segment="government")
    assert covers(MINE, here)
    assert covers(frozenset(), here)
    assert not covers(MINE, here._replace(building="b-09"))
    assert not covers(MINE, here._replace(segment="ordinary"))
    assert not covers(MINE, About())
    assert not covers({("stage", "archived")}, here._replace(stage="archived"))  # no attribute that scopes speak of
    assert not covers({("owner", "")}, here)


@pytest.mark.clause("USE-13")
@pytest.mark.parametrize(
    ("level", "grade", "copying", "refused"),
    [
        (Level.BASIC, "none", False, False),
        (Level.SENSITIVE, "none", False, True),
        (Level.CORE, "none", False, True),
        (Level.BASIC, "secret", False, True),
        (Level.BASIC, "top_secret", False, True),
        (Level.CORE, "top_secret", True, False),
    ],
)
def test_important_records_are_not_copied_without_approval(
    level: Level, grade: str, copying: bool, refused: bool
) -> None:
    held = replace(grant("per:reader"), copying=copying)
    assert (code(held, level, grade, None) == "DG-USE-020") == refused
    assert (code(None, level, grade, None) == "DG-USE-020") == (refused or copying)


@pytest.mark.clause("STO-17")
def test_nothing_is_delivered_to_a_shared_terminal() -> None:
    held = replace(grant("per:reader"), copying=True)
    for terminal in ("counter-1", "COUNTER-1"):
        assert code(held, Level.BASIC, "none", terminal) == "DG-USE-014"
    assert code(held, Level.CORE, "none", "desk-9") is None


def code(held: Grant | None, level: Level, grade: str, terminal: str | None) -> str | None:
    try:
        check_copy(held, level, grade, terminal, rules_with().book.use)
    except Refusal as refusal:
        return refusal.code
    return None
