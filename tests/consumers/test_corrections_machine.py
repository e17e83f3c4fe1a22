"""Updates, proposals and decisions on one record, interleaved call by call, with crashes and redeliveries.

Whatever happens in whatever order: each version was made by exactly one command and holds exactly what that command
said, so no update is lost; who loses gets the conflict with the version that the record has; a proposal is applied at
most once, and never when it was rejected; everything stays readable under the keys that the record names.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from consumers.claims import PATIENCE_S
from consumers.decide_proposal import Decider
from consumers.propose import opened
from consumers.received import Outcome, Received
from keys.ring import KeyRing
from schemas.commands import Decide, Propose, Update
from schemas.errors import DanganError, Transient
from store.proposals import Claim
from store.record import Revision
from tests.consumers.samples import received
from tests.simulators.corrections import CLERK, CUSTODIAN, EDITOR, READER, Corrections
from tests.simulators.documents import SimulatedDocuments, SimulatedProposals
from tests.simulators.store import Schedule

pytestmark = pytest.mark.slow

RECORD = "rec-0001"
#: Fields of two levels; the record begins with one of them.
FIELDS = st.sampled_from(["city", "occupation", "email", "address"])
CALLS = st.sampled_from([0, 1, 2, 3, 4, 6, 9, 14, 25, 60])
START = {"city": "Suzhou"}


@dataclass
class Sent:
    """A command that was sent, and each answer it ever got."""

    command: Received[Any]
    changes: dict[str, Any] = field(default_factory=dict)
    answers: list[Outcome] = field(default_factory=list)


class Correcting(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.schedule = Schedule()
        self.archive = Corrections(self.schedule.gate)
        self.sent: dict[str, Sent] = {}
        self.of_actor: dict[int, str] = {}
        self.seen = 0

    @initialize()
    def one_record(self) -> None:
        self.now(self.archive.store(RECORD, START))

    @rule(name=FIELDS, behind=st.integers(0, 1), calls=CALLS)
    def update(self, name: str, behind: int, calls: int) -> None:
        changes, base = self.change(name), max(1, self.version - behind)
        members = {"from_version": base, "fields": changes}
        self.send(Update, EDITOR, changes, calls, type="update", reason="moved", evidence="letter-77", **members)

    @rule(name=FIELDS, calls=CALLS)
    def propose(self, name: str, calls: int) -> None:
        changes = self.change(name)
        self.send(Propose, CLERK, changes, calls, type="propose", reason="told so", evidence="call-5", fields=changes)

    @precondition(lambda self: self.archive.proposals.proposals)
    @rule(data=st.data(), verdict=st.sampled_from(["approved", "approved", "rejected"]), calls=CALLS)
    def decide(self, data: Any, verdict: str, calls: int) -> None:
        proposal = data.draw(st.sampled_from(sorted(self.archive.proposals.proposals)))
        members = {"proposal": proposal, "verdict": verdict, "reason": "seen", "approvals": ()}
        self.send(Decide, CUSTODIAN, self.sent[proposal].changes, calls, type="decide", **members)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), calls=CALLS)
    def deliver_again(self, data: Any, calls: int) -> None:
        """Another worker takes a message over, whether or not the one before is still at it."""
        self.begin(data.draw(st.sampled_from(list(self.sent))), calls)

    @precondition(lambda self: self.schedule.actors)
    @rule(data=st.data(), calls=CALLS)
    def go_on(self, data: Any, calls: int) -> None:
        self.let_on(data.draw(st.sampled_from(sorted(self.schedule.actors))), calls)

    @rule()
    def time_passes(self) -> None:
        """So much that a claim may be given up, though whoever made it is still at it."""
        self.archive.time += PATIENCE_S

    @precondition(lambda self: self.schedule.actors)
    @rule(data=st.data())
    def crash(self, data: Any) -> None:
        actor = data.draw(st.sampled_from(sorted(self.schedule.actors)))
        if self.schedule.actors[actor].done():
            self.ended(actor)
        else:
            self.schedule.crash(actor)

    @invariant()
    def each_version_is_one_commands(self) -> None:
        record = self.archive.documents.records.get(RECORD)
        if record is None or record.version == self.seen:
            return
        self.seen = record.version
        commands = [entry["command"] for entry in record.history]
        assert len(commands) == len(set(commands)) == record.version - 1
        assert [entry["version"] for entry in record.history] == list(range(1, record.version))
        expected = dict(START)
        for entry in record.history:
            assert all(entry[name] for name in ("by", "at", "evidence", "reason")), "who, when and why"
            expected |= self.sent[entry["command"]].changes
            held = self.now(self.archive.values(RECORD, entry["version"] + 1))
            assert held == expected, "an update is lost"

    @invariant()
    def a_proposal_is_applied_once_or_rejected(self) -> None:
        record = self.archive.documents.records.get(RECORD)
        applied = [e["proposal"] for e in record.history if "proposal" in e] if record else []
        assert len(applied) == len(set(applied)), "a proposal was applied twice"
        for name, proposal in self.archive.proposals.proposals.items():
            if name in applied:
                assert proposal.state in ("claimed", "approved"), "an applied proposal is open again or rejected"
            else:
                assert proposal.state != "approved", "a proposal counts as approved that was not applied"
            assert (proposal.values is None) == (proposal.state in ("approved", "rejected"))

    def teardown(self) -> None:
        """Everything is redelivered to its end; then all that is open can still be decided."""
        try:
            for actor in sorted(self.schedule.actors):
                while self.schedule.step(actor):
                    pass
                self.ended(actor)
            for command in list(self.sent):
                self.begin(command, 400)
            self.seen = 0
            self.each_version_is_one_commands()
            self.a_proposal_is_applied_once_or_rejected()
            self.accepted_ones_are_there()
            self.open_ones_can_be_read()
        finally:
            self.schedule.close()

    def accepted_ones_are_there(self) -> None:
        record = self.archive.documents.records[RECORD]
        made = {entry["command"]: entry["version"] + 1 for entry in record.history}
        for name, sent in self.sent.items():
            kinds = {(outcome.result.status, outcome.result.version) for outcome in sent.answers}
            if name in made:
                assert ("accepted", made[name]) in kinds, "an update was applied and never acknowledged"
                assert (RECORD, made[name]) in self.archive.notices.notices, "a reader was not told"
                assert READER in self.archive.notices.notices[RECORD, made[name]].readers
            assert len([kind for kind in kinds if kind[0] == "accepted"]) <= 1
            told = {fact.version for outcome in sent.answers for fact in outcome.facts if fact.allowed}
            assert len(told - {None}) <= 1
        assert not [p for p in self.archive.proposals.proposals.values() if p.state == "claimed"]

    def open_ones_can_be_read(self) -> None:
        async def deks() -> Any:
            async with self.archive.ring() as ring:
                return (await ring.open({RECORD: self.archive.documents.records[RECORD].keys}))[RECORD]

        keys = self.now(deks())
        for proposal in self.archive.proposals.proposals.values():
            if proposal.state == "open":
                assert opened(proposal, keys).keys() == proposal.levels.keys()

    @property
    def version(self) -> int:
        return self.archive.documents.records[RECORD].version

    def change(self, name: str) -> dict[str, Any]:
        number = len(self.sent)
        return {name: f"box{number}@example.org" if name == "email" else f"place {number}"}

    def send(self, kind: Any, sender: Any, changes: dict[str, Any], calls: int, **members: Any) -> None:
        name = str(uuid.UUID(int=len(self.sent) + 1))
        command = kind.model_validate({"id": name, "record": RECORD, **members})
        self.sent[name] = Sent(received(command, sender, offset=len(self.sent)), changes)
        self.begin(name, calls)

    def begin(self, command: str, calls: int) -> None:
        actor = self.schedule.start(self.archive.apply(self.sent[command].command))
        self.of_actor[actor] = command
        self.let_on(actor, calls)

    def let_on(self, actor: int, calls: int) -> None:
        for _ in range(calls):
            if not self.schedule.step(actor):
                self.ended(actor)
                return

    def ended(self, actor: int) -> None:
        task, sent = self.schedule.actors.pop(actor), self.sent[self.of_actor[actor]]
        if (error := task.exception()) is not None:
            if not isinstance(error, Transient):
                raise error
            return
        outcome: Outcome = task.result()
        sent.answers.append(outcome)
        if outcome.result.code == "DG-UPD-002":
            told = int((outcome.result.message or "").rpartition("current version ")[2].rstrip(")"))
            assert told <= self.version
            base = getattr(sent.command.command, "from_version", None)
            assert base is None or told != base, "a conflict with the very version that was named"

    def now(self, work: Any) -> Any:
        return self.schedule.loop.run_until_complete(work)


def budget(examples: int, steps: int = 25) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        print_blob=False,
    )


Correcting.TestCase.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.clause("UPD-02", "UPD-03", "UPD-04", "UPD-06")
class TestCorrecting(Correcting.TestCase):  # type: ignore[name-defined,misc]
    pass


def test_the_machine_finds_lost_updates_when_the_version_is_no_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = SimulatedDocuments.revise

    async def careless(self: SimulatedDocuments, revision: Revision) -> bool:
        stored = self.records[revision.record]
        if stored.version >= revision.version:
            self.records[revision.record] = replace(stored, version=revision.version - 1)
        return await honest(self, revision)

    monkeypatch.setattr(SimulatedDocuments, "revise", careless)
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(Correcting, settings=budget(200))


def test_the_machine_finds_proposals_that_are_applied_and_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    async def careless(self: SimulatedProposals, proposal: str, claim: Claim) -> bool:
        return self.proposals[proposal].state == "open"  # looked at, not taken

    monkeypatch.setattr(SimulatedProposals, "claim", careless)
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(Correcting, settings=budget(200))


def two_workers_with_one_decision(ahead: int, behind: int) -> None:
    """One worker gets on by some calls, another takes its message over and gets on by some; then both end."""
    schedule = Schedule()
    archive = Corrections(schedule.gate)
    archive.vault.before_call = None  # its calls change nothing that the other sees
    run = schedule.loop.run_until_complete
    try:
        run(archive.store(RECORD, START))
        propose = Propose(
            id=str(uuid.UUID(int=1)),
            type="propose",
            record=RECORD,
            reason="x",
            evidence="call-5",
            fields={"city": "Wuxi"},
        )
        run(archive.apply(received(propose, CLERK)))
        members = {"proposal": propose.id, "verdict": "approved", "reason": "seen", "approvals": ()}
        decide = Decide.model_validate({"id": str(uuid.UUID(int=2)), "type": "decide", "record": RECORD, **members})
        first, second = (schedule.start(archive.apply(received(decide, CUSTODIAN))) for _ in range(2))
        for actor, calls in ((first, ahead), (second, behind)):
            for _ in range(calls):
                schedule.step(actor)
        outcomes = [schedule.finish(actor) for actor in (first, second)]
        assert [outcome.result.version for outcome in outcomes] == [2, 2]
        assert outcomes[0].facts == outcomes[1].facts
        assert archive.proposals.proposals[propose.id].state == "approved"
        assert run(archive.values(RECORD, 2)) == {"city": "Wuxi"}
    finally:
        schedule.close()


def an_update_and_a_proposal_that_bring_a_level(ahead: int, behind: int) -> None:
    """Both bring the record its first value of a level: one gets on by some calls, then the other; then both end."""
    schedule = Schedule()
    archive = Corrections(schedule.gate)
    archive.vault.before_call = None
    run = schedule.loop.run_until_complete
    try:
        run(archive.store(RECORD, START))
        members = {"record": RECORD, "reason": "x", "evidence": "call-5", "fields": {"address": "1 Canal Street"}}
        proposal = Propose.model_validate({"id": str(uuid.UUID(int=1)), "type": "propose", **members})
        change = {"id": str(uuid.UUID(int=2)), "type": "update", "from_version": 1, **members}
        work = ((proposal, CLERK), (Update.model_validate(change), EDITOR))
        actors = [schedule.start(archive.apply(received(command, sender))) for command, sender in work]
        for actor, calls in zip(actors, (ahead, behind), strict=True):
            for _ in range(calls):
                schedule.step(actor)
        assert [schedule.finish(actor).result.status for actor in actors] == ["accepted", "accepted"]
        assert run(archive.values(RECORD, 2)) == {**START, "address": "1 Canal Street"}
        assert run(_opened(archive, proposal.id)) == {"address": b'"1 Canal Street"'}
    finally:
        schedule.close()


async def _opened(archive: Corrections, proposal: str) -> dict[str, bytes | None]:
    async with KeyRing(archive.vault, archive.pages) as ring:
        deks = (await ring.open({RECORD: archive.documents.records[RECORD].keys}))[RECORD]
    return opened(archive.proposals.proposals[proposal], deks)


#: Each of these commands makes fewer calls than this to the stores.
MOST_CALLS = 14


@pytest.mark.clause("UPD-02")
def test_a_decision_delivered_to_two_workers_is_applied_once_wherever_they_meet() -> None:
    for ahead in range(MOST_CALLS):
        for behind in range(MOST_CALLS):
            two_workers_with_one_decision(ahead, behind)


@pytest.mark.clause("UPD-01")
def test_a_proposal_keeps_its_key_wherever_it_meets_an_update() -> None:
    for ahead in range(MOST_CALLS):
        for behind in range(MOST_CALLS):
            an_update_and_a_proposal_that_bring_a_level(ahead, behind)


def test_a_key_that_an_update_takes_from_a_proposal_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = SimulatedDocuments.revise

    async def careless(self: SimulatedDocuments, revision: Revision) -> bool:
        stored = self.records[revision.record]
        if stored.version == revision.version - 1:
            kept = {level: ref for level, ref in stored.keys.items() if level not in revision.new_keys}
            self.records[revision.record] = replace(stored, keys=kept)
        return await honest(self, revision)

    monkeypatch.setattr(SimulatedDocuments, "revise", careless)
    with pytest.raises(DanganError, match="DG-KEY-004"):
        test_a_proposal_keeps_its_key_wherever_it_meets_an_update()


def test_a_claim_released_without_a_look_at_the_history_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest, looked = Decider._version_made, list[Decider]()

    async def once(self: Decider, command: Any) -> int:
        if any(self is each for each in looked):
            return 0
        looked.append(self)  # each delivery has a Decider of its own here
        return await honest(self, command)

    monkeypatch.setattr(Decider, "_version_made", once)
    with pytest.raises(AssertionError):
        test_a_decision_delivered_to_two_workers_is_applied_once_wherever_they_meet()
