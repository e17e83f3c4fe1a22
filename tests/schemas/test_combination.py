"""ARR-04: of a person, what stands together is handled as the most sensitive of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.combination import about_person, combined_level, handled_as, shown
from schemas.levels import Level
from schemas.rulebook import RuleBook, Sensitivity
from tests.consumers.samples import RULES

LEVELS = st.sets(st.sampled_from(Level))
STRICT = RuleBook().sensitivity


@pytest.mark.clause("ARR-04")
@given(LEVELS)
def test_the_whole_is_as_sensitive_as_its_most_sensitive_part(levels: set[Level]) -> None:
    assert combined_level(levels).rank == max((level.rank for level in levels), default=0)


@pytest.mark.clause("ARR-04")
@given(st.sampled_from(Level), LEVELS, LEVELS)
def test_company_never_makes_a_field_less_sensitive(own: Level, some: set[Level], more: set[Level]) -> None:
    fewer = handled_as(own, some, person=True, rules=STRICT)
    assert own.rank <= fewer.rank <= handled_as(own, some | more, person=True, rules=STRICT).rank
    assert all(handled_as(own, {*some, level}, person=True, rules=STRICT).rank >= level.rank for level in Level)


def test_the_clause_speaks_of_people_and_may_be_switched_off() -> None:
    assert handled_as(Level.BASIC, {Level.CORE}, person=False, rules=STRICT) is Level.BASIC
    assert handled_as(Level.BASIC, {Level.CORE}, person=True, rules=Sensitivity(combine=False)) is Level.BASIC
    assert about_person(None)
    assert about_person({"customer": {"type": "individual"}})
    assert not about_person({"customer": {"type": "organisation"}})


@pytest.mark.clause("ARR-04")
@pytest.mark.parametrize("name", sorted(RULES.catalogue.fields))
def test_a_general_field_beside_a_sensitive_one_is_never_shown_whole(name: str) -> None:
    spec = RULES.catalogue.fields[name]
    value = spec.choices[0] if spec.choices else "0123456789abcdef@example.org"
    for level in Level:
        if level.rank > spec.level.rank:
            assert shown(spec, value, level) != value
    assert shown(spec, value, spec.level) == value or spec.mask != "none"
