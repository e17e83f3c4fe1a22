"""Proposals: anybody registered may make one, and learns nothing of the record by it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.propose import MAX_OF_RECORD, decide, opened, reason_of
from keys.ring import KeyRing
from schemas.commands import Propose
from schemas.errors import Refusal
from schemas.levels import Level
from store.proposals import Claim
from tests.consumers.samples import NOW, RULES, principal, received
from tests.simulators.corrections import CLERK, Corrections, no_pause

PUPIL = principal("person:pupil", kind="person", clearance=Level.BASIC)


def propose(**changes: Any) -> Propose:
    members: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "type": "propose",
        "record": "rec-0001",
        "reason": "told so on the telephone",
        "evidence": "call-5",
        "fields": {"phone": "138 0013 8001", "city": None},
    }
    return Propose.model_validate(members | changes)


async def archive() -> Corrections:
    made = Corrections()
    await made.store("rec-0001", {"city": "Suzhou"})
    return made


@pytest.mark.clause("UPD-01")
async def test_whoever_is_registered_may_propose_without_role_or_clearance() -> None:
    at = await archive()
    outcome = await at.apply(received(propose(fields={"id_number": "11010519491231002X"}), PUPIL))
    assert outcome.result.status == "accepted"
    assert not RULES.authorizer.allows(PUPIL, "access", Level.BASIC, "account_service")
    assert at.documents.records["rec-0001"].version == 1


@pytest.mark.clause("UPD-01")
async def test_the_proposal_is_encrypted_under_the_records_keys_and_names_nothing_else() -> None:
    at = await archive()
    command = propose()
    outcome = await at.apply(received(command, CLERK))
    proposal = at.proposals.proposals[command.id]
    record = at.documents.records["rec-0001"]
    assert proposal.version == 1
    assert "ingest-kid" in record.ingest_keys, "the message's key is known to the record's destruction"
    assert record.keys.keys() == {Level.BASIC, Level.SENSITIVE}, "a level that was not there is named by the record"
    assert "138" not in repr(proposal)
    assert "told so" not in repr(proposal)
    async with KeyRing(at.vault, at.pages, sleep=no_pause) as ring:
        deks = (await ring.open({"rec-0001": record.keys}))["rec-0001"]
    assert opened(proposal, deks) == {"phone": b'"+8613800138001"', "city": None}
    assert reason_of(proposal, deks) == "told so on the telephone"
    (event,) = outcome.facts
    assert (event.action, event.record, event.fields) == ("propose", "rec-0001", ("phone", "city"))


@pytest.mark.clause("UPD-01")
@given(
    record=st.sampled_from(["rec-0001", "rec-none", "rec-marketing", "rec-shredded"]),
    fields=st.sampled_from([{"city": "Wuxi"}, {"risk_grade": "low"}, {"phone": None}, {"email": "a@example.org"}]),
)
async def test_the_answer_never_tells_whether_there_is_such_a_record(record: str, fields: dict[str, Any]) -> None:
    at = await archive()
    await at.store("rec-marketing", {"city": "Suzhou"}, purpose="marketing")
    await at.store("rec-shredded", {"city": "Suzhou"})
    for ref in at.documents.records["rec-shredded"].keys.values():
        del at.pages.pages[ref.page]  # being destroyed: the record still stands, its key is gone
    here = await at.apply(received(propose(id=str(uuid.UUID(int=1)), record="rec-0001", fields=fields), CLERK))
    there = await at.apply(received(propose(id=str(uuid.UUID(int=2)), record=record, fields=fields), CLERK))
    assert replace(here.result, id="") == replace(there.result, id="")


@pytest.mark.clause("UPD-01")
async def test_what_cannot_be_applied_is_kept_without_values_for_the_custodian_to_see() -> None:
    at = await archive()
    command = propose(record="rec-mistyped")
    await at.apply(received(command, CLERK))
    kept = at.proposals.proposals[command.id]
    assert (kept.values, kept.reason, kept.version, kept.state) == (None, None, 0, "open")


@pytest.mark.clause("UPD-01")
async def test_a_proposal_added_while_its_record_was_destroyed_keeps_no_ciphertext() -> None:
    at = await archive()
    honest = at.proposals.add

    async def add(proposal: Any) -> bool:
        del at.documents.records["rec-0001"]  # forgotten, and what stood about it erased
        return await honest(proposal)

    at.proposals.add = add  # type: ignore[method-assign]
    command = propose()
    assert (await at.apply(received(command, CLERK))).result.status == "accepted"
    assert at.proposals.proposals[command.id].values is None


@pytest.mark.clause("UPD-01", "DES-02")
async def test_a_proposal_whose_worker_died_after_adding_it_keeps_no_ciphertext_of_a_destroyed_record() -> None:
    at = await archive()
    honest = at.proposals.add

    async def add(proposal: Any) -> bool:
        del at.documents.records["rec-0001"]  # forgotten, and what stood about it erased
        await honest(proposal)
        raise ConnectionError("the worker died")

    at.proposals.add = add  # type: ignore[method-assign]
    command = propose()
    with pytest.raises(ConnectionError):
        await at.apply(received(command, CLERK))
    assert at.proposals.proposals[command.id].values is not None
    assert (await at.apply(received(command, CLERK))).result.status == "accepted"
    assert at.proposals.proposals[command.id].values is None


async def test_a_redelivered_proposal_is_taken_once_and_a_repeated_one_is_a_duplicate() -> None:
    at = await archive()
    command = propose()
    first = await at.apply(received(command, CLERK))
    assert await at.apply(received(command, CLERK)) == first
    again = await at.apply(received(command, CLERK, at_ms=NOW * 1000 + 5))
    assert (again.result.status, again.result.code) == ("duplicate", "DG-CMD-002")
    other = await at.apply(received(command, PUPIL))
    assert other.result.code == "DG-CMD-001"


async def test_a_used_id_brings_no_personal_reference_into_the_audit_stream() -> None:
    at = await archive()
    command = propose()
    await at.apply(received(command, CLERK))
    for changes in ({"record": "13800138000"}, {"evidence": "11010519491231002X"}):
        outcome = await at.apply(received(command.model_copy(update=changes), CLERK))
        assert outcome.result.code == "DG-COL-007", "whose event leaves references out"


@pytest.mark.parametrize("record", ["rec-0001", "rec-none", "rec-shredded"])
async def test_nobody_fills_the_store_nor_learns_by_trying_which_records_there_are(record: str) -> None:
    at = await archive()
    await at.store("rec-shredded", {"city": "Suzhou"})
    for ref in at.documents.records["rec-shredded"].keys.values():
        del at.pages.pages[ref.page]
    sent = [propose(record=record) for _ in range(MAX_OF_RECORD + 2)]
    codes = [(await at.apply(received(command, PUPIL))).result.code for command in sent]
    assert codes == [None] * MAX_OF_RECORD + ["DG-COR-012"] * 2
    assert len(at.proposals.proposals) == MAX_OF_RECORD
    assert (await at.apply(received(sent[0], PUPIL))).result.status == "accepted", "a redelivered one is known"
    assert (await at.apply(received(propose(record=record), CLERK))).result.status == "accepted", "others still may"
    assert (await at.apply(received(propose(record="rec-other"), PUPIL))).result.status == "accepted"
    assert await at.proposals.reject(sent[0].id, Claim("decide-1", "person:custodian"))
    assert (await at.apply(received(propose(record=record), PUPIL))).result.status == "accepted", "one is decided"


async def test_a_sender_has_a_bound_over_all_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumers.propose.MAX_OF_SENDER", 3)
    at = await archive()
    sent = [received(propose(record=f"rec-made-up-{number}"), PUPIL) for number in range(4)]
    assert [(await at.apply(each)).result.code for each in sent] == [None, None, None, "DG-COR-012"]
    assert (await at.apply(received(propose(), CLERK))).result.status == "accepted"


def test_inactive_senders_unknown_fields_and_personal_references_are_refused() -> None:
    def code(command: Propose, sender: Any = CLERK) -> str:
        with pytest.raises(Refusal) as caught:
            decide(received(command, sender), None, RULES)
        return caught.value.code

    assert code(propose(), replace(CLERK, active=False)) == "DG-CMD-004"
    assert code(propose(), principal("per:admin", "administrator", kind="person")) == "DG-CMD-004"
    assert code(propose(fields={"shoe_size": 44})) == "DG-COL-001"
    assert code(propose(fields={"phone": "12"})) == "DG-COL-002"
    assert code(propose(record="11010519491231002X")) == "DG-COL-007"
    assert code(propose(evidence="13800138000")) == "DG-COL-007"
