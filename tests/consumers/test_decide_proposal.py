"""Decisions: no stored value changes without the approval of who may give it, and nobody approves his own."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.received import Outcome
from consumers.rules import Rules
from keys.principal_keys import PrincipalKeys
from ops.commands.approve import sign_approval
from schemas.commands import Decide, Update
from schemas.principals import Principal, PublicKey
from schemas.rulebook import RuleBook
from tests.consumers.samples import NOW, RULES, principal, received, update
from tests.consumers.test_propose import propose
from tests.simulators.corrections import READER, Corrections, NamedPeople

STRICT = replace(RULES, book=RuleBook())
TWO_POSTS = replace(RULES, book=RuleBook.from_mappings({"approval": {"update": ["client_manager", "director"]}}))
KEYS = {name: PrincipalKeys.generate(name) for name in ("per:clerk", "per:head", "per:boss", "per:keeper", "per:both")}


def person(name: str, *roles: str) -> Principal:
    key = KEYS[name].signing
    who = principal(name, *roles, kind="person")
    return replace(who, signing_keys=(PublicKey(key.kid, key.x, NOW - 1000, NOW + 1000),))


CLERK, BOSS = person("per:clerk", "director"), person("per:boss", "director")
HEAD, KEEPER = person("per:head", "client_manager"), person("per:keeper", "custodian", "director")
BOTH = person("per:both", "client_manager", "director")
PEOPLE = NamedPeople(CLERK, BOSS, HEAD, KEEPER, BOTH)
CRM = principal("sys:crm", "editor", "source-new_transaction")


async def archive(rules: Rules = STRICT, **changes: Any) -> Corrections:
    made = Corrections(rules=rules, people=PEOPLE)
    await made.store("rec-0001", {"city": "Suzhou", "occupation": "clerk"}, **changes)
    return made


async def proposed(at: Corrections, sender: Principal = CLERK, **changes: Any) -> str:
    command = propose(fields={"city": "Wuxi"}, **changes)
    assert (await at.apply(received(command, sender))).result.status == "accepted"
    return command.id


async def decided(
    at: Corrections, proposal: str, by: Sequence[str], *, sender: Principal = KEEPER, **changes: Any
) -> Outcome:
    members = {"id": str(uuid.uuid4()), "type": "decide", "record": "rec-0001", "proposal": proposal}
    command = Decide.model_validate({**members, "verdict": "approved", "reason": "seen", "approvals": (), **changes})
    tokens = tuple(sign_approval(command, sender.id, KEYS[name], now=NOW) for name in by)
    return await at.apply(received(command.model_copy(update={"approvals": tokens}), sender))


@pytest.mark.clause("UPD-02", "UPD-03")
async def test_an_approved_proposal_becomes_a_version_that_says_who_when_and_why() -> None:
    at = await archive()
    proposal = await proposed(at)
    outcome = await decided(at, proposal, ["per:boss"])
    assert (outcome.result.status, outcome.result.version) == ("accepted", 2)
    assert (await at.values("rec-0001", 2))["city"] == "Wuxi"
    (entry,) = at.documents.records["rec-0001"].history
    assert (entry["by"], entry["proposed_by"], entry["approved_by"]) == ("per:keeper", "per:clerk", ["per:boss"])
    assert (entry["at"], entry["evidence"], entry["proposal"]) == (NOW * 1000, "call-5", proposal)
    assert entry["fields"].keys() == {"city"}
    (event,) = outcome.facts
    assert (event.action, event.version, event.approvers, event.fields) == ("update", 2, ("per:boss",), ("city",))
    closed = at.proposals.proposals[proposal]
    assert (closed.state, closed.values, closed.reason) == ("approved", None, None)


@pytest.mark.clause("UPD-02")
@given(
    by=st.lists(st.sampled_from(sorted(KEYS)), max_size=4), sender=st.sampled_from([CLERK, BOSS, HEAD, KEEPER, BOTH])
)
async def test_a_value_never_changes_without_the_posts_another_person_and_the_custodian(
    by: list[str], sender: Principal
) -> None:
    at = await archive(TWO_POSTS)
    proposal = await proposed(at)
    outcome = await decided(at, proposal, by, sender=sender)
    # A client manager and another person as director; the proposer and the custodian who applies it do not count.
    managers, directors = {"per:head", "per:both"} & set(by), {"per:boss", "per:both"} & set(by)
    enough = any(manager != director for manager in managers for director in directors)
    own = "per:keeper" in by
    changed = at.documents.records["rec-0001"].version == 2
    assert changed == (outcome.result.status == "accepted")
    assert not changed or (enough and sender is KEEPER and not own)
    if not changed:
        assert (await at.values("rec-0001", 1))["city"] == "Suzhou"
        assert at.proposals.proposals[proposal].state == "open"
    if by == ["per:head", "per:boss"] and sender is KEEPER:
        assert changed


@pytest.mark.clause("UPD-02")
async def test_the_proposer_neither_approves_nor_decides_alone() -> None:
    at = await archive()
    assert (await decided(at, await proposed(at), ["per:clerk"])).result.code == "DG-COR-003"
    alone = await archive(RULES)  # no post has to sign
    own = await proposed(alone, KEEPER)
    assert (await decided(alone, own, [])).result.code == "DG-COR-003"
    assert (await decided(alone, await proposed(alone), [])).result.version == 2


@pytest.mark.clause("UPD-02")
async def test_an_approval_of_one_proposal_is_none_of_another() -> None:
    at = await archive()
    one, other = await proposed(at), await proposed(at)
    members = {"id": str(uuid.uuid4()), "type": "decide", "record": "rec-0001", "verdict": "approved", "reason": "seen"}
    signed = Decide.model_validate({**members, "proposal": one, "approvals": ()})
    token = sign_approval(signed, "per:keeper", KEYS["per:boss"], now=NOW)
    stolen = Decide.model_validate({**members, "proposal": other, "approvals": (token,)})
    assert (await at.apply(received(stolen, KEEPER))).result.code == "DG-APR-004"


@pytest.mark.clause("UPD-02", "UPD-03")
async def test_a_rejection_keeps_its_reason_encrypted_and_erases_the_values() -> None:
    at = await archive()
    proposal = await proposed(at)
    outcome = await decided(at, proposal, ["per:boss"], verdict="rejected", reason="the letter is not his")
    assert (outcome.result.status, outcome.facts[0].verb) == ("accepted", "reject")
    closed = at.proposals.proposals[proposal]
    assert (closed.state, closed.values, closed.reason) == ("rejected", None, None)
    assert closed.claim is not None
    assert closed.claim.reason is not None
    assert b"letter" not in closed.claim.reason
    assert (await decided(at, proposal, ["per:boss"])).result.code == "DG-COR-002"
    assert at.documents.records["rec-0001"].version == 1


@pytest.mark.clause("UPD-02", "DES-02")
@pytest.mark.parametrize("worker_dies", [False, True])
async def test_a_rejection_in_the_middle_of_a_destruction_leaves_no_reason(worker_dies: bool) -> None:
    at = await archive()
    proposal = await proposed(at)
    honest = at.proposals.reject

    async def reject(name: str, claim: Any) -> bool:
        del at.documents.records["rec-0001"]  # forgotten; what was found to be erased is found without this reason
        assert await honest(name, claim)
        if worker_dies:
            raise ConnectionError("the worker died")
        return True

    at.proposals.reject = reject  # type: ignore[method-assign]
    again = {"id": str(uuid.UUID(int=5)), "verdict": "rejected", "reason": "the letter is not his"}
    if worker_dies:
        with pytest.raises(ConnectionError):
            await decided(at, proposal, ["per:boss"], **again)
        kept = at.proposals.proposals[proposal].claim
        assert kept is not None
        assert kept.reason is not None
    assert (await decided(at, proposal, ["per:boss"], **again)).result.status == "accepted"
    claim = at.proposals.proposals[proposal].claim
    assert claim is not None
    assert claim.reason is None


async def test_a_proposal_of_an_older_version_gets_the_conflict_and_stays_open() -> None:
    at = await archive()
    stale, fresh = await proposed(at), await proposed(at)
    assert (await decided(at, fresh, ["per:boss"])).result.version == 2
    conflict = (await decided(at, stale, ["per:boss"])).result
    assert conflict.code == "DG-UPD-002"
    assert "current version 2" in (conflict.message or "")
    assert at.proposals.proposals[stale].state == "open"
    assert (await decided(at, stale, ["per:boss"], verdict="rejected")).result.status == "accepted"


@pytest.mark.clause("UPD-02")
async def test_a_decision_under_the_id_of_another_is_applied_and_not_taken_for_it() -> None:
    at = await archive()
    first = await decided(at, await proposed(at), ["per:boss"], id=str(uuid.UUID(int=5)))
    other = propose(fields={"occupation": "baker"})
    await at.apply(received(other, CLERK))
    outcome = await decided(at, other.id, ["per:boss"], id=str(uuid.UUID(int=5)))
    assert (first.result.version, outcome.result.version) == (2, 3)
    assert (await at.values("rec-0001", 3)) == {"city": "Wuxi", "occupation": "baker"}


async def test_unknown_astray_and_foreign_proposals_are_refused() -> None:
    at = await archive()
    assert (await decided(at, str(uuid.uuid4()), ["per:boss"])).result.code == "DG-COR-001"
    await at.store("rec-0002", {"city": "Suzhou"})
    assert (await decided(at, await proposed(at, record="rec-0002"), ["per:boss"])).result.code == "DG-COR-001"
    del at.documents.records["rec-0002"]
    astray = await proposed(at, record="rec-0002")
    assert (await decided(at, astray, ["per:boss"], record="rec-0002")).result.code == "DG-COR-007"
    rejected = await decided(at, astray, ["per:boss"], record="rec-0002", verdict="rejected")
    assert rejected.result.status == "accepted"


@pytest.mark.clause("UPD-02")
async def test_a_direct_update_is_told_to_propose() -> None:
    at = await archive()
    outcome = await at.apply(received(update(), CRM))
    assert outcome.result.code == "DG-UPD-010"
    assert "propose" in (outcome.result.next_step or "")
    assert at.documents.records["rec-0001"].version == 1
    trial = await archive(RULES)
    assert (await trial.apply(received(update(), CRM))).result.version == 2


async def test_an_intake_that_was_returned_is_completed_by_its_sender_only() -> None:
    at = await archive(stage="returned", sender="sys:crm")
    assert (await at.apply(received(update(), CRM))).result.version == 2
    other = await archive(stage="returned", sender="sys:other")
    assert (await other.apply(received(update(), CRM))).result.code == "DG-UPD-010"


def transaction(**changes: Any) -> Update:
    return update(event="new_transaction", fields={"transaction_count": 5}, **changes)


@pytest.mark.clause("UPD-07")
async def test_an_event_from_its_source_updates_its_fields_when_it_happens() -> None:
    at = await archive()
    outcome = await at.apply(received(transaction(), CRM))
    assert outcome.result.version == 2
    assert at.documents.records["rec-0001"].history[0]["event"] == "new_transaction"
    assert (await at.values("rec-0001", 2))["transaction_count"] == 5


@pytest.mark.clause("UPD-07", "UPD-02")
async def test_an_event_of_another_source_field_or_setting_waits_for_approval() -> None:
    at = await archive()
    stranger = principal("sys:web", "editor", "source-ownership")
    typist = principal("per:typist", "editor", "source-new_transaction", kind="person")
    assert (await at.apply(received(transaction(), stranger))).result.code == "DG-UPD-011"
    assert (await at.apply(received(transaction(), typist))).result.code == "DG-UPD-011"
    wide = transaction().model_copy(update={"fields": {"transaction_count": 5, "city": "Wuxi"}})
    assert (await at.apply(received(wide, CRM))).result.field == "city"
    assert (await at.apply(received(update(event="ownership"), stranger))).result.code == "DG-UPD-011"
    book = RuleBook.from_mappings({"correction": {"event_updates": {"ownership": ["city"]}}})
    allowed = await archive(replace(RULES, book=book))
    assert (await allowed.apply(received(update(event="ownership"), stranger))).result.version == 2
    assert (await allowed.apply(received(transaction(from_version=2), CRM))).result.code == "DG-UPD-011"


@pytest.mark.clause("UPD-06")
async def test_who_holds_or_reads_the_record_is_told_before_the_answer() -> None:
    at = await archive(RULES, intake={"custodian": "per:keeper"})
    at.notices.readers = frozenset({READER, "sys:crm"})
    await at.apply(received(update(), CRM))
    notice = at.notices.notices["rec-0001", 2]
    assert notice.readers == {READER, "sys:collector", "per:keeper"}, "all but who made the update"
    assert notice.fields == ("city",)


@pytest.mark.clause("UPD-05")
@pytest.mark.parametrize(
    ("paper", "in_step", "opens"),
    [("box-7", True, True), ("none", True, False), (None, True, False), ("box-7", False, False)],
)
async def test_an_update_opens_the_paper_copy(paper: str | None, in_step: bool, opens: bool) -> None:
    book = RuleBook.from_mappings({"correction": {"paper_in_step": in_step, "approval_required": False}})
    at = await archive(replace(RULES, book=book), intake={"paper": paper} if paper else None)
    seen: list[bool] = []
    honest = at.documents.revise

    async def revise(revision: Any) -> bool:
        seen.append(revision.paper_open)
        return await honest(revision)

    at.documents.revise = revise  # type: ignore[method-assign]
    assert (await at.apply(received(update(), CRM))).result.version == 2
    assert seen == [opens]
