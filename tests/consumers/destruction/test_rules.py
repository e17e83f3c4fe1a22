"""An application and its signatures: every wrong combination has its code; nothing that is kept is destroyed."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.destruction.destroyer import decide
from consumers.destruction.keeping import today
from consumers.destruction.rules import Kept
from consumers.retention.due import Term
from keys.approvals import signatories_of
from keys.ledger import Approver, Order
from keys.principal_keys import PrincipalKeys
from ops.commands.approve import sign_approval
from ops.rules import load_rules
from schemas.approvals import ApprovalAction
from schemas.commands import Destroy
from schemas.errors import Refusal
from schemas.principals import Principal, PublicKey
from store.record import Occupied
from tests.consumers.samples import NOW, principal, received

STRICT = load_rules()
ROLES = {
    "p:applicant": ("archivist",),
    "p:head": ("records_head",),
    "p:director": ("director",),
    "p:witness": ("witness",),
    "p:executor": ("archivist",),
    "p:clerk": ("reader",),
}
KEYS = {name: PrincipalKeys.generate(name) for name in ROLES}
TODAY = today(NOW)
LIVE = Occupied(True, "c", "sys:crm", 1, 0)
EXPIRED = Kept(Term(10, "law", "end_of_business", TODAY, TODAY - timedelta(days=1), "rule"), TODAY - timedelta(days=9))


def registered(name: str, **changes: Any) -> Principal:
    keys = KEYS[name]
    signing = PublicKey(keys.signing.kid, keys.signing.x, NOW - 1000, NOW + 1000)
    return replace(principal(name, *ROLES[name], kind="person"), signing_keys=(signing,), **changes)


class People:
    def __init__(self, **changes: Any) -> None:
        self.principals = {name: registered(name) for name in ROLES} | changes

    def principal(self, name: str) -> Principal | None:
        return self.principals.get(name)

    def signer(self, kid: str) -> tuple[str, PublicKey] | None:
        return next(((name, key) for name, who in self.principals.items() if (key := who.signing_key(kid))), None)


PEOPLE = People()
APPLICATION: dict[str, Any] = {
    "applicant": "p:applicant", "scope": "closed accounts of 2010", "quantity": 2, "method": "key_destruction",
    "witness": "p:witness", "no_need": True,
}  # fmt: skip
SIGNED: tuple[tuple[str, ApprovalAction], ...] = (
    ("p:applicant", "apply-destroy"),
    ("p:head", "approve-destroy"),
    ("p:director", "approve-destroy"),
    ("p:witness", "witness-destroy"),
)


def request(application: dict[str, Any] | None = APPLICATION, **changes: Any) -> Destroy:
    members = {
        "id": str(uuid.uuid4()), "type": "destroy", "records": ("rec-0001", "rec-0002"), "ground": "expired",
        "reason": "ten years over", "approvals": (), "application": application,
    }  # fmt: skip
    return Destroy.model_validate(members | changes)


def signed(command: Destroy, by: Any = SIGNED, *, sender: str = "p:executor", at: int = NOW) -> Destroy:
    tokens = tuple(sign_approval(command, sender, KEYS[name], now=at, action=action) for name, action in by)
    return command.model_copy(update={"approvals": tokens})


def decided(command: Destroy, *, people: Any = PEOPLE, kept: Any = None, sender: str = "p:executor") -> Any:
    standing = dict.fromkeys(command.records, LIVE)
    of = dict.fromkeys(command.records, EXPIRED) if kept is None else kept
    return decide(received(command, people.principals[sender]), standing, {}, {}, people, STRICT, NOW, of)


def code(command: Destroy, **kwargs: Any) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refusal:
        decided(command, **kwargs)
    return refusal.value.code, refusal.value.field


def without(name: str) -> dict[str, Any]:
    return {each: value for each, value in APPLICATION.items() if each != name}


@pytest.mark.clause("DES-05", "DES-06")
def test_five_people_destroy_and_the_ledger_says_who_was_what() -> None:
    found = decided(signed(request()))
    assert [who.id for who in found.approvers] == ["p:director", "p:head"]
    assert [who.id for who in found.others] == ["p:applicant", "p:witness"]


@pytest.mark.clause("DES-04")
@pytest.mark.parametrize("name", ["applicant", "scope", "quantity", "method"])
def test_an_application_that_lacks_its_content_is_refused_by_name(name: str) -> None:
    assert code(signed(request(without(name)))) == ("DG-DES-020", name)


@pytest.mark.clause("DES-04")
def test_no_application_no_destruction() -> None:
    assert code(signed(request(None))) == ("DG-DES-020", "application")


@pytest.mark.clause("DES-04")
@pytest.mark.parametrize("quantity", [1, 3, 256])
def test_another_number_than_the_records_is_refused(quantity: int) -> None:
    assert code(signed(request(APPLICATION | {"quantity": quantity})))[0] == "DG-DES-021"


@pytest.mark.clause("DES-01")
@pytest.mark.parametrize("ground", ["subject_request", "business_request"])
def test_a_ground_that_rests_on_a_request_names_it(ground: str) -> None:
    assert code(signed(request(ground=ground))) == ("DG-DES-020", "basis")


@pytest.mark.clause("DES-01")
@pytest.mark.parametrize("ground", ["expired", "lost_value"])
def test_a_ground_without_a_request_states_that_nothing_needs_them(ground: str) -> None:
    assert code(signed(request(without("no_need"), ground=ground)))[0] == "DG-DES-031"


@pytest.mark.clause("DES-05")
def test_who_applied_does_not_carry_it_out() -> None:
    command = signed(request(), sender="p:applicant")
    assert code(command, sender="p:applicant")[0] == "DG-DES-023"


@pytest.mark.clause("DES-06")
@pytest.mark.parametrize(
    ("application", "expected"),
    [
        (without("witness"), "DG-DES-027"),
        (APPLICATION | {"witness": "p:executor"}, "DG-DES-024"),
        (APPLICATION | {"witness": "p:applicant"}, "DG-DES-024"),
    ],
)
def test_a_second_person_watches_or_nothing_is_destroyed(application: dict[str, Any], expected: str) -> None:
    by = [each for each in SIGNED if "witness" in application or each[1] != "witness-destroy"]
    assert code(signed(request(application), by))[0] == expected


@pytest.mark.clause("DES-05", "DES-06")
@pytest.mark.parametrize("missing", SIGNED)
def test_every_signature_is_needed(missing: tuple[str, str]) -> None:
    expected = {"apply-destroy": "DG-DES-025", "witness-destroy": "DG-DES-026", "approve-destroy": "DG-DES-001"}
    command = signed(request(), [each for each in SIGNED if each != missing])
    assert code(command)[0] == expected[missing[1]]


@pytest.mark.clause("DES-05")
def test_each_post_is_signed_for_by_its_holder() -> None:
    people = People(**{"p:clerk": registered("p:clerk", roles=frozenset({"approver"}))})
    by = [each for each in SIGNED if each[0] != "p:head"]
    assert code(signed(request(), [*by, ("p:clerk", "approve-destroy")]), people=people)[0] == "DG-DES-028"
    both = People(**{"p:head": registered("p:head", roles=frozenset({"approver", "director"}))})
    assert code(signed(request()), people=both)[0] == "DG-DES-028"


@pytest.mark.clause("DES-05", "DES-06")
@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(SIGNED, 2)))
def test_nobody_acts_in_two_roles(one: tuple[str, ApprovalAction], other: tuple[str, ApprovalAction]) -> None:
    """The second one's part is signed by the first one too, who is named for it where the application names anybody."""
    if one[1] == other[1]:
        return
    named = {"apply-destroy": "applicant", "witness-destroy": "witness"}
    application = APPLICATION | ({named[other[1]]: one[0]} if other[1] in named else {})
    by = [each for each in SIGNED if each != other] + [(one[0], other[1])]
    if other[1] == "approve-destroy":
        by.append(other)
    everybody = frozenset({"archivist", "records_head", "director", "witness", "approver"})
    people = People(**{name: registered(name, roles=everybody) for name in ROLES})
    assert code(signed(request(application), by), people=people)[0] == "DG-DES-024"


