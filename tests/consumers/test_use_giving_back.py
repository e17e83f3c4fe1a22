"""Returns: a use ends with a usage record, and is settled when every copy is destroyed or filed."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.reading.leases import grant_covers
from consumers.use.grants import standing_of
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.use import GiveBack
from tests.consumers.samples import NOW, access, received
from tests.simulators.using import Office, moment, rules_with

COPIES: dict[str, Any] = {"copying": True, "terminal": "desk-9"}


def read(office: Office, name: str, at: int = NOW) -> str | None:
    """The code of a read's refusal under a grant."""
    command = access(grant=name, fields=["city"])
    grant = office.stores.grants[name]
    authorizer = office.rules.authorizer
    who = office.staff.people["per:reader"]
    try:
        grant_covers(received(command, who), grant, command.fields, Level.BASIC, authorizer, at)
    except Refusal as refusal:
        return refusal.code
    return None


def standing(office: Office, name: str, at: int = NOW) -> str:
    """How far the application of a grant is."""
    application = office.stores.applications[name.removeprefix("use:")]
    days = office.rules.book.use.return_days
    return standing_of(application, office.stores.grants.get(name), return_days=days, now=at)


async def staffed() -> Office:
    """An office whose readers' keys outlive the test."""
    office = Office()
    receiving = office.staff.people["per:reader"].receiving_keys[0]
    wide = type(receiving)(receiving.kid, receiving.x, 0, NOW + 900_000_000)
    office.staff.change("per:reader", receiving_keys=(wide,))
    return office


@pytest.mark.clause("USE-10", "USE-11")
async def test_a_grant_ends_by_its_period_by_return_and_by_recall() -> None:
    office = await staffed()
    name = await office.granted()
    ended = "DG-ACC-002"
    assert read(office, name) is None
    assert read(office, name, NOW + 86_399) is None
    assert read(office, name, NOW + 86_400) == ended
    assert read(office, name, NOW - 1) == ended
    assert await office.give_back(name) is None
    assert read(office, name) == ended
    other = await office.granted()
    await office.desk._grants.recall(other, at=NOW)
    assert read(office, other) == ended


@pytest.mark.clause("USE-10")
@settings(max_examples=30, deadline=None)
@given(at=st.integers(NOW - 9000, NOW + 200_000), begins=st.integers(0, 90_000), lasts=st.integers(1, 90_000))
def test_never_read_outside_the_period(at: int, begins: int, lasts: int) -> None:
    async def story() -> None:
        office = await staffed()
        name = await office.granted(not_before=moment(NOW + begins), not_after=moment(NOW + begins + lasts))
        assert (read(office, name, at) is None) == (NOW + begins <= at < NOW + begins + lasts)

    asyncio.run(story())


@pytest.mark.clause("USE-11", "USE-12")
async def test_a_return_leaves_a_usage_record_and_closes_the_use() -> None:
    office = Office()
    name = await office.granted()
    assert standing(office, name) == "in use"
    assert await office.give_back(name, usage="read once for the loan") is None
    kept = office.stores.returns[name]
    assert (kept.by, kept.usage, kept.at_ms, kept.outstanding) == (
        "per:reader",
        "read once for the loan",
        NOW * 1000,
        0,
    )
    assert office.stores.grants[name].returned_at == NOW
    assert standing(office, name) == "closed"
    assert await office.give_back(name) == "DG-USE-051"


@pytest.mark.clause("STO-17", "USE-11")
async def test_who_made_copies_destroys_or_files_them_before_the_use_is_closed() -> None:
    office = Office()
    name = await office.granted(**COPIES)
    assert await office.give_back(name, copies=3, copies_destroyed=2, copies_filed=2) == "DG-USE-052"
    assert await office.give_back(name, copies=3, copies_destroyed=1) is None
    assert office.stores.grants[name].returned_at == NOW  # nobody reads any more, whatever is outstanding
    assert standing(office, name) == "copies outstanding"
    assert await office.give_back(name, copies=2, copies_destroyed=2) == "DG-USE-053"
    assert standing(office, name) == "copies outstanding"
    office.time += 50
    assert await office.give_back(name, copies=3, copies_destroyed=2, copies_filed=1) is None
    assert standing(office, name) == "closed"
    assert office.stores.grants[name].returned_at == NOW


