"""What a record must say to be filed, and what its code and its entry are made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers import arrange
from consumers import collect as collecting
from consumers.rules import Rules
from schemas.archive_code import CodeTemplate, Place
from schemas.errors import Refusal
from schemas.intake import Intake
from schemas.levels import Level
from schemas.rulebook import RuleBook
from store.archive_entries import GRADE_MARKS, Entry, check_code, check_mark
from store.record import Record
from tests.consumers.samples import RULES, collect, principal, received

STRICT = RuleBook()
CUSTOMER = {"type": "individual", "business_type": "finance", "segment": "ordinary"}
GOOD: dict[str, Any] = {"customer": CUSTOMER, "paper": "none"}


def refusal(intake: dict[str, Any] | None, book: RuleBook = STRICT) -> tuple[str, str | None] | None:
    try:
        arrange.check(Intake.model_validate(intake) if intake is not None else None, book)
    except Refusal as refused:
        return refused.code, refused.field
    return None


def record(**intake: Any) -> Record:
    return Record(
        id="rec-1", subject="sub-1", version=3, level=Level.CORE, cohort="c", purpose="account_service",
        legal_basis="contract", fields={"city": b"", "name": b"", "id_number": b"", "gone": b""}, keys={},
        command="c", sender="s", ingest_keys=(), at_ms=1_704_038_400_000, intake=intake or None,
    )  # fmt: skip


@pytest.mark.clause("ARR-06")
@pytest.mark.parametrize("customer", [{}, {"type": "organisation"}, {"special": "lawyer"}, {"importance": "special"}])
def test_a_customer_in_the_rule_books_words_is_filed(customer: dict[str, str]) -> None:
    assert refusal(GOOD | {"customer": CUSTOMER | customer}) is None


@pytest.mark.clause("ARR-06")
def test_a_record_without_a_kind_of_customer_is_refused() -> None:
    assert refusal(None) == refusal({"paper": "none"}) == ("DG-ARR-001", "intake.customer")
    relaxed = RuleBook.from_mappings({"segment": {"customer_required": False}})
    assert refusal({"paper": "none"}, relaxed) is None


@pytest.mark.clause("ARR-06")
@pytest.mark.parametrize("name", ["business_type", "segment", "special", "importance"])
@given(word=st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True))
def test_no_word_but_the_rule_books_is_taken(name: str, word: str) -> None:
    rules = STRICT.segment
    words = {"business_type": rules.business_types, "segment": rules.vocabulary, "special": rules.special,
             "importance": rules.importance_tiers}[name]  # fmt: skip
    expected = None if word in words else ("DG-ARR-002", f"intake.customer.{name}")
    assert refusal(GOOD | {"customer": CUSTOMER | {name: word}}) == expected


@pytest.mark.clause("ARR-06")
def test_another_organisations_words_are_a_setting() -> None:
    premises = RuleBook.from_mappings({"segment": {"vocabulary": ["taken_over", "not_taken_over", "special"]}})
    assert refusal(GOOD | {"customer": CUSTOMER | {"segment": "taken_over"}}, premises) is None
    assert refusal(GOOD, premises) == ("DG-ARR-002", "intake.customer.segment")


@pytest.mark.clause("ARR-12")
def test_a_record_names_its_paper_or_says_that_there_is_none() -> None:
    assert refusal(GOOD | {"paper": "paper-77"}) is None
    assert refusal({"customer": CUSTOMER}) == ("DG-ARR-007", "intake.paper")
    assert refusal({"customer": CUSTOMER}, RuleBook.from_mappings({"arrange": {"paper_required": False}})) is None


@pytest.mark.clause("ARR-15")
def test_a_households_file_takes_the_papers_of_its_list() -> None:
    household = {"household": {"building": "b1", "floor": 3, "unit": "u301"}}
    assert refusal(GOOD | household | {"item": "move_in"}) is None
    assert refusal(GOOD | household | {"item": "menu"}) == ("DG-ARR-009", "intake.item")
    assert refusal(GOOD | household) == ("DG-ARR-009", "intake.item")


@pytest.mark.clause("ARR-06")
@pytest.mark.clause("ARR-12")
def test_the_collector_asks_for_it() -> None:
    rules: Rules = replace(RULES, book=RULES.book.model_copy(update={"segment": STRICT.segment}))
    with pytest.raises(Refusal, match="DG-ARR-001"):
        collecting.decide(received(collect(), principal("sys:crm", "collector")), rules)


@pytest.mark.clause("ARR-10")
def test_what_a_code_is_made_of() -> None:
    at_new_year = record(**GOOD)  # 2024-01-01 00:00 in China, still 2023 in UTC
    assert arrange.code_facts(at_new_year, STRICT)["year"] == "2024"
    of_2023 = record(**GOOD, happened_at="2023-12-31T10:00:00+08:00")
    template = CodeTemplate(STRICT.arrange.code_template)
    assert template.code(Place(template.series(arrange.code_facts(of_2023, STRICT)), 1)) == "P2023001-01"
    flat = record(**GOOD, household={"building": "b1", "floor": -2, "unit": "u1"})
    by_house = CodeTemplate("{segment}.{building}-{floor}-{unit}/{serial:02}")
    assert by_house.code(Place(by_house.series(arrange.code_facts(flat, STRICT)), 7)) == "ordinary.b1-B2-u1/07"
    with pytest.raises(Refusal, match="DG-ARR-010"):
        template.series(arrange.code_facts(record(), STRICT))


@pytest.mark.clause("ARR-11")
def test_an_entry_holds_names_and_no_values() -> None:
    made = arrange.entry(record(**GOOD, item="service_agreement"), "P2023001-01", RULES)
    assert made == Entry(
        record="rec-1", customer="sub-1", code="P2023001-01", version=3, purpose="account_service", level=Level.CORE,
        type="individual", business_type="finance", segment="ordinary", special=None,
        categories=tuple(sorted({RULES.catalogue.field(f).category for f in ("city", "name", "id_number")} | {"transaction.voucher"})),
        item="service_agreement", consent=False, grade="none", remarks="", household=None, paper="none",
    )  # fmt: skip


@pytest.mark.clause("ARR-16")
@given(st.sampled_from(["none", "secret", "top_secret"]), st.text(max_size=12))
def test_a_graded_record_is_never_entered_without_its_mark(grade: str, remarks: str) -> None:
    made = arrange.entry(record(**GOOD, grade=grade), None, RULES)
    check_mark(made)
    assert (GRADE_MARKS[grade] in made.remarks) if grade != "none" else made.remarks == ""
    other = replace(made, remarks=remarks)
    if grade != "none" and GRADE_MARKS[grade] not in remarks:
        with pytest.raises(Refusal, match="DG-ARR-006"):
            check_mark(other)
    else:
        check_mark(other)


@pytest.mark.clause("ARR-10")
@given(st.none() | st.sampled_from(["A-1", "A-2", "A-3"]), st.booleans())
def test_a_missing_unknown_or_repeated_code_is_never_entered(code: str | None, required: bool) -> None:
    made = arrange.entry(record(**GOOD), code, RULES)
    expected = {None: "DG-ARR-005" if required else None, "A-1": None, "A-2": "DG-ARR-004", "A-3": "DG-ARR-003"}[code]
    try:
        check_code(made, {"A-1": "rec-1", "A-2": "rec-2"}, required=required)
    except Refusal as refused:
        assert refused.code == expected
    else:
        assert expected is None