@pytest.mark.clause("DES-06")
def test_the_witness_holds_a_post_for_it() -> None:
    people = People(**{"p:witness": registered("p:witness", roles=frozenset({"reader"}))})
    assert code(signed(request()), people=people)[0] == "DG-DES-027"


@pytest.mark.clause("DES-05")
def test_forged_own_stale_expired_and_foreign_signatures_are_each_refused() -> None:
    command = request()
    forged = signed(command)
    head, payload, signature = forged.approvals[1].split(".")
    for approvals, expected in (
        ((*forged.approvals[:1], f"{head}.{payload}.{signature[:-4]}AAAA", *forged.approvals[2:]), "DG-DES-002"),
        (signed(request()).approvals, "DG-DES-004"),
        (signed(command, sender="p:clerk").approvals, "DG-DES-004"),
        (signed(command, [*SIGNED, ("p:executor", "approve-destroy")]).approvals, "DG-DES-003"),
        (signed(command, at=NOW - 40 * 86400).approvals, "DG-DES-002"),
        (signed(command, [*SIGNED, ("p:clerk", "approve-destroy")]).approvals, "DG-DES-002"),
    ):
        assert code(command.model_copy(update={"approvals": approvals}))[0] == expected
    old = replace(registered("p:head").signing_keys[0], not_after=NOW - 1)
    expired = People(**{"p:head": registered("p:head", roles=frozenset({"records_head"}))})
    expired.principals["p:head"] = replace(expired.principals["p:head"], signing_keys=(old,))
    assert code(signed(command), people=expired)[0] == "DG-DES-002"
    revoked = People()
    gone = replace(registered("p:head").signing_keys[0], revoked_at=NOW - 1)
    revoked.principals["p:head"] = replace(revoked.principals["p:head"], signing_keys=(gone,))
    assert code(signed(command), people=revoked)[0] == "DG-DES-002"


