"""Secret and top secret records: pages of their own, a keeper of their own, and nobody else's reads (STO-04)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.about import NOTHING, About
from consumers.collect import decide
from consumers.intake_rules import keeps
from consumers.reading.access import decide as decide_read
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Grant
from store.record import Record
from tests.consumers.samples import NOW, RULES, access, collect, grant, principal, received
from tests.consumers.test_access import RECORD

GRADES = ("secret", "top_secret")
ROLES = tuple(sorted({"reader", "client_manager", "director", "auditor", "steward", "custodian", "general_manager"}))


def graded(grade: str) -> Record:
    return replace(RECORD, intake={"grade": grade})


def answer(record: Record | None, sender: Any, held: Grant) -> str | None:
    try:
        decide_read(received(access(fields=["name"]), sender), record, held, RULES.catalogue, RULES.authorizer, NOW)
    except Refusal as refusal:
        return refusal.code
    return None


@pytest.mark.clause("STO-04")
@pytest.mark.parametrize("grade", GRADES)
def test_secret_records_get_key_pages_of_their_own(grade: str) -> None:
    sender = principal("sys:crm", "collector")
    plain, secret = (decide(received(c, sender), RULES) for c in (collect(), collect(intake={"grade": grade})))
    assert secret.cohort == f"{grade}/{plain.cohort}"  # a page holds one cohort
    ungraded = decide(received(collect(intake={"grade": "none"}), sender), RULES)
    assert ungraded.cohort == plain.cohort


@pytest.mark.clause("STO-04")
def test_only_a_dedicated_keeper_keeps_them() -> None:
    custodian = principal("per:a", "custodian", kind="person")
    keeper = principal("per:b", "custodian", "secret_keeper", kind="person")
    assert keeps(custodian)
    assert keeps(keeper)
    for grade in GRADES:
        assert not keeps(custodian, grade)
        assert keeps(keeper, grade)
        assert not keeps(replace(keeper, roles=frozenset({"secret_keeper"})), grade)


@pytest.mark.clause("STO-04")
@given(st.sets(st.sampled_from(ROLES)), st.sampled_from(GRADES), st.sampled_from(["access", "apply"]))
def test_without_special_permission_nobody_reads_them_or_applies_for_them(
    roles: set[str], grade: str, action: Any
) -> None:
    who = principal("per:x", "reader", *roles, kind="person", scope=frozenset({("building", "b-07")}))
    of = About(known=True, building="b-07", grade=grade)
    assert not RULES.authorizer.allows(who, action, Level.BASIC, "account_service", of)
    other = next(each for each in GRADES if each != grade)
    for permitted, opens in ((grade, True), (other, False)):
        special = replace(who, scope=who.scope | {("grade", permitted)})
        assert RULES.authorizer.allows(special, action, Level.BASIC, "account_service", of) == opens


@pytest.mark.clause("STO-04")
@pytest.mark.parametrize("grade", GRADES)
def test_a_reader_is_answered_as_if_there_were_no_secret_record(grade: str) -> None:
    clerk = principal("per:clerk", "reader", kind="person")
    everything = grant(clerk.id, records=frozenset("*"))
    assert answer(graded(grade), clerk, everything) == answer(None, clerk, everything) == "DG-ACC-007"
    named = grant(clerk.id, records=frozenset({"rec-0001"}))
    assert answer(graded(grade), clerk, named) == answer(RECORD, clerk, grant("per:other")) == "DG-ACC-001"
    keeper = replace(clerk, roles=frozenset({"secret_keeper"}))
    assert answer(graded(grade), keeper, everything) is None
    assert answer(RECORD, keeper, everything) == "DG-ACC-007"  # the role opens secret records alone
    assert RULES.authorizer.allows(keeper, "access", Level.CORE, "account_service", NOTHING)
