"""Claims whose maker never comes back: his key was revoked, his worker died. The proposal does not hang for ever."""

from __future__ import annotations

import uuid
from collections import defaultdict
from typing import Any

import pytest

from consumers.claims import PATIENCE_S
from consumers.received import Outcome, Received
from schemas.commands import Decide
from schemas.errors import Transient
from store.record import Revision
from store.records import Records
from tests.consumers.samples import NOW, principal, received
from tests.consumers.test_propose import propose
from tests.simulators.attachments import GatedCollection
from tests.simulators.corrections import CLERK, CUSTODIAN, READER, Corrections, open_gate
from tests.simulators.documents import SimulatedDocuments
from tests.simulators.store import Schedule

RECORD = "rec-0001"
SUCCESSOR = principal("person:successor", "custodian", kind="person")


class Died(BaseException):
    """The worker was killed."""


def decision(proposal: str, sender: Any = CUSTODIAN, verdict: str = "approved", **changes: Any) -> Received[Decide]:
    members = {"id": str(uuid.uuid4()), "type": "decide", "record": RECORD, "proposal": proposal, "reason": "seen"}
    return received(Decide.model_validate({**members, "verdict": verdict, "approvals": (), **changes}), sender)


async def proposed(at: Corrections) -> str:
    await at.store(RECORD, {"city": "Suzhou"})
    command = propose(fields={"city": "Wuxi"})
    assert (await at.apply(received(command, CLERK))).result.status == "accepted"
    return command.id


async def claimed(at: Corrections, *, applied: bool) -> tuple[str, Received[Decide]]:
    """A proposal whose decision was killed before or after it made the record's next version."""
    proposal = await proposed(at)
    honest = at.documents.revise

    async def revise(revision: Revision) -> bool:
        assert not applied or await honest(revision)
        raise Died

    at.documents.revise = revise  # type: ignore[method-assign]
    left = decision(proposal)
    with pytest.raises(Died):
        await at.apply(left)
    at.documents.revise = honest  # type: ignore[method-assign]
    assert at.proposals.proposals[proposal].state == "claimed"
    return proposal, left


def told(outcome: Outcome) -> tuple[str, str | None]:
    return outcome.result.status, outcome.result.code


@pytest.mark.clause("UPD-02", "UPD-06")
async def test_a_version_that_was_made_closes_the_proposal_tells_the_readers_and_is_audited() -> None:
    at = Corrections()
    proposal, left = await claimed(at, applied=True)
    outcome = await at.apply(decision(proposal, SUCCESSOR, "rejected"))
    assert told(outcome) == ("refused", "DG-COR-002")
    closed = at.proposals.proposals[proposal]
    assert (closed.state, closed.values) == ("approved", None)
    assert closed.claim is not None
    assert (closed.claim.command, closed.claim.version) == (left.command.id, 2)
    assert READER in at.notices.notices[RECORD, 2].readers
    made, refused = outcome.facts
    assert (made.command_id, made.actor, made.version, made.fields) == (left.command.id, CUSTODIAN.id, 2, ("city",))
    assert (made.allowed, made.at_ms, made.record) == (True, left.at_ms, RECORD)
    assert (refused.actor, refused.code) == (SUCCESSOR.id, "DG-COR-002")
    again = await at.apply(left)  # its key was not revoked after all
    assert (again.result.status, again.result.version) == ("accepted", 2)


@pytest.mark.clause("UPD-02")
async def test_a_claim_on_an_older_version_or_on_a_destroyed_record_is_released() -> None:
    at = Corrections()
    proposal, _ = await claimed(at, applied=False)
    other = propose(fields={"city": "Nanjing"})
    await at.apply(received(other, CLERK))
    assert told(await at.apply(decision(other.id))) == ("accepted", None)
    assert told(await at.apply(decision(proposal, SUCCESSOR))) == ("refused", "DG-UPD-002")
    assert told(await at.apply(decision(proposal, SUCCESSOR, "rejected"))) == ("accepted", None)
    gone = Corrections()
    proposal, _ = await claimed(gone, applied=False)
    del gone.documents.records[RECORD]
    assert told(await gone.apply(decision(proposal, SUCCESSOR, "rejected"))) == ("accepted", None)


