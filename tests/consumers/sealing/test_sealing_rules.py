"""Sealing: what may be sealed and unsealed, by whose signatures, and that nothing ordinary is done to a sealed record."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.attachment_rules import _check_open
from consumers.destruction.rules import Kept
from consumers.merge_rules import decide_merge
from consumers.propose import _takes
from consumers.retention.due import Term
from consumers.sealing.closed import refuse_sealed
from consumers.sealing.rules import check_seal, check_unseal, signed_for
from consumers.update import check_room
from keys.ports import KeyRef
from keys.principal_keys import PrincipalKeys
from ops.commands.approve import sign_approval
from schemas.commands import Merge
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Principal, PublicKey
from schemas.rulebook import RuleBook
from schemas.sealing import Seal, Unseal
from store.record import Record
from tests.consumers.samples import NOW, RULES, principal

pytestmark = pytest.mark.clause("DES-11")
TODAY = date(2026, 5, 1)
RECORD = Record(
    id="rec-1", subject="sub-1", version=1, level=Level.BASIC, cohort="c", purpose="account_service",
    legal_basis="contract", fields={}, keys={Level.BASIC: KeyRef("p", 0)}, command="c-1", sender="sys:crm",
    ingest_keys=(), at_ms=0,
)  # fmt: skip
SEALED = replace(RECORD, sealed=True)
STRICT = replace(RULES, book=RuleBook.from_mappings({"expiry": {"action_by_class": {"customer": "either"}}}))
ASKER = "person:archivist"


class People:
    """Two posts, and somebody without one."""

    def __init__(self) -> None:
        posts = {"per:head": "records_head", "per:boss": "director", "per:clerk": "reader", ASKER: "director"}
        self.keys = {name: PrincipalKeys.generate(name) for name in posts}
        self.principals: dict[str, Principal] = {}
        for name, role in posts.items():
            signing = PublicKey(self.keys[name].signing.kid, self.keys[name].signing.x, NOW - 100, NOW + 100)
            self.principals[name] = replace(principal(name, role, kind="person"), signing_keys=(signing,))

    def principal(self, name: str) -> Principal | None:
        return self.principals.get(name)

    def signer(self, kid: str) -> tuple[str, PublicKey] | None:
        found = ((name, who.signing_key(kid)) for name, who in self.principals.items())
        return next(((name, key) for name, key in found if key), None)


PEOPLE = People()


def request(kind: str = "seal", *by: str) -> Any:
    model: Any = Seal if kind == "seal" else Unseal
    members = {"id": str(uuid.uuid4()), "type": kind, "records": ("rec-1",), "reason": "ended", "approvals": ()}
    command = model.model_validate(members)
    tokens = tuple(sign_approval(command, ASKER, PEOPLE.keys[name], now=NOW) for name in by)
    return command.model_copy(update={"approvals": tokens})


def code_of(record: Record | None = RECORD, *, rules: Any = RULES, due: date | None = None, **more: Any) -> str | None:
    term = None if due is None else Term(10, "law", "collection", date(2016, 1, 1), due, "rule")  # type: ignore[arg-type]
    known: dict[str, Any] = {"held": set(), "gone": set(), "classes": {"rec-1": "customer"}}
    known |= {"kept": {"rec-1": Kept(term)}, "today": TODAY, **more}
    try:
        check_seal(request(), {} if record is None else {"rec-1": record}, rules=rules, **known)
    except Refusal as refusal:
        return refusal.code
    return None


def test_what_may_be_sealed() -> None:
    assert code_of() is None
    assert code_of(None) == "DG-SEL-007"
    assert code_of(replace(RECORD, stage="received")) == "DG-SEL-007"
    assert code_of(SEALED) == "DG-SEL-002"
    assert code_of(held={"rec-1"}) == "DG-SEL-004"
    assert code_of(gone={"rec-1"}) == "DG-SEL-006"
    assert code_of(replace(RECORD, part_of="rec-9", stage="merged")) == "DG-SEL-005"
    assert code_of(replace(RECORD, parts=("rec-9",))) == "DG-SEL-005"


def test_where_periods_are_checked_only_what_has_ended_and_may_be_sealed_is() -> None:
    assert code_of(rules=STRICT, due=TODAY) is None
    assert code_of(rules=STRICT, due=date(2026, 5, 2)) == "DG-SEL-010"
    assert code_of(rules=STRICT) == "DG-SEL-010"
    assert code_of(rules=STRICT, due=TODAY, classes={"rec-1": "marketing"}) == "DG-SEL-008"
    assert code_of(rules=replace(RULES, book=RuleBook()), due=TODAY) == "DG-SEL-008"  # the default: destroyed


@pytest.mark.parametrize(
    ("sealed", "gone", "code"),
    [({}, (), "DG-SEL-003"), ({"rec-1": False}, (), "DG-SEL-009"), ({"rec-1": True}, ("rec-1",), "DG-SEL-006")],
)
def test_what_is_not_sealed_is_not_unsealed(sealed: dict[str, bool], gone: tuple[str, ...], code: str) -> None:
    with pytest.raises(Refusal, match=code):
        check_unseal(request("unseal"), sealed, gone=gone)
    check_unseal(request("unseal"), {"rec-1": True}, gone=())


@given(by=st.lists(st.sampled_from(sorted(PEOPLE.keys)), max_size=4), kind=st.sampled_from(["seal", "unseal"]))
def test_nothing_is_sealed_or_unsealed_without_both_posts_and_nobody_signs_his_own(by: list[str], kind: str) -> None:
    both = set(by) == {"per:head", "per:boss"}
    command = request(kind, *sorted(by, reverse=True))  # the records head first, as the posts stand
    if both:
        assert {who.id for who in signed_for(command, ASKER, RULES, PEOPLE, NOW)} == {"per:head", "per:boss"}
    else:
        with pytest.raises(Refusal, match="DG-APR"):
            signed_for(command, ASKER, RULES, PEOPLE, NOW)


def test_the_signature_of_a_sealing_unseals_nothing() -> None:
    command = request("seal", "per:head", "per:boss")
    other = Unseal.model_validate({**command.model_dump(), "type": "unseal"})
    with pytest.raises(Refusal, match="DG-APR"):
        signed_for(other, ASKER, RULES, PEOPLE, NOW)


def test_the_rule_book_takes_no_fewer_than_two_posts() -> None:
    with pytest.raises(ValueError, match=r"approval\.seal"):
        RuleBook.from_mappings({"approval": {"seal": ["director"]}})


def test_nothing_ordinary_is_done_to_a_sealed_record() -> None:
    merge = Merge.model_validate(
        {
            "id": str(uuid.uuid4()), "type": "merge", "record": "rec-1", "duplicate": "rec-2", "from_version": 1,
            "duplicate_version": 1, "reason": "same", "approvals": (),
        }
    )  # fmt: skip
    free = replace(RECORD, id="rec-2")
    for use in (
        lambda: refuse_sealed(SEALED),
        lambda: check_room(SEALED, 1),
        lambda: _check_open(SEALED),
        lambda: decide_merge(merge, SEALED, free, held={}, gone=(), parts=()),
        lambda: decide_merge(merge, RECORD, replace(free, sealed=True), held={}, gone=(), parts=()),
    ):
        with pytest.raises(Refusal, match="DG-SEL-001"):
            use()
    refuse_sealed(RECORD)
    propose: Any = type("Asked", (), {"fields": {}})
    assert _takes(RECORD, propose, RULES)
    assert not _takes(SEALED, propose, RULES)
