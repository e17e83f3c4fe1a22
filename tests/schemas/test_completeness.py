"""ARR-17 and ARR-15: what an archive has and what it lacks, by names alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.completeness import papers_missing, parts_missing, parts_present
from schemas.rulebook import Arrange, RuleBook
from schemas.taxonomy import CATEGORIES

RULES = Arrange()
HELD = st.sets(st.sampled_from(sorted(CATEGORIES)))
ITEMS = st.sets(st.sampled_from([*RULES.expected_parts, *RULES.household_papers, "scan", "letter"]))


@pytest.mark.clause("ARR-17")
@given(HELD, ITEMS, st.booleans())
def test_a_part_is_there_or_missing_and_never_both(categories: set[str], items: set[str], consent: bool) -> None:
    present = parts_present(categories, items, RULES, consent=consent)
    missing = parts_missing(present, RULES)
    assert set(present) | set(missing) == set(RULES.expected_parts)
    assert set(present).isdisjoint(missing)


@pytest.mark.clause("ARR-17")
@given(HELD, HELD, ITEMS, ITEMS)
def test_filing_more_never_makes_a_part_missing(
    categories: set[str], more: set[str], items: set[str], others: set[str]
) -> None:
    before = parts_present(categories, items, RULES)
    assert set(before) <= set(parts_present(categories | more, items | others, RULES))


@pytest.mark.clause("ARR-17")
@pytest.mark.parametrize("part", RULES.expected_parts)
def test_every_expected_part_can_be_filed(part: str) -> None:
    """By an item of its name, and by a category that fields really have."""
    assert parts_present((), {part}, RULES) == (part,)
    assert set(RULES.part_categories[part]) <= CATEGORIES
    assert part in parts_present(RULES.part_categories[part], (), RULES)


@pytest.mark.clause("ARR-17")
def test_a_consent_on_record_is_an_authorisation_and_the_parts_are_a_setting() -> None:
    assert parts_present((), (), RULES, consent=True) == ("authorisation",)
    book = RuleBook.from_mappings(
        {"arrange": {"expected_parts": ["base", "pets"], "part_categories": {"base": ["basic"]}}}
    )
    assert parts_missing(parts_present({"basic"}, (), book.arrange), book.arrange) == ("pets",)


@pytest.mark.clause("ARR-15")
@given(ITEMS)
def test_the_papers_that_a_household_lacks_are_those_that_were_not_filed(items: set[str]) -> None:
    missing = papers_missing(items, RULES)
    assert set(missing) == set(RULES.household_papers) - items
    assert len(RULES.household_papers) == 8
