"""A record's whole history, and the review of who read without a valid application. Pure, and over an export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ops.audit_history import history
from ops.audit_review import TOLERANCE_MS, Attempt, review
from ops.audited import stored_digest
from ops.cli import build
from ops.detect.seen import Seen
from ops.detect.source import ordered
from schemas.audit import Fact
from schemas.principals import Grant
from store.principals import grant_document
from tests.ops.detect_events import DAY, HOUR, MORNING, event
from tests.streams.audit_records import Archive, write

HELD = Grant("grant-1", "desk-1", frozenset({"rec-1", "rec-2"}), frozenset({"name", "mobile"}), frozenset(),
             "service", MORNING // 1000 - 3600, MORNING // 1000 + 86400)  # fmt: skip
GIVEN: dict[str, Any] = {
    "action": "grant", "verb": "give", "actor": "ops:1", "reader": "desk-1", "record": "", "grant": "grant-1",
    "fields": ("mobile", "name"), "digest": stored_digest(grant_document(HELD)),
}  # fmt: skip
GIVE = event("g", MORNING - HOUR, **GIVEN)
RECALL = event("r", MORNING + HOUR, action="recall", verb="recall", actor="ops:1", grant="grant-1", record="")
BACK = event("b", MORNING + HOUR, action="use", verb="give_back", actor="desk-1", grant="grant-1", record="")
READ: dict[str, Any] = {"grant": "grant-1", "fields": ("name",)}


def reasons(*events: Seen, grant: Grant | None = HELD) -> list[str]:
    held = {} if grant is None else {grant.id: grant}
    return [reason for _, reason in review(ordered(events), 0, held).misreads]


@pytest.mark.clause("AUD-08")
def test_reads_under_a_valid_grant_are_no_finding() -> None:
    reads = [event(f"e-{at}", MORNING + at, **READ) for at in range(9)]
    done = review(ordered([GIVE, RECALL, *reads]), 0, {"grant-1": HELD})
    assert (done.reads, done.misreads) == (9, [])


@pytest.mark.clause("AUD-08")
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"grant": ""}, "it names no grant"),
        ({"grant": "grant-9"}, "nobody was seen to give this grant"),
        ({"actor": "desk-2"}, "the grant was given to somebody else"),
        ({"purpose": "marketing"}, "the grant is for another purpose"),
        ({"fields": ("name", "id_number")}, "fields outside the grant"),
        ({"record": "rec-3"}, "a record outside the grant"),
        ({"at_ms": MORNING + HOUR + TOLERANCE_MS + 1}, "the grant was recalled or given back before"),
    ],
)
def test_a_read_outside_its_application_is_listed_with_the_reason(said: dict[str, Any], reason: str) -> None:
    at_ms = said.pop("at_ms", MORNING)
    assert reasons(GIVE, RECALL, event("e", at_ms, **{**READ, **said})) == [reason]


@pytest.mark.clause("AUD-08")
def test_a_read_after_the_return_is_listed_whatever_the_database_says_of_it() -> None:
    late = event("e", MORNING + HOUR + TOLERANCE_MS + 1, **READ)
    assert reasons(GIVE, BACK, late) == ["the grant was recalled or given back before"]


@pytest.mark.clause("AUD-08", "SHR-03")
def test_what_was_delivered_under_a_share_is_a_read_under_its_application() -> None:
    asked = event("s", MORNING - HOUR, action="share", verb="apply", grant="share:1", record="")
    sent = event("e", MORNING, action="access", verb="deliver", grant="share:1")
    assert reasons(asked, sent) == []
    assert reasons(sent) == ["nobody was seen to apply for this share"]


@pytest.mark.clause("AUD-08")
def test_what_only_the_database_can_tell_is_compared() -> None:
    read = event("e", **READ)
    assert reasons(GIVE, read, grant=None) == ["the grant is not in the database"]
    wider = replace(HELD, records=frozenset({"*"}))
    assert reasons(GIVE, read, grant=wider) == ["the grant in the database is not the one that was given"]
    recalled = replace(HELD, recalled_at=MORNING // 1000 + 99)
    assert reasons(GIVE, read, grant=recalled) == []  # to recall is no forgery
    late = event("e", MORNING + DAY, **READ)
    assert reasons(GIVE, late) == ["the grant was not valid then"]
    assert review([GIVE, late], 0).misreads == []  # the stream alone does not tell until when


def test_a_grant_given_after_the_read_does_not_cover_it() -> None:
    read = event("e", MORNING - 2 * HOUR, **READ)
    assert reasons(GIVE, read) == ["the grant was given afterwards"]


def test_refused_reads_are_counted_as_attempts_and_old_ones_left_out() -> None:
    refused = [event(f"e-{at}", MORNING + at, allowed=False, code="DG-ACC-001") for at in range(5)]
    done = review([GIVE, *refused], MORNING + 2)
    assert done.attempts == {Attempt("desk-1", "DG-ACC-001"): 3}
    assert done.misreads == []


@pytest.mark.clause("AUD-08")
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.sampled_from(["desk-1", "desk-2"]), st.sampled_from(["service", "marketing"]),
            st.sets(st.sampled_from(["name", "mobile", "id_number"])), st.sampled_from(["rec-1", "rec-3"]),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_no_read_outside_the_grant_is_ever_passed_over(reads: list[tuple[int, str, str, set[str], str]]) -> None:
    events = [GIVE]
    bad = set()
    for number, (minutes, actor, purpose, fields, record) in enumerate(reads):
        said = {**READ, "actor": actor, "purpose": purpose, "fields": tuple(fields), "record": record}
        events.append(event(f"e-{number}", MORNING + minutes * 60_000, **said))
        if actor != "desk-1" or purpose != "service" or "id_number" in fields or record != "rec-1":
            bad.add(f"e-{number}")
    done = review(ordered(events), 0, {"grant-1": HELD})
    assert {one.uid for one, _ in done.misreads} == bad


LIFE = [
    GIVE,
    event("1", MORNING, action="collect", version=1, approvers=("market-1", "sales-1"), actor="clerk-1"),
    event("2", MORNING + 1, action="intake", verb="hand_over", actor="clerk-1", approvers=("keeper-1",)),
    event("3", MORNING + 2, action="collect", verb="link", actor="keeper-1"),
    event("4", MORNING + 3, **READ),
    event("4", MORNING + 3, **READ),
    event("5", MORNING + 4, record="rec-2", **READ),
    event("6", MORNING + 5, action="update", actor="clerk-2", version=2, approvers=("director-1",)),
    event("7", MORNING + 6, allowed=False, code="DG-ACC-001", actor="desk-9", grant="grant-9"),
    event("8", MORNING + 7, action="destroy", actor="keeper-1", approvers=("head-1", "head-2")),
]


@pytest.mark.clause("AUD-02")
def test_the_history_of_a_record_names_handler_and_approver_of_every_step() -> None:
    steps = history("rec-1", ordered(LIFE))
    assert [(step.stage, step.event.actor, step.approvers) for step in steps] == [
        ("collection", "clerk-1", ("market-1", "sales-1")),
        ("collection", "clerk-1", ("keeper-1",)),
        ("arrangement", "keeper-1", ()),
        ("access", "desk-1", ("ops:1",)),  # who gave the grant
        ("change", "clerk-2", ("director-1",)),
        ("access", "desk-9", ()),
        ("destruction", "keeper-1", ("head-1", "head-2")),
    ]
    assert history("rec-3", LIFE) == []


@pytest.mark.clause("AUD-02")
@given(st.permutations(LIFE), st.sampled_from(["rec-1", "rec-2"]))
def test_no_step_of_a_record_is_ever_left_out(events: list[Seen], record: str) -> None:
    steps = history(record, ordered(events))
    assert {step.event.uid for step in steps} == {one.uid for one in LIFE if one.record == record}
    assert [step.event.at_ms for step in steps] == sorted(step.event.at_ms for step in steps)


def facts() -> list[Fact]:
    return [
        Fact("c-1", "grant", True, None, "ops:1", MORNING - HOUR, grant="grant-1", reader="desk-1", verb="give",
             fields=("name",), purpose="service"),
        Fact("c-2", "collect", True, None, "clerk-1", MORNING, record="rec-1", version=1, approvers=("head-1",)),
        Fact("c-3", "access", True, None, "desk-1", MORNING + 1, record="rec-1", grant="grant-1", fields=("name",),
             purpose="service"),
        Fact("c-4", "access", True, None, "desk-2", MORNING + 2, record="rec-1", grant="grant-1", fields=("name",),
             purpose="service"),
    ]  # fmt: skip


@pytest.mark.clause("AUD-02", "AUD-08")
def test_the_commands_read_an_export(tmp_path: Path) -> None:
    export = tmp_path / "audit.ndjson"
    export.write_bytes(b"\n".join(write(Archive().writer(), [facts()]).values))
    run = CliRunner().invoke

    told = run(build("audit"), ["audit", "history", "rec-1", "--in", str(export), "--json"])
    steps = orjson.loads(told.stdout)["steps"]
    assert [(step["handler"], step["approvers"]) for step in steps] == [
        ("clerk-1", ["head-1"]), ("desk-1", ["ops:1"]), ("desk-2", ["ops:1"]),
    ]  # fmt: skip
    shown = run(build("audit"), ["audit", "history", "rec-1", "--in", str(export)])
    assert "3 steps" in shown.output

    found = run(build("audit"), ["audit", "review", "--in", str(export), "--since", "start", "--json"])
    assert found.exit_code == 1
    (misread,) = orjson.loads(found.stdout)["without_valid_application"]
    assert (misread["actor"], misread["reason"]) == ("desk-2", "the grant was given to somebody else")
    shown = run(build("audit"), ["audit", "review", "--in", str(export), "--since", "start"])
    assert shown.exit_code == 1
    assert "desk-2" in shown.output
