"""Intake: who reviews, hands over and confirms what, and every way in which that is refused."""

from __future__ import annotations

from typing import Any

import pytest

from consumers import intake_rules
from consumers.intake import IntakeDesk
from consumers.intake_rules import check_collection
from schemas.errors import Refusal
from schemas.intake import IdentityCheck
from tests.consumers.intakes import (
    CHECK,
    INTAKE,
    PEOPLE,
    POSTS,
    SENDER,
    SIDES,
    STRICT,
    People,
    confirm,
    decided,
    filed,
    hand_over,
    outcome,
    person,
    returning,
    review,
    reviewed,
    rules,
    sight,
    signed,
)  # fmt: skip
from tests.consumers.samples import NOW, collect, received
from tests.consumers.test_intake_machine import Shelf

HANDED = reviewed(stage="handed_over")


async def no_codes(_records: Any) -> dict[str, str]:
    return {}


@pytest.mark.clause("COL-10")
def test_somebody_else_reviews_what_was_received() -> None:
    act = decided(review(), sight(filed()), "per:reviewer")
    (move,) = act.moves
    assert (move.stage, act.result) == ("reviewed", "pass")
    assert move.review == {"by": "per:reviewer", "at": NOW, "result": "passed", "version": 1}
    assert outcome(review(), sight(filed()), "per:collector") == "DG-INT-003"
    both = person(SENDER, roles=frozenset({"collector", "reviewer"}), kind="person")
    assert outcome(review(), sight(filed(intake={}), people=People(a=both)), SENDER) == "DG-INT-003"
    for nobody in ("per:clerk", SENDER, "per:archivist", "per:deliverer"):
        assert outcome(review(), sight(filed()), nobody) == "DG-CMD-004", nobody


@pytest.mark.clause("COL-10")
def test_only_what_waits_for_a_review_is_reviewed() -> None:
    for stage in ("archived", "duplicate", "merged", "returned", "reviewed", "handed_over"):
        known = filed(stage=stage, review={"version": 1, "result": "passed"})
        assert outcome(review(), sight(known), "per:reviewer") == "DG-INT-002", stage
    assert outcome(review(), sight(), "per:reviewer") == "DG-INT-001"
    assert outcome(review("rec-0001", "rec-0001"), sight(filed()), "per:reviewer") == "DG-INT-002"
    assert outcome(review("13800138000"), sight(), "per:reviewer") == "DG-COL-007"
    for stage in ("reviewed", "handed_over"):  # changed since: reviewed again
        known = filed(stage=stage, version=2, review={"version": 1, "result": "passed"})
        assert outcome(review(versions=[2]), sight(known), "per:reviewer") == "reviewed"


@pytest.mark.clause("COL-10", "ARR-14")
def test_what_is_doubtful_goes_back_with_a_reason_and_a_time() -> None:
    (move,) = decided(returning(), sight(filed()), "per:reviewer").moves
    assert move.stage == "returned"
    assert move.review is not None
    # 1,800,000,000 is the afternoon of Friday 2027-01-15 in China: five working days later it is Friday again.
    assert (move.review["reason"], move.review["answer_by"]) == ("a page is missing", "2027-01-22T23:59:59+08:00")
    assert outcome(returning(reason=None), sight(filed()), "per:reviewer") == "DG-INT-006"
    assert outcome(returning(reason=" "), sight(filed()), "per:reviewer") == "DG-INT-006"
    assert outcome(returning(reason="call 13800138000"), sight(filed()), "per:reviewer") == "DG-COL-007"
    for past in ("2026-01-01T00:00:00Z", "2027-02-30T00:00:00Z", "9999-12-31T23:59:59Z"):
        assert outcome(returning(answer_by=past), sight(filed()), "per:reviewer") == "DG-INT-012"
    later = "2027-03-01T00:00:00Z"
    (move,) = decided(returning(answer_by=later), sight(filed()), "per:reviewer").moves
    assert move.review is not None
    assert move.review["answer_by"] == later