@pytest.mark.clause("STO-17")
@settings(max_examples=50, deadline=None)
@given(told=st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=4))
def test_never_closed_with_a_copy_left(told: list[tuple[int, int, int]]) -> None:
    async def story() -> None:
        office, closed = Office(), False
        name = await office.granted(**COPIES)
        for copies, destroyed, filed in told:
            code = await office.give_back(name, copies=copies, copies_destroyed=destroyed, copies_filed=filed)
            closed = closed or (code is None and copies == destroyed + filed)
        assert (standing(office, name) == "closed") == closed

    asyncio.run(story())


async def test_only_the_holder_gives_back_and_learns_nothing_of_others_grants() -> None:
    office = Office()
    name = await office.granted()
    assert await office.give_back(name, "per:other") == "DG-USE-050"
    assert await office.give_back("use:nothing") == "DG-USE-050"
    assert await office.give_back(name, usage="told 13800138000") == "DG-COL-007"
    assert await office.give_back("x-13800138000") == "DG-COL-007"
    assert office.stores.grants[name].returned_at is None


@pytest.mark.parametrize("failing", ["return", "returned", "give back", "given back", "swap", "swapped"])
async def test_a_return_that_a_crash_cut_short_is_finished_by_its_redelivery(failing: str) -> None:
    down = [False]

    async def gate(where: str) -> None:
        if down[0] and where == failing:
            raise TimeoutError

    office = Office(gate=gate)
    name = await office.granted()
    command = GiveBack(id=str(uuid.uuid4()), type="give_back", grant=name, usage="read")
    down[0] = True
    with pytest.raises(TimeoutError):
        await office.send(command, "per:reader")
    down[0] = False
    office.time += 9
    again = [await office.send(command, "per:reader") for _ in range(2)]
    assert [outcome.result.status for outcome in again] == ["accepted", "accepted"]
    (event,) = again[0].facts
    assert (event.action, event.verb, event.grant, event.reader) == ("use", "give_back", name, "per:reader")
    assert standing(office, name) == "closed"
    assert office.stores.grants[name].returned_at is not None


@pytest.mark.clause("USE-11")
async def test_who_does_not_give_back_gets_no_more() -> None:
    office = Office()
    name = await office.granted()
    office.time = NOW + 86_399
    assert (await office.apply())[1] is None
    office.time = NOW + 86_400
    assert standing(office, name, office.time) == "overdue"
    assert (await office.apply())[1] == "DG-USE-016"
    assert (await office.apply("per:steward"))[1] is None  # it is the borrower's own
    assert await office.give_back(name) is None
    assert (await office.apply())[1] is None
    lenient = Office(rules_with(use={"refuse_while_overdue": False}))
    await lenient.granted()
    lenient.time = NOW + 90_000
    assert (await lenient.apply())[1] is None


async def test_how_far_an_application_is() -> None:
    office = Office(rules_with(use={"return_days": 2}))
    soon = {"not_before": moment(NOW + 100), "not_after": moment(NOW + 1000)}
    waiting, _ = await office.apply()
    assert standing(office, f"use:{waiting}") == "applied"
    assert standing(office, f"use:{waiting}", NOW + 86_400) == "expired"
    assert await office.endorse(waiting, "per:manager") is None
    assert standing(office, f"use:{waiting}") == "endorsed"
    assert await office.endorse(waiting, "per:head", "reject-use") is None
    assert standing(office, f"use:{waiting}") == "rejected"
    name = await office.granted(**soon)
    expected = {99: "granted", 100: "in use", 1000: "to give back", 1000 + 2 * 86_400: "overdue"}
    assert {after: standing(office, name, NOW + after) for after in expected} == expected
    await office.desk._grants.recall(name, at=NOW)
    assert standing(office, name, NOW + 100) == "recalled"
