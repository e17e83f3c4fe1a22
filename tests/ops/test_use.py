"""What the archive department sees of use: late, borrowed, not consulted; no grant without an application."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ops.cli import build
from ops.detect.seen import Seen
from ops.use.applications import Seen as Shown
from ops.use.consulted import not_consulted
from ops.use.late import fact_of, late_of, unsigned
from ops.use.register import entries
from schemas.audit import event_id
from schemas.errors import DanganError
from store.applications import Application
from store.contracts import Contract
from store.use_returns import Returned
from tests.consumers.samples import NOW, grant
from tests.simulators.using import Office, rules_with

DAY = 86_400


async def granted(**changes: Any) -> tuple[Office, Application]:
    office = Office()
    name = await office.granted(**changes)
    return office, office.stores.applications[name.removeprefix("use:")]


@pytest.mark.clause("USE-10", "USE-11")
async def test_a_use_ends_and_then_is_overdue() -> None:
    _, application = await granted()

    def told(after: int, days: int) -> list[str]:
        book = rules_with(use={"return_days": days}).book
        return [one.what for one in late_of(application, book, now=NOW + after)]

    assert told(DAY - 1, 0) == []
    assert told(DAY, 0) == ["expire", "overdue"]  # the strictest: at once
    assert told(DAY, 2) == ["expire"]
    assert told(3 * DAY, 2) == ["expire", "overdue"]
    returned = replace(application, state="returned")
    assert [one.what for one in late_of(returned, rules_with().book, now=NOW + DAY)] == ["expire"]


@pytest.mark.clause("USE-11")
async def test_each_is_told_under_one_id_for_ever_and_names_nobody_who_looked() -> None:
    _, application = await granted()
    every = late_of(application, rules_with().book, now=NOW + DAY)
    ids = {event_id(fact_of(one, now=NOW + DAY + later)) for one in every for later in (0, 9)}
    assert len(ids) == len(every) == 2
    assert {fact_of(one, now=NOW).reader for one in every} == {"per:reader"}


async def test_an_emergency_without_its_signatures_is_an_incident() -> None:
    office = Office()
    name, _ = await office.apply("per:duty", emergency=True)
    application = office.stores.applications[name]
    assert unsigned(application, now=NOW + DAY - 1) == []
    (one,) = unsigned(application, now=NOW + DAY)
    assert (one.what, one.due) == ("unsigned_emergency", NOW + DAY)
    assert await office.endorse(name, "per:dept") is None
    assert unsigned(office.stores.applications[name], now=NOW + DAY)  # one is not two
    assert await office.endorse(name, "per:gm") is None
    assert unsigned(office.stores.applications[name], now=NOW + DAY) == []
    _, ordinary = await granted()
    assert unsigned(ordinary, now=NOW + 99 * DAY) == []


@pytest.mark.clause("USE-12")
async def test_the_register_has_borrower_records_purpose_time_out_and_in() -> None:
    office, application = await granted()
    held = office.stores.grants[application.grant]
    (loan,) = entries([held], {held.id: application}, {}, return_days=0, now=NOW)
    assert (loan.borrower, loan.records, loan.purpose) == ("per:reader", ("rec-0001",), "account_service")
    assert (loan.out, loan.back, loan.standing) == (NOW, None, "in use")
    assert loan.approved_by == ("per:manager", "per:head")
    assert await office.give_back(held.id, usage="read once") is None
    back = office.stores.grants[held.id]
    closed = office.stores.applications[application.id]
    (loan,) = entries([back], {held.id: closed}, office.stores.returns, return_days=0, now=NOW)
    assert (loan.back, loan.usage, loan.standing) == (NOW, "read once", "closed")


@pytest.mark.clause("USE-12")
def test_a_grant_without_an_application_is_in_the_register_too() -> None:
    given_back = replace(grant("per:x"), id="g-2", returned_at=NOW, selection=frozenset({("building", "b-07")}))
    said = {"g-2": Returned("g-2", "per:x", "c", NOW * 1000, NOW * 1000, "counted", 2, 1, 0)}
    lines = entries([grant("per:x"), given_back], {}, said, return_days=0, now=NOW)
    assert [(line.grant, line.standing, line.copies) for line in lines] == [
        ("g-2", "closed", 1),
        ("grant-1", "in use", 0),
    ]
    assert lines[0].records == ("building=b-07",)


def read(actor: str, subject: str, at_ms: int, *, allowed: bool = True, action: str = "access") -> Seen:
    texts: dict[str, Any] = dict.fromkeys(("verb", "record", "grant", "reader", "purpose", "level", "code"), "")
    return Seen(uid="e", at_ms=at_ms, allowed=allowed, action=action, actor=actor, subject=subject, fields=(), **texts)


@pytest.mark.clause("USE-16")
def test_a_contract_is_listed_unless_its_own_staff_read_the_archive_before() -> None:
    contract = Contract("contract-1", "sub-1", "per:a", 1000)
    assert not_consulted([contract], []) == [contract]
    assert not_consulted([contract], [read("per:a", "sub-1", 999)]) == []
    for other in (
        read("per:a", "sub-1", 1000),
        read("per:b", "sub-1", 999),
        read("per:a", "sub-2", 999),
        read("per:a", "sub-1", 999, allowed=False),
        read("per:a", "sub-1", 999, action="collect"),
    ):
        assert not_consulted([contract], [other]) == [contract]


@pytest.mark.clause("USE-16")
@given(
    at=st.integers(0, 9),
    reads=st.lists(
        st.tuples(
            st.sampled_from(["per:a", "per:b"]), st.sampled_from(["sub-1", "sub-2"]), st.integers(0, 9), st.booleans()
        )
    ),
)
def test_never_missed_and_never_listed_wrongly(at: int, reads: list[tuple[str, str, int, bool]]) -> None:
    contract = Contract("contract-1", "sub-1", "per:a", at)
    events = [read(who, of, when, allowed=allowed) for who, of, when, allowed in reads]
    consulted = any((who, of, allowed) == ("per:a", "sub-1", True) and when < at for who, of, when, allowed in reads)
    assert bool(not_consulted([contract], events)) == (not consulted)


@pytest.mark.clause("USE-01", "SEC-04")
def test_no_grant_is_given_without_an_application_unless_the_rule_book_allows_it(tmp_path: Path) -> None:
    words = ["admin", "grant", "add", "g-1", "--principal", "per:x", "--purpose", "account_service", "--record", "*"]
    result = CliRunner().invoke(build(words[0]), [*words, "--field", "city", "--home", str(tmp_path)])
    assert isinstance(result.exception, DanganError)
    assert result.exception.code == "DG-USE-021"


async def test_what_is_shown_of_an_application_holds_no_signature() -> None:
    _, application = await granted()
    shown = str(Shown(application, "in use").as_dict())
    assert application.steps[0].token not in shown
    assert "per:manager" in shown
