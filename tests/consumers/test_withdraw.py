"""Consent and its withdrawal: who may, what it stands for, and every order in which collect and withdraw may meet."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import closing
from dataclasses import replace
from typing import Any

import bson
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.collect import Collector
from consumers.consents import ConsentGate, refuse_withdrawn, rests_on_consent
from consumers.received import Outcome, Received
from consumers.withdraw import Withdrawer, decide
from schemas.audit import event_id, ocsf
from schemas.commands import Collect, Withdraw
from schemas.errors import Refusal
from store.consents import Consented, Withdrawal
from store.record import to_document
from tests.consumers.lawful import STRICT, lawful
from tests.consumers.samples import NOW, RULES, collect, principal, received
from tests.simulators.consents import FreshKeys, SimulatedArchive
from tests.simulators.store import Schedule

CRM, ERP = principal("sys:crm", "collector"), principal("sys:erp", "collector")
PRIVACY = principal("person:privacy", "privacy", kind="person")
TOLD = Withdrawal("2027-01-15T08:00:00Z", str(uuid.UUID(int=9)), "sys:crm", NOW * 1000)


async def at_once() -> None:
    return


def consented(record: str = "rec-0001", **changes: Any) -> Collect:
    """A collect that rests on a consent alone."""
    consent = {
        "reference": "consent-1",
        "text_sha256": "a" * 64,
        "given_at": "2027-01-01T00:00:00Z",
        "explicit": True,
        **changes.pop("consent", {}),
    }
    parts: dict[str, Any] = {"record": record, "legal_basis": "consent", "consent": consent, "fields": {"city": "W"}}
    return collect(**parts | changes)


def withdraw(**changes: Any) -> Withdraw:
    members = {
        "id": str(uuid.uuid4()),
        "type": "withdraw",
        "subject": "sub-0001",
        "consent": "consent-1",
        "withdrawn_at": "2027-01-15T08:00:00Z",
    }
    return Withdraw.model_validate(members | changes)


class Desk:
    """The real appliers on simulated stores."""

    def __init__(self, gate: Any = at_once) -> None:
        self.archive = SimulatedArchive(gate)

    async def apply(self, *batch: Received[Any]) -> list[Outcome]:
        stores: Any = self.archive
        keys: Any = FreshKeys()
        if batch[0].command.type == "withdraw":
            return await Withdrawer(stores, RULES).apply(batch, NOW)
        collector = Collector(stores, stores, keys, keys, RULES, ConsentGate(stores, RULES), None, None)  # type: ignore[arg-type]
        return await collector.apply(batch, NOW)

    def readable(self) -> set[str]:
        """Records that a read would not be refused for."""
        found = set()
        for record in self.archive.records.values():
            try:
                refuse_withdrawn(record)
            except Refusal:
                continue
            found.add(record.id)
        return found


def codes(outcomes: list[Outcome]) -> list[str | None]:
    return [outcome.result.code for outcome in outcomes]


@pytest.mark.clause("COL-04")
async def test_a_consent_stands_for_one_purpose_and_one_text() -> None:
    desk = Desk()
    other_text = consented("rec-0003", consent={"text_sha256": "b" * 64})
    other_subject = consented("rec-0004", subject="sub-0002", purpose="marketing")
    batch = [consented(), consented("rec-0002", purpose="marketing"), other_text, other_subject]
    expected = [None, "DG-CON-002", "DG-CON-003", None]
    assert codes(await desk.apply(*(received(each, CRM) for each in batch))) == expected
    assert desk.readable() == {"rec-0001", "rec-0004"}
    assert codes(await desk.apply(*(received(each, CRM) for each in batch))) == expected  # a redelivery


@pytest.mark.clause("COL-04")
async def test_after_a_withdrawal_only_another_basis_keeps_a_record_readable() -> None:
    desk = Desk()
    with_contract = consented("rec-0002", legal_basis="contract")
    await desk.apply(received(consented(), CRM), received(with_contract, CRM))
    (outcome,) = await desk.apply(received(withdraw(), CRM))
    assert [(event.action, event.record) for event in outcome.facts] == [("withdraw", None), ("withdraw", "rec-0001")]
    assert desk.readable() == {"rec-0002"}
    late = [received(consented("rec-0003"), CRM), received(consented("rec-0004", legal_basis="contract"), CRM)]
    assert codes(await desk.apply(*late)) == ["DG-CON-001", "DG-CON-001"]
    assert desk.archive.records.keys() == {"rec-0001", "rec-0002"}


async def test_the_events_of_a_withdrawal_name_its_consent() -> None:
    desk = Desk()
    unused = await desk.apply(received(withdraw(consent="consent-2"), CRM))
    await desk.apply(received(consented(), CRM))
    used = await desk.apply(received(withdraw(), CRM))
    said = [
        orjson.loads(ocsf(each, event_id(each)))["unmapped"]["dangan"]
        for outcome in (*unused, *used)
        for each in outcome.facts
    ]
    assert [(own["subject"], own["consent"], own.get("record")) for own in said] == [
        ("sub-0001", "consent-2", None),
        ("sub-0001", "consent-1", None),
        ("sub-0001", "consent-1", "rec-0001"),
    ]


@pytest.mark.clause("COL-04")
async def test_a_redelivered_withdrawal_answers_the_same_and_a_repeated_one_changes_nothing() -> None:
    desk = Desk()
    mine = received(withdraw(), CRM)
    await desk.apply(received(consented(), CRM))
    first = await desk.apply(mine)
    assert await desk.apply(mine) == first
    assert codes(await desk.apply(replace(mine, at_ms=mine.at_ms + 1))) == ["DG-CMD-002"]
    assert codes(await desk.apply(received(withdraw(), CRM))) == ["DG-CON-004"]
    (standing,) = desk.archive.consents.values()
    assert standing.withdrawal is not None
    assert standing.withdrawal.command == mine.command.id


async def test_a_collect_redelivered_after_the_withdrawal_is_refused_unless_another_basis_holds() -> None:
    desk = Desk()
    batch = [received(consented(), CRM), received(consented("rec-0002", legal_basis="contract"), CRM)]
    assert codes(await desk.apply(*batch)) == [None, None]
    await desk.apply(received(withdraw(), CRM))
    assert codes(await desk.apply(*batch)) == ["DG-CON-001", None]


@pytest.mark.clause("COL-19")
@settings(max_examples=40, deadline=None)
@given(value=st.text(st.characters(categories=("L", "N")), min_size=3, max_size=30).map("秘{}".format))
def test_nothing_that_is_stored_or_told_of_a_collect_holds_a_value(value: str) -> None:
    desk = Desk()
    fields = {"address": value, "city": value, "interests": value}
    command = consented(fields=fields)
    (outcome,) = asyncio.run(desk.apply(received(command, CRM)))
    assert outcome.result.status == "accepted"
    stored = bson.encode(to_document(desk.archive.records["rec-0001"]))
    told = [repr(outcome.result), repr(outcome.facts), *(ocsf(each, event_id(each)).decode() for each in outcome.facts)]
    assert value.encode() not in stored
    assert orjson.dumps(value) not in stored
    assert not [text for text in told if value in text]


def test_under_the_strictest_rules_a_contract_is_no_basis_of_its_own() -> None:
    assert rests_on_consent(lawful(legal_basis="contract"), STRICT)
    assert not rests_on_consent(consented(legal_basis="contract"), RULES)
    assert not rests_on_consent(collect(), RULES)


def decision(command: Withdraw, sender: Any, consent: Consented | None = None, users: tuple[str, ...] = ()) -> str:
    try:
        decide(received(command, sender), consent, users, RULES)
    except Refusal as refusal:
        return refusal.code
    return "allowed"


@pytest.mark.clause("COL-04")
def test_who_may_withdraw() -> None:
    used = Consented("sub-0001", "consent-1", "account_service", "a" * 64, "sys:crm")
    assert decision(withdraw(), CRM, used) == "allowed"
    assert decision(withdraw(), ERP, used) == "DG-CMD-004"
    assert decision(withdraw(), ERP, used, ("sys:erp",)) == "allowed"
    assert decision(withdraw(), ERP, Consented("sub-0001", "consent-1", withdrawal=TOLD)) == "DG-CMD-004"
    assert decision(withdraw(), ERP) == "allowed"  # nobody has used it yet
    assert decision(withdraw(), PRIVACY, used) == "allowed"
    for stranger in (
        principal("sys:x", "reader"),
        principal("sys:x", "privacy"),
        principal("person:x", "collector", kind="person"),
        principal("sys:x", "collector", active=False),
    ):
        assert decision(withdraw(), stranger) == "DG-CMD-004"


@pytest.mark.parametrize("member", ["subject", "consent"])
def test_references_that_are_personal_data_are_refused(member: str) -> None:
    assert decision(withdraw(**{member: "13800138000"}), CRM) == "DG-COL-007"


#: Which actor goes on by one call, and whether it crashes there; a crashed one comes again.
STEPS = st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=60)


@pytest.mark.clause("COL-04")
@settings(max_examples=100, deadline=None)
@given(steps=STEPS)
def test_no_order_of_calls_and_crashes_leaves_anything_readable(steps: list[tuple[int, bool]]) -> None:
    """From the moment a withdrawal is answered, nothing that rests on the consent can be read."""
    with closing(Schedule()) as schedule:
        desk = Desk(schedule.gate)
        work = [
            (received(consented("rec-0001"), CRM),),
            (received(consented("rec-0002"), CRM), received(consented("rec-0002"), CRM)),
            (received(consented("rec-0003", legal_basis="contract"), CRM), received(consented("rec-0004"), CRM)),
            (received(withdraw(), CRM),),
        ]
        running = {at: schedule.start(desk.apply(*batch)) for at, batch in enumerate(work)}
        ended: dict[int, list[Outcome]] = {}

        def go_on(at: int) -> None:
            if at in running and not schedule.step(running[at]):
                ended[at] = schedule.finish(running.pop(at))

        def holds() -> None:
            if 3 in ended:
                assert desk.readable() <= {"rec-0003"}

        for at, crashes in steps:
            if crashes and at in running:
                schedule.crash(running.pop(at))
                running[at] = schedule.start(desk.apply(*work[at]))
            go_on(at)
            holds()
        for at in list(running):
            while at in running:
                go_on(at)
                holds()
        answers = {at: codes(outcomes) for at, outcomes in ended.items()}
        assert answers[3] == [None]
        assert set(answers[0]) <= {None, "DG-CON-001"}
        states = {name: record.consent_state for name, record in desk.archive.records.items()}
        assert {name for name, state in states.items() if state != "withdrawn"} <= {"rec-0003"}
        assert "checking" not in states.values()
