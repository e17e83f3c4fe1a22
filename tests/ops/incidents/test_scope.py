"""Scope and notices: every read that an incident is about is found, no other, and each once."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.detect.seen import Seen
from ops.doctor.rules import examine_incidents
from ops.incidents.closing import report_of
from ops.incidents.handling import is_frozen
from ops.incidents.notices import due_at, line_of, notice_reference
from ops.incidents.scope import Line, Question, digest_of_scope, question, scope, summed
from ops.reports import as_json, rendered
from schemas.errors import Refusal
from schemas.incidents import INCIDENTS, NOTICES
from schemas.registers import Entry
from schemas.settings import Settings
from store.freezes import Freeze
from tests.consumers.samples import NOW, principal

RECORDS, READERS = ["rec-1", "rec-2", "rec-3"], ["per:a-1", "per:b-2", "per:c-3"]


def entry(**said: Any) -> Entry:
    first = {"certainty": "known", "digest": "9f" * 32, **said}
    return INCIDENTS.begin("inc-0a1b2c3d4e", "leak", first, by="per:reporter-1", at=NOW)


EVENTS = st.builds(
    lambda at, allowed, action, actor, record: Seen(
        f"{at}-{actor}-{record}-{action}-{allowed}", at, allowed, action, "", actor, record, f"of-{record}" if record else "",
        "grant-1", "", "account_service", "basic", "", ("city",),
    ),
    st.integers(0, 100), st.booleans(), st.sampled_from(["access", "query", "update", "grant"]),
    st.sampled_from(READERS), st.sampled_from([*RECORDS, ""]),
)  # fmt: skip


@pytest.mark.clause("SEC-11")
@given(
    st.lists(EVENTS, max_size=30),
    st.frozensets(st.sampled_from(RECORDS)),
    st.frozensets(st.sampled_from(READERS)),
    st.integers(0, 50),
    st.integers(50, 100),
    st.randoms(),
)
def test_a_scope_holds_each_answered_read_that_it_is_about_once(
    events: list[Seen], records: frozenset[str], readers: frozenset[str], since: int, until: int, rng: random.Random
) -> None:
    lines = scope([*events, *events], Question(records, readers, since, until))
    about: dict[tuple[str, str], set[str]] = {}
    for event in events:  # a second, slower way to say it
        wanted = not (records or readers) or event.record in records or event.actor in readers
        if event.allowed and event.action in ("access", "query") and event.record and since <= event.at_ms <= until and wanted:  # fmt: skip
            about.setdefault((event.actor, event.record), set()).add(event.uid)
    assert {(line.reader, line.record): line.reads for line in lines} == {key: len(ids) for key, ids in about.items()}
    assert all(line.subject == f"of-{line.record}" for line in lines)
    assert summed(lines)["reads"] == sum(map(len, about.values()))
    shuffled = rng.sample(events, len(events))
    assert digest_of_scope(scope(shuffled, Question(records, readers, since, until))) == digest_of_scope(lines)


def test_an_incident_asks_about_all_that_it_ever_named() -> None:
    opened = entry(records=("rec-1",), departments=("leasing",))
    frozen = {"command": "c-1", "records": ("rec-2",), "principals": ("per:b-2",)}
    after = INCIDENTS.follow(opened, "freeze", frozen, by="per:officer-1", at=NOW + 1)
    everybody = [principal("per:c-3", department="leasing"), principal("per:d-4")]
    asked = question(after, everybody, since_ms=None, until_ms=1, readers=("per:x-9",))
    assert asked.records == {"rec-1", "rec-2"}
    assert asked.readers == {"per:b-2", "per:c-3", "per:x-9"}


@pytest.mark.clause("SEC-10", "SEC-11")
def test_no_step_is_left_out_and_the_reporter_does_not_close() -> None:
    opened = entry()
    with pytest.raises(Refusal):
        INCIDENTS.follow(opened, "close", {"report": "0"}, by="per:officer-1", at=NOW)
    with pytest.raises(Refusal):
        INCIDENTS.follow(opened, "scope", {"reads": 0, "digest": "0"}, by="per:officer-1", at=NOW)
    taken = INCIDENTS.follow(opened, "take", {}, by="per:officer-1", at=NOW)
    mended = INCIDENTS.follow(taken, "rectify", {"measure": "m", "evidence": "e"}, by="per:officer-1", at=NOW)
    with pytest.raises(Refusal) as refusal:
        INCIDENTS.follow(mended, "close", {"report": "0"}, by="per:reporter-1", at=NOW)
    assert refusal.value.code == "DG-REG-004"
    assert INCIDENTS.follow(mended, "close", {"report": "0"}, by="per:officer-1", at=NOW).state == "closed"


def test_a_notice_is_overdue_until_it_is_told() -> None:
    due = due_at(entry(), 24)
    assert due == "2027-01-16T08:00:00+00:00"
    reference = notice_reference("inc-1", "of-rec-1")
    owed = NOTICES.begin(reference, "customer", {"incident": "inc-1", "to": "of-rec-1", "due": due}, by="o", at=NOW)
    assert [line_of(owed, now=NOW + 3600 * hours)["overdue"] for hours in (23, 25)] == ["", "yes"]
    told = NOTICES.follow(owed, "tell", {"manner": "letter", "evidence": "letter-1"}, by="o", at=NOW)
    assert line_of(told, now=NOW + 10**6)["overdue"] == ""


@given(st.sampled_from(["record", "principal", "department"]), st.sampled_from(["per:a-1", "retail", "leasing"]))
def test_whoever_is_frozen_is_known(kind: Any, target: str) -> None:
    who = principal("per:a-1", department="retail")
    frozen = [Freeze("c", "inc-1", kind, target, "o", NOW)]
    assert is_frozen(who, frozen) == ((kind, target) in {("principal", "per:a-1"), ("department", "retail")})


@pytest.mark.clause("SEC-11")
@pytest.mark.parametrize("plan", [True, False])
def test_the_report_says_all_in_both_languages(plan: bool) -> None:
    said = {"plan": "plan-7", "plan_version": "3"} if plan else {}
    lines = [Line("per:a-1", "rec-1", "of-rec-1", 2, NOW * 1000, NOW * 1000, {"city"}, {"grant-1"})]
    due = due_at(entry(), 24)
    owed = NOTICES.begin("ntc-1", "authority", {"incident": "inc-1", "to": "csrc-1", "due": due}, by="o", at=NOW)
    report = report_of(entry(**said, responsible=("per:o-1",)), lines, [owed], now=NOW)
    text = as_json(report).decode()
    assert all(each in text for each in ("inc-0a1b2c3d4e", "per:a-1", "rec-1", "csrc-1", "per:reporter-1"))
    for language, absent in (("en", "None was on file"), ("zh-CN", "没有备案的预案")):
        page = rendered(replace(report, language=language), "html").decode()  # type: ignore[arg-type]
        assert (absent in page, "plan-7" in page) == (not plan, plan)


@pytest.mark.clause("SEC-11")
def test_the_doctor_misses_a_plan() -> None:
    (strict,) = examine_incidents(Settings(profile=""))
    (trial,) = examine_incidents(Settings(profile="trial"))
    assert (strict.verdict, trial.verdict) == ("wrong", "ok")
    assert "incident.plan" in strict.mend