@pytest.mark.clause("DES-05")
@pytest.mark.parametrize("name", ["scope", "witness", "applicant", "basis", "quantity"])
def test_what_the_application_says_is_what_was_signed(name: str) -> None:
    """An application that is changed after it was signed is another request."""
    command = signed(request(APPLICATION | {"basis": "b-1"}))
    assert command.application is not None
    other = {"scope": "all accounts", "witness": "p:clerk", "applicant": "p:clerk", "basis": "b-2", "quantity": None}
    changed = command.application.model_copy(update={name: other[name]})
    assert code(command.model_copy(update={"application": changed}))[0] in ("DG-DES-004", "DG-DES-020")


def kept(**changes: Any) -> dict[str, Kept]:
    return {"rec-0001": EXPIRED, "rec-0002": replace(EXPIRED, **changes)}


def term(due: date | None) -> Term:
    return replace(EXPIRED.term, due=due)  # type: ignore[type-var]


@pytest.mark.clause("DES-01")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"need": "audit-3"}, "DG-DES-032"),
        ({"term": None}, "DG-DES-030"),
        ({"term": term(None)}, "DG-DES-030"),
        ({"term": term(TODAY + timedelta(days=1))}, "DG-DES-030"),
    ],
)
def test_one_record_that_is_kept_keeps_all(changes: dict[str, Any], expected: str) -> None:
    assert code(signed(request()), kept=kept(**changes)) == (expected, "rec-0002")
    decided(signed(request()), kept=kept(term=term(TODAY)))


@pytest.mark.clause("DES-03")
def test_law_keeps_what_a_customer_wants_deleted_and_says_until_when() -> None:
    asked = signed(request(APPLICATION | {"basis": "letter-7", "no_need": False}, ground="subject_request"))
    until = TODAY + timedelta(days=400)
    with pytest.raises(Refusal, match=until.isoformat()) as refused:
        decided(asked, kept=kept(lawful_from=until))
    assert refused.value.code == "DG-DES-033"
    assert code(asked, kept=kept(lawful_from=date.max))[0] == "DG-DES-033"
    decided(asked, kept=kept(term=term(None), lawful_from=None))
    decided(asked, kept=kept(term=term(None), lawful_from=TODAY))


@given(st.lists(st.sampled_from(SIGNED), max_size=5), st.lists(st.sampled_from([None, "need", "early"]), max_size=2))
def test_nothing_is_destroyed_without_all_signatures_or_against_a_need(
    by: list[tuple[str, ApprovalAction]], keep: list[str | None]
) -> None:
    of = dict.fromkeys(("rec-0001", "rec-0002"), EXPIRED)
    for record, why in zip(of, keep, strict=False):
        if why == "need":
            of[record] = replace(EXPIRED, need="n-1")
        elif why == "early":
            of[record] = replace(EXPIRED, term=term(TODAY + timedelta(days=1)))
    try:
        decided(signed(request(), by), kept=of)
    except Refusal:
        assert set(by) != set(SIGNED) or any(keep)
    else:
        assert set(by) == set(SIGNED)
        assert not any(keep)


def test_an_order_proves_its_signatures_offline_with_and_without_an_application() -> None:
    command = signed(request())
    found = decided(command)
    order = Order(
        command.id, "p:executor", command.ground, command.approvals, NOW, command.reason, command.records,
        found.approvers, command.application, found.others,
    )  # fmt: skip
    assert signatories_of(order) == found
    for wrong in (
        replace(order, application=None),
        replace(order, others=()),
        replace(order, requester="p:clerk"),
        replace(order, approvers=(Approver("p:head", bytes(32)), *found.approvers[1:])),
    ):
        with pytest.raises(Refusal):
            signatories_of(wrong)


@pytest.mark.clause("DES-01")
def test_the_law_keeps_a_record_on_every_ground_and_an_extension_on_all_but_the_customers_own() -> None:
    until = TODAY + timedelta(days=9)
    for ground in ("expired", "lost_value", "business_request", "subject_request"):
        asked = signed(request(APPLICATION | {"basis": "b-1"}, ground=ground))
        assert code(asked, kept=kept(lawful_from=until))[0] == "DG-DES-033", ground
        if ground == "subject_request":
            decided(asked, kept=kept(extended=until))
        else:
            assert code(asked, kept=kept(extended=until)) == ("DG-DES-034", "rec-0002"), ground
        decided(asked, kept=kept(extended=TODAY))


def test_a_part_falls_due_with_its_archive() -> None:
    later = term(TODAY + timedelta(days=400))
    decided(signed(request()), kept=kept(term=later, part=True))
    assert code(signed(request()), kept=kept(term=later))[0] == "DG-DES-030"
    assert code(signed(request()), kept=kept(term=later, part=True, need="n-1"))[0] == "DG-DES-032"