@pytest.mark.clause("UPD-02")
@pytest.mark.parametrize("verdict", ["approved", "rejected"])
async def test_an_old_claim_is_given_up_and_a_young_one_is_waited_for(verdict: str) -> None:
    at = Corrections()
    proposal, left = await claimed(at, applied=False)
    at.time = NOW + PATIENCE_S - 1
    assert told(await at.apply(decision(proposal, SUCCESSOR, verdict))) == ("refused", "DG-COR-004")
    at.time = NOW + PATIENCE_S
    assert told(await at.apply(decision(proposal, SUCCESSOR, verdict))) == ("accepted", None)
    assert at.documents.records[RECORD].version == (2 if verdict == "approved" else 1)
    assert told(await at.apply(left)) == ("refused", "DG-COR-002")


@pytest.mark.clause("UPD-02")
async def test_nobody_without_the_right_to_decide_brings_a_claim_to_an_end() -> None:
    at = Corrections()
    proposal, _ = await claimed(at, applied=True)
    assert told(await at.apply(decision(proposal, CLERK))) == ("refused", "DG-CMD-004")
    assert at.proposals.proposals[proposal].state == "claimed"


async def test_a_decision_that_was_given_up_and_comes_again_makes_a_claim_of_its_own() -> None:
    at = Corrections()
    proposal, left = await claimed(at, applied=False)
    at.time = NOW + PATIENCE_S
    honest = at.proposals.release

    async def release(*claim: Any) -> bool:
        assert await honest(*claim)
        raise Died

    at.proposals.release = release  # type: ignore[method-assign]
    with pytest.raises(Died):
        await at.apply(decision(proposal, SUCCESSOR))
    assert at.proposals.proposals[proposal].state == "open"
    assert told(await at.apply(left)) == ("accepted", None)
    assert at.documents.records[RECORD].version == 2


def a_slow_decision_and_a_rejection_of_it(ahead: int, behind: int) -> None:
    """A decision gets on by some calls, is given up for one that rejects, which gets on by some; then both end."""
    schedule = Schedule()
    at = Corrections(schedule.gate)
    at.vault.before_call = open_gate  # its calls change nothing that the other sees
    run = schedule.loop.run_until_complete
    try:
        proposal = run(proposed(at))
        slow = schedule.start(at.apply(decision(proposal)))
        for _ in range(ahead):
            schedule.step(slow)
        at.time += PATIENCE_S
        rejecting = schedule.start(at.apply(decision(proposal, SUCCESSOR, "rejected")))
        for _ in range(behind):
            schedule.step(rejecting)
        for actor in (slow, rejecting):
            try:
                schedule.finish(actor)
            except Transient:  # it is applied again, and finds the other's
                continue
        record, state = at.documents.records[RECORD], at.proposals.proposals[proposal].state
        assert (record.version, state) in {(2, "approved"), (1, "rejected")}
    finally:
        schedule.close()


@pytest.mark.clause("UPD-02")
def test_what_was_rejected_is_never_applied_by_a_worker_that_was_only_slow() -> None:
    for ahead in range(14):
        for behind in range(14):
            a_slow_decision_and_a_rejection_of_it(ahead, behind)


def test_a_claim_given_up_without_telling_the_record_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def careless(*_: Any) -> bool:
        return True

    monkeypatch.setattr(SimulatedDocuments, "give_up", careless)
    with pytest.raises(AssertionError):
        test_what_was_rejected_is_never_applied_by_a_worker_that_was_only_slow()


async def test_the_store_takes_no_revision_of_a_claim_that_was_given_up() -> None:
    at = Corrections()
    seen: list[Revision] = []
    honest = at.documents.revise

    async def revise(revision: Revision) -> bool:
        seen.append(revision)
        return await honest(revision)

    at.documents.revise = revise  # type: ignore[method-assign]
    proposal = await proposed(at)
    database: Any = defaultdict(lambda: GatedCollection(open_gate))
    records = Records(database)
    await records.insert([at.documents.records[RECORD]])
    assert told(await at.apply(decision(proposal))) == ("accepted", None)
    (revision,) = seen
    assert revision.claim
    assert not await records.give_up(RECORD, 2, revision.claim), "it is not at that version"
    assert not await records.is_given_up(RECORD, revision.claim)
    assert await records.give_up(RECORD, 1, revision.claim)
    assert await records.is_given_up(RECORD, revision.claim)
    assert not await records.revise(revision)
    assert await records.give_up(RECORD, 1, "another")
    database["records"].documents[RECORD]["given_up"].remove(revision.claim)
    assert await records.revise(revision), "another claim's end is none of this one's"
