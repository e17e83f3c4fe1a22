"""Cached answers are the answers; a policy that cannot be evaluated permits nothing; who is refused learns nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.about import NOTHING, SCOPES, About, about
from consumers.authorize import Authorizer, check_open, seen_of
from ops.rules import policy_files, policy_root
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Principal
from tests.consumers.samples import RULES, grant, principal
from tests.consumers.test_access import RECORD

pytestmark = pytest.mark.slow

ROLES = ("reader", "steward", "fee_collector", "secret_keeper", "restricted_reader", "administrator", "client_manager")
WORDS = {"building": ("", "b-07", "b-08"), "grade": ("none", "secret", "top_secret"), "risk": ("", "low", "high")}
BASE = principal("per:x", kind="person")


@st.composite
def people(draw: Any) -> Principal:
    scope = draw(
        st.sets(st.sampled_from([("building", "b-07"), ("building", "b-08"), ("grade", "secret"), ("x", "y")]))
    )
    return Principal(
        draw(st.sampled_from(["per:a", "per:b"])), draw(st.sampled_from(["person", "system"])),
        frozenset(draw(st.sets(st.sampled_from(ROLES), max_size=3))), "retail", draw(st.sampled_from(list(Level))),
        (), (), active=draw(st.booleans()), scope=frozenset(scope),
    )  # fmt: skip


records = st.just(NOTHING) | st.builds(
    About, known=st.just(True), **{name: st.sampled_from(words) for name, words in WORDS.items()}
)
questions = st.tuples(people(), st.sampled_from(["access", "apply", "update"]), st.sampled_from(list(Level)), records)


@pytest.mark.clause("SEC-02")
@settings(max_examples=60)
@given(st.lists(questions, min_size=1, max_size=12))
def test_a_cached_answer_is_the_answer(asked: list[Any]) -> None:
    ours = RULES.authorizer
    for who, action, level, of in [*asked, *asked]:
        cached = ours.allows(who, action, level, "account_service", of)
        assert cached == ours.ask(who.id, seen_of(who), action, level.rank, "account_service", of)


@pytest.mark.clause("SEC-03")
@given(people(), records, st.sampled_from(list(Level)))
def test_nobody_reads_beyond_the_scope_whatever_the_roles(who: Principal, of: About, level: Level) -> None:
    buildings = {value for name, value in who.scope if name == "building"}
    if RULES.authorizer.allows(who, "access", level, "account_service", of):
        assert ("x", "y") not in who.scope
        assert who.clearance.rank >= level.rank
        assert not of.known or not buildings or of.building in buildings


@pytest.mark.clause("USE-06")
@given(people(), st.sampled_from(["steward", "fee_collector"]), records.filter(lambda of: of.known))
def test_a_steward_never_reads_a_building_of_others(who: Principal, role: str, of: About) -> None:
    steward = Principal(who.id, "person", who.roles | {role}, "d", Level.CORE, (), (), scope=who.scope)
    if ("building", of.building) not in who.scope:
        assert not RULES.authorizer.allows(steward, "access", Level.BASIC, "account_service", of)
        assert not RULES.authorizer.allows(steward, "apply", Level.BASIC, "account_service", of)


@pytest.mark.clause("SEC-02")
def test_a_policy_that_cannot_be_evaluated_permits_nothing() -> None:
    files, schema = policy_files(policy_root())
    wrong = '@id("mine")\n@clause("SEC-02")\nforbid (principal, action, resource)\nwhen { resource.level * 9223372036854775807 < 0 };'
    broken = Authorizer({**files, "mine.cedar": wrong.replace("mine", "mine-all")}, schema)
    reader = principal("per:r", "reader", kind="person")
    assert broken.allows(reader, "access", Level.SENSITIVE, "account_service")  # 1 * max: no overflow
    with pytest.raises(Refusal, match="DG-POL-005"):
        broken.allows(reader, "access", Level.CORE, "account_service")
    with pytest.raises(Refusal, match="DG-ACC-001"):  # of a record, not even that is told
        check_open(
            RECORD, grant(reader.id, records=frozenset({RECORD.id})), reader, Level.CORE, "account_service", broken
        )


def test_what_policies_see_of_a_record_stands_in_its_circumstances() -> None:
    intake = {
        "household": {"building": "b-07", "floor": 3, "unit": "a"},
        "customer": {"type": "individual", "business_type": "retail", "segment": "ordinary", "special": "expert"},
        "assessment": {"risk_grade": "low"}, "grade": "secret", "custodian": "per:k",
    }  # fmt: skip
    record = RECORD
    record = type(record)(**{name: getattr(record, name) for name in record.__slots__} | {"intake": intake})
    seen = about(record)
    assert seen == About(
        known=True, building="b-07", segment="ordinary", business="retail", customer="individual", special="expert",
        risk="low", grade="secret", source="sys:crm", custodian="per:k", stage="archived",
    )  # fmt: skip
    assert seen.has([("building", "b-07"), ("risk", "low")])
    assert not seen.has([("building", "b-08")])
    assert not seen.has([("stage", "archived")])  # no attribute of a scope
    assert about(RECORD) == About(known=True, source="sys:crm", stage="archived")
    assert set(SCOPES) < set(About._fields)
