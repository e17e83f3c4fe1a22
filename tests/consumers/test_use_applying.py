"""Applications: what they must say, who may make them, who has to sign them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.use.products import check_product
from schemas.errors import Refusal
from tests.consumers.samples import NOW
from tests.simulators.using import STRICT, Office, moment, record, rules_with

SENSITIVE: dict[str, Any] = {"fields": ["name"]}


async def code(sender: str = "per:reader", office: Office | None = None, **changes: Any) -> str | None:
    return (await (office or Office()).apply(sender, **changes))[1]


@pytest.mark.clause("USE-02")
@pytest.mark.parametrize(
    ("lacking", "expected"),
    [
        ({"purpose": None}, "DG-USE-001"),
        ({"reason": None}, "DG-USE-002"),
        ({"reason": "  "}, "DG-USE-002"),
        ({"fields": []}, "DG-USE-003"),
        ({"not_before": None}, "DG-USE-004"),
        ({"not_after": None}, "DG-USE-004"),
        ({"records": []}, "DG-USE-005"),
        ({"contact": None}, "DG-USE-006"),
    ],
)
async def test_an_application_that_lacks_something_is_refused_by_its_name(
    lacking: dict[str, Any], expected: str
) -> None:
    assert await code(**lacking) == expected
    assert await code() is None


@pytest.mark.clause("USE-02")
@given(
    lacking=st.sets(st.sampled_from(["purpose", "reason", "fields", "not_before", "not_after", "records", "contact"]))
)
async def test_never_kept_unless_it_says_everything(lacking: set[str]) -> None:
    office = Office()
    empty: dict[str, Any] = {"fields": [], "records": []}
    changes: dict[str, Any] = {name: empty.get(name) for name in lacking}
    await office.apply(**changes)
    assert bool(office.stores.applications) == (not lacking)


async def test_the_period_is_one() -> None:
    for times in (
        (NOW, NOW),
        (NOW + 10, NOW),
        (NOW - 100, NOW - 10),
        (NOW, NOW + 32 * 86_400),
    ):
        assert await code(not_before=moment(times[0]), not_after=moment(times[1])) == "DG-USE-007"
    assert await code(not_before="2026-02-30T00:00:00Z") == "DG-USE-007"
    assert await code(not_before=moment(NOW - 90 * 86_400)) is None  # its past part is nothing anybody reads in


async def test_fields_are_those_that_the_purpose_needs() -> None:
    assert await code(fields=["citty"]) == "DG-COL-001"
    assert await code(fields=["city", "organisation_name"]) == "DG-COL-005"
    assert await code(clear=["name"]) == "DG-USE-013"
    assert await code(purpose="spying") == "DG-COL-006"


@pytest.mark.clause("USE-08")
async def test_a_department_names_only_its_purposes() -> None:
    assert await code("per:other") == "DG-USE-008"
    offer: dict[str, Any] = {"purpose": "marketing", "product": "deposit"}
    assert await code("per:other", fields=["city"], **offer) is None
    assert await code(fields=["city"], **offer) is None
    assert await code(office=Office(rules_with(use={"purposes_by_department": {}}))) == "DG-USE-008"
    assert await code("per:gm") == "DG-USE-008"  # a department that is not listed has none


@pytest.mark.clause("USE-08")
def test_the_rule_book_that_comes_along_names_a_departments_purposes_and_only_real_ones() -> None:
    listed = STRICT.book.use.purposes_by_department
    assert listed["analysis"] == ("marketing",)
    assert {name for names in listed.values() for name in names} <= STRICT.catalogue.purposes.keys()
    assert "*" not in listed


@pytest.mark.clause("USE-04")
async def test_only_two_posts_apply_for_the_archives_of_all_customers() -> None:
    everybody: dict[str, Any] = {"records": ["*"]}
    assert await code(**everybody) == "DG-USE-009"
    assert await code("per:manager", **everybody) == "DG-USE-009"
    assert await code("per:steward", **everybody) is None
    office = Office(rules_with(use={"purposes_by_department": {"*": ["*"]}}))
    name, refused = await office.apply("per:gm", **everybody)
    assert refused is None
    assert office.stores.applications[name].posts == ("client_manager", "unit_head")  # not the own post once more
    assert await code("per:steward", records=["*", "rec-0001"]) == "DG-USE-010"
    assert await code(selection={"building": "b-07"}) == "DG-USE-010"


async def posts(sender: str = "per:reader", **changes: Any) -> tuple[str, ...]:
    office = Office(rules_with(use={"purposes_by_department": {"*": ["*"]}}))
    office.stores.records["rec-0002"] = record("rec-0002", intake={"custodian": "per:otherman"})
    name, refused = await office.apply(sender, **changes)
    assert refused is None
    return office.stores.applications[name].posts


@pytest.mark.clause("USE-03", "USE-05")
async def test_the_chain_is_the_tiers() -> None:
    assert await posts() == ("client_manager", "unit_head")
    assert await posts(**SENSITIVE) == ("client_manager", "unit_head", "department_head")
    assert await posts(fields=["city", "id_number"]) == ("client_manager", "unit_head", "department_head")


@pytest.mark.clause("USE-04")
async def test_another_department_needs_the_general_manager() -> None:
    chain = ("client_manager", "unit_head", "general_manager")
    assert await posts("per:other") == chain
    assert await posts(records=["rec-0001", "rec-0002"]) == chain
    assert await posts(records=["rec-none"]) == chain  # nobody's: and nothing in the answer tells
    # A name without a record does not take the responsible department out of it.
    office = Office()
    offer: dict[str, Any] = {"purpose": "marketing", "product": "deposit", "fields": ["city"]}
    name, _ = await office.apply("per:other", records=["rec-0001", "rec-none"], **offer)
    assert office.stores.applications[name].signing_department == "retail"
    assert await posts(records=[], selection={"building": "b-07"}) == chain
    assert await posts("per:steward", records=["*"]) == chain


@pytest.mark.clause("USE-13")
async def test_an_application_to_copy_is_signed_by_the_client_manager_or_the_director() -> None:
    assert await posts(copying=True, terminal="desk-9") == ("client_manager", "unit_head")
    office = Office(rules_with(approval={"use": {"basic": ["unit_head"]}, "copying": ["director"]}))
    name, _ = await office.apply(copying=True, terminal="desk-9")
    assert office.stores.applications[name].posts == ("unit_head", "director")


@pytest.mark.clause("STO-17")
async def test_copies_do_not_go_to_a_shared_terminal() -> None:
    assert await code(copying=True, terminal="counter-1") == "DG-USE-014"
    assert await code(terminal="counter-1") == "DG-USE-014"
    assert await code(copying=True) == "DG-USE-015"
    assert await code(copying=True, terminal="desk-9") is None


@pytest.mark.clause("USE-17")
async def test_a_marketing_use_offers_only_what_the_risk_grade_allows() -> None:
    offer: dict[str, Any] = {"purpose": "marketing", "fields": ["city"]}
    office = Office()
    office.stores.records["rec-medium"] = record("rec-medium", intake={"assessment": {"risk_grade": "medium"}})
    office.stores.records["rec-none"] = record("rec-none", intake={})
    assert await code(office=office, **offer) == "DG-USE-011"
    assert await code(office=office, product="deposit", **offer) is None
    assert await code(office=office, product="bond", **offer) == "DG-USE-012"
    # Neither the customers' grades nor which records there are is told to the applicant; who signs is told.
    for name in ("rec-medium", "rec-none", "rec-absent"):
        said, answered = await office.apply(product="fund", **offer, records=["rec-0001", name])
        assert answered is None
        assert await office.endorse(said, "per:manager") == (None if name == "rec-absent" else "DG-USE-012")
    # Of a selection it is checked when it is read.
    selected: dict[str, Any] = {"records": [], "selection": {"building": "b-07"}}
    assert await code(office=office, product="fund", **offer, **selected) is None


@pytest.mark.clause("USE-17")
@given(
    product=st.sampled_from(["deposit", "fund", "bond"]),
    grade=st.sampled_from(["low", "medium", "high", ""]),
    allowed=st.dictionaries(
        st.sampled_from(["deposit", "fund"]), st.lists(st.sampled_from(["low", "medium", "high"]), max_size=3)
    ),
)
def test_never_offered_outside_the_grades_of_the_product(
    product: str, grade: str, allowed: dict[str, list[str]]
) -> None:
    use = rules_with(use={"products": allowed}).book.use
    try:
        check_product(product, "marketing", grade, use)
    except Refusal as refusal:
        assert refusal.code == "DG-USE-012"
        assert grade not in allowed.get(product, ())
    else:
        assert grade in allowed[product]


async def test_who_may_not_read_may_not_apply() -> None:
    assert await code("per:archivist") == "DG-CMD-004"
    assert await code("per:admin") == "DG-CMD-004"
    office = Office()
    office.staff.change("per:reader", active=False)
    assert await code(office=office) == "DG-CMD-004"


@pytest.mark.clause("STO-04")
async def test_a_secret_record_is_not_even_applied_for_without_special_permission() -> None:
    office = Office()
    plain = office.stores.records["rec-0001"]
    office.stores.records["rec-0001"] = replace(plain, intake={**(plain.intake or {}), "grade": "secret"})
    name, answered = await office.apply()
    assert answered is None  # the applicant is not told which records there are
    assert await office.endorse(name, "per:manager") == "DG-USE-044"
    assert not office.stores.grants
    office.staff.change("per:reader", scope=frozenset({("grade", "secret")}))
    assert await office.endorse(name, "per:manager") is None


@pytest.mark.clause("USE-04")
@pytest.mark.parametrize("selection", [{"grade": "none"}, {"customer": "individual"}, {"source": "sys-crm"}])
async def test_a_selection_of_nearly_everybody_takes_who_may_have_all(selection: dict[str, str]) -> None:
    wide: dict[str, Any] = {"records": [], "selection": selection}
    assert await code(**wide) == "DG-USE-009"
    assert await code("per:steward", **wide) is None
    assert await code(records=[], selection={**selection, "building": "b-07"}) is None


@pytest.mark.clause("USE-01")
@pytest.mark.parametrize(
    "more",
    [
        {"records": [], "selection": {"building": "b-07"}},
        {"records": [f"rec-{number:04}" for number in range(11)]},
        {"copying": True, "terminal": "desk-9"},
        {"history": True},
    ],
)
async def test_an_emergency_is_for_a_few_records_by_name(more: dict[str, Any]) -> None:
    office = Office()
    assert await code("per:duty", office=office, emergency=True) is None
    assert await code("per:duty", office=office, emergency=True, **more) == "DG-USE-019"
    assert len(office.stores.grants) == 1


async def test_what_looks_personal_is_not_kept() -> None:
    office = Office()
    for said in (
        {"reason": "call 13800138000"},
        {"contact": "13800138000"},
        {"selection": {"building": "x-13800138000"}},
    ):
        outcome = await office.send(office.application(**said), "per:reader")
        assert outcome.result.code == "DG-COL-007"
        assert "13800138000" not in str(outcome.facts)
    assert not office.stores.applications


async def test_an_application_that_comes_again_is_answered_again() -> None:
    office = Office()
    command = office.application()
    first = await office.send(command, "per:reader")
    assert await office.send(command, "per:reader") == first
    assert len(office.stores.applications) == 1
    assert (await office.send(command, "per:steward")).result.code == "DG-CMD-001"
    other = command.model_copy(update={"reason": "another"})
    assert (await office.send(other, "per:reader")).result.code == "DG-CMD-001"


async def test_the_event_says_what_is_applied_for_and_no_reason() -> None:
    office = Office()
    command = office.application()
    (event,) = (await office.send(command, "per:reader")).facts
    assert (event.action, event.verb, event.reader) == ("use", "apply", "per:reader")
    assert (event.purpose, event.fields, event.grant) == ("account_service", ("city", "gender"), f"use:{command.id}")
    assert event.digest == office.stores.applications[command.id].digest
    assert "loan" not in str(event)
    (refusal,) = (await office.send(office.application(purpose=None), "per:reader")).facts
    assert (refusal.allowed, refusal.code, refusal.verb) == (False, "DG-USE-001", "apply")


async def test_there_is_a_limit_to_open_applications() -> None:
    office = Office()
    for _ in range(100):
        assert await code(office=office) is None
    assert await code(office=office) == "DG-USE-017"
    assert await code("per:steward", office=office) is None