@pytest.mark.clause("ARR-14")
def test_the_archive_department_queries_what_it_was_given_and_files_it_after_the_answer() -> None:
    for known in (HANDED, reviewed(), filed()):
        assert outcome(returning(), sight(known), "per:archivist") == "returned"
    assert outcome(returning(), sight(filed(stage="archived")), "per:archivist") == "DG-INT-002"
    queried = filed(stage="returned", review={"version": 1, "result": "returned"})
    for command in (signed(hand_over(queried), SIDES), signed(confirm(), POSTS)):
        assert outcome(command, sight(queried)) == "DG-INT-002"
    others = filed(stage="returned", version=2, review=queried.review, revisers={1: "sys:other"})
    assert outcome(review(), sight(others), "per:reviewer") == "DG-INT-002"
    answered = filed(stage="returned", version=2, review=queried.review, revisers={1: SENDER})
    assert outcome(review(versions=[2]), sight(answered), "per:reviewer") == "reviewed"
    again = filed(stage="returned", version=2, review={"version": 2, "result": "returned"}, revisers={1: SENDER})
    assert outcome(review(), sight(again), "per:reviewer") == "DG-INT-002"


def bad_check(**changes: Any) -> dict[str, Any]:
    return {"intake": {**INTAKE, "identity_check": {**CHECK, **changes}}}


@pytest.mark.clause("COL-09")
@pytest.mark.parametrize(
    "changes",
    [
        {"intake": {"collector": "per:collector"}}, bad_check(at="9999-12-31T23:59:59Z"), bad_check(result="differs"), bad_check(result="not_authentic"),
        bad_check(manner="original"), bad_check(manner="online"), bad_check(expires="2026-11-01"),
        bad_check(document="passport", manner="online"), bad_check(at="2026-02-30T00:00:00Z"), bad_check(checker=7),
    ],
)  # fmt: skip
def test_identity_is_verified_before_anything_becomes_active(changes: dict[str, Any]) -> None:
    assert outcome(review(), sight(filed(**changes)), "per:reviewer") == "DG-INT-004"
    stopped = signed(confirm(), POSTS)
    assert outcome(stopped, sight(reviewed(stage="handed_over", **changes))) == "DG-INT-004"
    lax = rules(intake={"identity_check_required": False})
    assert outcome(review(), sight(filed(**changes), using=lax), "per:reviewer") == "reviewed"


@pytest.mark.clause("COL-09")
def test_good_checks_pass_and_a_review_may_bring_one() -> None:
    for changes in ({}, {"expires": "2026-11-02"}, {"document": "passport", "manner": "original"}, {"expires": None}):
        intake = {**INTAKE, "identity_check": {**CHECK, **changes}}
        assert outcome(review(), sight(filed(intake=intake)), "per:reviewer") == "reviewed", changes
    bare = filed(intake={})
    (move,) = decided(review(identity_check=CHECK), sight(bare), "per:reviewer").moves
    assert move.review is not None
    assert move.review["identity_check"] == CHECK
    assert outcome(review(identity_check={**CHECK, "result": "differs"}), sight(bare), "per:reviewer") == "DG-INT-004"
    future = {**CHECK, "at": "2028-01-01T00:00:00Z"}
    assert outcome(review(identity_check=future), sight(bare), "per:reviewer") == "DG-INT-004"
    personal = {**CHECK, "checker": "13800138000"}
    assert outcome(review(identity_check=personal), sight(bare), "per:reviewer") == "DG-COL-007"
    two = sight(bare, filed(id="rec-0002", intake={}))
    assert outcome(review("rec-0001", "rec-0002", identity_check=CHECK), two, "per:reviewer") == "DG-INT-004"
    nameless = filed(intake={}, fields=frozenset({"city"}))
    assert outcome(review(), sight(nameless), "per:reviewer") == "reviewed"


@pytest.mark.clause("COL-09")
@pytest.mark.parametrize("at", ["9999-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "2028-01-01T00:00:00Z"])
def test_a_collection_states_a_check_of_a_time_that_is_past(at: str) -> None:
    """What a later step could not count with is not stored: the record could never be reviewed nor handed over."""
    for book in (STRICT.book, rules(intake={"identity_check_required": False}).book):
        with pytest.raises(Refusal, match="DG-INT-004"):
            check_collection(
                collect(intake={"identity_check": {**CHECK, "at": at}}), STRICT.catalogue, book, NOW * 1000
            )
    check_collection(collect(intake={"identity_check": CHECK}), STRICT.catalogue, STRICT.book, NOW * 1000)


@pytest.mark.clause("COL-12")
def test_business_opens_only_after_an_assessment() -> None:
    graded = {
        "assessor": "per:reviewer",
        "at": "2026-11-02T09:00:00Z",
        "identity_class": "resident",
        "risk_grade": "low",
    }
    fields = {"city": "Wuxi"}

    def code(intake: Any, book: Any = STRICT.book) -> str | None:
        try:
            check_collection(collect(intake=intake, fields=fields), STRICT.catalogue, book, NOW * 1000)
        except Refusal as refusal:
            return refusal.code
        return None

    assert code({"opens_business": True}) == "DG-INT-005"
    assert code({"opens_business": True, "assessment": graded}) is None
    assert code({"opens_business": False}) is None
    assert code(None) is None
    assert code({"opens_business": True}, rules(intake={"assessment_required": False}).book) is None


def test_where_nobody_acts_later_the_collection_itself_is_checked() -> None:
    alone = {"handover": {"required": False}, "approval": {"archive_creation": ()}}
    book = rules(**alone, intake={"review_required": False}).book
    assert not intake_rules.waits(book)
    for intake, expected in (
        (None, "DG-INT-004"), ({"identity_check": CHECK}, "DG-INT-009"), (INTAKE, None),
    ):  # fmt: skip
        try:
            check_collection(collect(intake=intake), STRICT.catalogue, book, NOW * 1000)
        except Refusal as refusal:
            assert refusal.code == expected
        else:
            assert expected is None


@pytest.mark.clause("COL-17", "COL-18")
def test_a_hand_over_is_signed_by_the_designated_person_and_the_archive_department() -> None:
    known = reviewed()
    act = decided(signed(hand_over(known), SIDES), sight(known))
    assert [(move.record, move.stage) for move in act.moves] == [("rec-0001", "handed_over")]
    assert act.signers == ("per:deliverer", "per:archivist")
    assert act.document is not None
    assert [(who["id"], who["action"]) for who in act.document["signers"]] == list(SIDES)
    by_deliverer = signed(hand_over(known), SIDES, requester="per:deliverer")
    assert outcome(by_deliverer, sight(known), "per:deliverer") == "handed_over"
    for by, expected in (
        ((), "DG-APR-001"), (SIDES[:1], "DG-APR-001"), (SIDES[1:], "DG-APR-001"),
        ((("per:clerk", "hand-over"), SIDES[1]), "DG-APR-005"), ((SIDES[0], ("per:clerk", "take-over")), "DG-APR-005"),
        ((("per:archivist", "hand-over"), SIDES[1]), "DG-APR-005"),
    ):  # fmt: skip
        assert outcome(signed(hand_over(known), by), sight(known)) == expected, by  # type: ignore[arg-type]
    for nobody in (SENDER, "per:clerk", "per:reviewer"):
        assert outcome(signed(hand_over(known), SIDES, requester=nobody), sight(known), nobody) == "DG-CMD-004"


@pytest.mark.clause("COL-18")
def test_one_person_on_both_sides_is_not_two() -> None:
    both = person("per:archivist", roles=frozenset({"archivist", "deliverer"}))
    alone = (("per:archivist", "hand-over"), ("per:archivist", "take-over"))
    seen = sight(reviewed(), people=People(a=both))
    assert outcome(signed(hand_over(reviewed()), alone), seen) == "DG-APR-001"  # type: ignore[arg-type]


@pytest.mark.clause("COL-17")
def test_the_deliverer_is_of_the_department_that_collected() -> None:
    stranger = person("per:deliverer", department="lending")
    command = signed(hand_over(reviewed()), SIDES)
    assert outcome(command, sight(reviewed(), people=People(a=stranger))) == "DG-INT-011"
    assert (
        outcome(signed(hand_over(reviewed(sender="sys:gone")), SIDES), sight(reviewed(sender="sys:gone")))
        == "DG-INT-011"
    )


@pytest.mark.clause("COL-10", "COL-18")
def test_what_is_not_reviewed_as_it_is_cannot_be_handed_over() -> None:
    for known, expected in (
        (filed(), "DG-INT-002"), (filed(stage="archived"), "DG-INT-002"), (HANDED, "DG-INT-002"),
        (reviewed(version=2), "DG-INT-008"), (filed(stage="reviewed"), "DG-INT-002"),
        (reviewed(review={"version": 1, "result": "returned"}), "DG-INT-002"),
    ):  # fmt: skip
        assert outcome(signed(hand_over(known), SIDES), sight(known)) == expected, known


@pytest.mark.clause("COL-17", "COL-18")
@pytest.mark.parametrize(
    "listed",
    [
        {"version": 2}, {"fields": ["city"]}, {"fields": ["city", "id_number", "name", "phone"]},
        {"fields": ["city", "id_number", "name", "name"]}, {"code": "P2026999-01"}, {"code": None},
    ],
)  # fmt: skip
def test_any_mismatch_of_the_catalogue_stops_the_whole_hand_over(listed: dict[str, Any]) -> None:
    good, bad = reviewed(), reviewed(id="rec-0002")
    whole = hand_over(good, bad)
    odd = hand_over(bad, listed=listed).catalogue
    command = signed(whole.model_copy(update={"catalogue": (whole.catalogue[0], *odd)}), SIDES)
    with pytest.raises(Refusal) as refusal:
        decided(command, sight(good, bad))
    assert (refusal.value.code, refusal.value.field) == ("DG-INT-007", "rec-0002")


@pytest.mark.clause("COL-18")
def test_papers_codes_and_categories_are_looked_at_too() -> None:
    paper = reviewed(intake={**INTAKE, "paper": "box-7"})
    assert outcome(signed(hand_over(paper), SIDES), sight(paper)) == "DG-INT-007"
    assert outcome(signed(hand_over(paper, listed={"papers_checked": True}), SIDES), sight(paper)) == "handed_over"
    # Each item is compared with its own record: two different ones pass, and the same in another order do not.
    other = reviewed(id="rec-0002", version=3, fields=frozenset({"city"}), review={"version": 3, "result": "passed"})
    two = hand_over(reviewed(), other)
    assert outcome(signed(two, SIDES), sight(reviewed(), other)) == "handed_over"
    lax, twin = rules(arrange={"codes_required": False}), reviewed(id="rec-0002")
    alike = hand_over(reviewed(), twin, codes=False)
    turned = alike.model_copy(update={"catalogue": alike.catalogue[::-1]})
    assert outcome(signed(alike, SIDES), sight(reviewed(), twin, codes=False, using=lax)) == "handed_over"
    assert outcome(signed(turned, SIDES), sight(reviewed(), twin, codes=False, using=lax)) == "DG-INT-007"
    bare = signed(hand_over(reviewed(), codes=False), SIDES)
    assert outcome(bare, sight(reviewed(), codes=False)) == "DG-INT-007"
    assert (
        outcome(bare, sight(reviewed(), codes=False, using=rules(arrange={"codes_required": False}))) == "handed_over"
    )
    odd = reviewed(fields=frozenset({"city", "gone_field"}))
    assert outcome(signed(hand_over(odd), SIDES), sight(odd)) == "DG-INT-007"
    for catalogue in ((), hand_over(reviewed(id="rec-0002")).catalogue):
        command = signed(hand_over(reviewed()).model_copy(update={"catalogue": catalogue}), SIDES)
        assert outcome(command, sight(reviewed())) == "DG-INT-007"


@pytest.mark.clause("COL-11")
def test_new_archives_are_confirmed_by_each_post_and_never_by_who_collected() -> None:
    act = decided(signed(confirm(), POSTS), sight(HANDED))
    assert ([move.stage for move in act.moves], act.signers) == (["archived"], ("per:market", "per:sales"))
    for by in ((), POSTS[:1], POSTS[1:]):
        assert outcome(signed(confirm(), by), sight(HANDED)) == "DG-APR-001"
    own = (("per:collector", "confirm-archive"), POSTS[1])
    assert outcome(signed(confirm(), own), sight(HANDED)) == "DG-INT-010"  # type: ignore[arg-type]
    for known, expected in (
        (reviewed(), "DG-INT-002"),
        (filed(), "DG-INT-002"),
        (filed(stage="archived"), "DG-INT-002"),
    ):
        assert outcome(signed(confirm(), POSTS), sight(known)) == expected
    assert outcome(signed(confirm(), POSTS), sight(reviewed(stage="handed_over", version=2))) == "DG-INT-008"
    for nobody in ("per:clerk", SENDER, "per:deliverer"):
        assert outcome(signed(confirm(), POSTS, requester=nobody), sight(HANDED), nobody) == "DG-CMD-004"


@pytest.mark.clause("COL-11")
def test_signatures_hold_for_the_version_that_was_signed_for_and_no_other() -> None:
    """Sent back, changed, reviewed and handed over again within the thirty days: it is another content."""
    command = signed(confirm(), POSTS)
    assert outcome(command, sight(HANDED)) == "archived"
    review_of_it = {"by": "per:reviewer", "version": 9, "result": "passed"}
    changed = reviewed(stage="handed_over", version=9, fields=HANDED.fields | {"account_number"}, review=review_of_it)
    assert outcome(command, sight(changed)) == "DG-INT-016"
    assert outcome(command.model_copy(update={"versions": (9,)}), sight(changed)) == "DG-APR-004"  # not what was signed
    assert outcome(signed(confirm(versions=[9]), POSTS), sight(changed)) == "archived"
    for versions in ((), (1, 1)):
        assert outcome(signed(confirm(versions=versions), POSTS), sight(HANDED)) == "DG-INT-016"
    other = reviewed(id="rec-0002", stage="handed_over", version=9, review=review_of_it)
    for each, expected in (((1, 9), "archived"), ((9, 1), "DG-INT-016")):
        command = signed(confirm("rec-0001", "rec-0002", versions=each), POSTS)
        assert outcome(command, sight(HANDED, other)) == expected


@pytest.mark.clause("COL-10")
def test_a_review_passes_what_the_reviewer_saw() -> None:
    for versions in ((), (2,), (1, 1)):
        assert outcome(review(versions=versions), sight(filed()), "per:reviewer") == "DG-INT-016", versions
    assert outcome(review(), sight(filed(version=2)), "per:reviewer") == "DG-INT-016"
    assert outcome(returning(versions=()), sight(filed()), "per:reviewer") == "returned"
    assert outcome(returning(versions=(2,)), sight(filed()), "per:reviewer") == "DG-INT-016"
    assert outcome(review(versions=()), sight(filed()), "per:clerk") == "DG-CMD-004"


@pytest.mark.clause("ARR-18")
def test_an_archive_has_a_custodian_in_office() -> None:
    none = reviewed(stage="handed_over", custodian=None)
    assert outcome(signed(confirm(), POSTS), sight(none)) == "DG-INT-009"
    for changes in ({"active": False}, {"roles": frozenset({"reader"})}, {"kind": "system"}):
        people = People(a=person("per:keeper", **changes))
        assert outcome(signed(confirm(), POSTS), sight(HANDED, people=people)) == "DG-INT-009", changes
    lax = rules(intake={"custodian_required": False})
    assert outcome(signed(confirm(), POSTS), sight(none, using=lax)) == "archived"
    bare = reviewed(custodian=None)
    named = signed(hand_over(bare, custodian="per:keeper"), SIDES)
    assert [move.custodian for move in decided(named, sight(bare)).moves] == ["per:keeper"]
    assert outcome(signed(hand_over(bare, custodian="per:clerk"), SIDES), sight(bare)) == "DG-INT-009"
    assert outcome(signed(hand_over(bare, custodian="13800138000"), SIDES), sight(bare)) == "DG-COL-007"


@pytest.mark.clause("COL-11", "COL-17")
def test_fewer_steps_where_the_rule_book_has_fewer() -> None:
    no_posts = rules(approval={"archive_creation": []})
    assert outcome(signed(hand_over(reviewed()), SIDES), sight(reviewed(), using=no_posts)) == "archived"
    no_handover = rules(handover={"required": False})
    assert outcome(signed(confirm(), POSTS), sight(reviewed(), using=no_handover)) == "archived"
    only_review = rules(handover={"required": False}, approval={"archive_creation": []})
    assert outcome(review(), sight(filed(), using=only_review), "per:reviewer") == "archived"
    assert outcome(review(), sight(filed(custodian=None), using=only_review), "per:reviewer") == "DG-INT-009"
    no_review = rules(intake={"review_required": False})
    assert outcome(signed(hand_over(filed()), SIDES), sight(filed(), using=no_review)) == "handed_over"


async def test_a_personal_reference_under_a_used_id_is_not_named_in_the_event() -> None:
    """The event of a reused id names its record, unless that is a number: it is looked at before the id is."""
    desk = IntakeDesk(Shelf(), no_codes, PEOPLE, STRICT)  # type: ignore[arg-type]
    command = review()
    (first,) = await desk.apply([received(command, person("per:reviewer"))], NOW)
    other = command.model_copy(update={"records": ("11010519491231002X",)})
    (second,) = await desk.apply([received(other, person("per:reviewer"))], NOW)
    assert (first.result.status, second.result.code) == ("accepted", "DG-COL-007")
    assert second.facts[0].code == "DG-COL-007"  # for which the event leaves the reference out


def test_the_checks_of_an_identity_read_what_is_stored() -> None:
    assert IdentityCheck.model_validate(CHECK).document == "identity_card"
    assert PEOPLE.principal("per:keeper") is not None
