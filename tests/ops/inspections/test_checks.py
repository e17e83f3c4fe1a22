"""The rules of the other checks, without any server: doors, deadlines, copies, terms, what is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.cipher import FieldCipher
from ops.inspections import evaluation, schedule, secrecy
from ops.inspections.doors import read_door_log, without_application
from ops.inspections.integrity import clear_findings, record_findings
from ops.inspections.rectify import MAX_OPENED, _problems, line_of
from ops.inspections.timeliness import Departments, judge_handed_over
from ops.intakes import hand_over_due
from ops.rules import load_rules
from ops.use.register import Loan
from schemas.custody import MEDIA
from schemas.errors import DanganError, Refusal
from schemas.inspections import EVALUATIONS, RECTIFICATIONS, SAMPLES, TERMS
from schemas.levels import Level
from schemas.principals import Grant
from store.inspections import Finding, Run
from store.intakes import Filed
from store.record import Record

RULES = load_rules()
DAY = 86_400
NOON = int(datetime(2026, 7, 1, 4, tzinfo=UTC).timestamp())
GRANT = Grant(
    "g-1", "p:1", frozenset("*"), frozenset("*"), frozenset(), "account_service", not_before=NOON, not_after=NOON + DAY
)


def at(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, 4, tzinfo=UTC).timestamp())


def log_of(tmp_path: Path, *rows: str) -> Path:
    file = tmp_path / "door.csv"
    file.write_text("\n".join(["at,person,door,grant", *rows, ""]))
    return file


@pytest.mark.clause("AUD-08")
@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("2026-07-01T12:30:00+08:00,p:1,room-1,g-1", 0),
        ("2026-07-01T11:30:00+08:00,p:1,room-1,g-1", 1),
        ("2026-07-02T12:30:00+08:00,p:1,room-1,g-1", 1),
        ("2026-07-01T12:30:00+08:00,p:2,room-1,g-1", 1),
        ("2026-07-01T12:30:00+08:00,p:1,room-1,g-9", 1),
        ("2026-07-01T12:30:00+08:00,p:1,room-1,", 1),
        ("2026-07-01T12:30:00+08:00,p:keeper,room-1,", 0),
    ],
)
def test_who_enters_has_an_application_or_the_post(tmp_path: Path, row: str, found: int) -> None:
    log = read_door_log(log_of(tmp_path, row))
    assert len(list(without_application(log, {"g-1": GRANT}, {"p:keeper"}))) == found
    recalled = replace(GRANT, recalled_at=NOON)
    if "g-1" in row:
        assert list(without_application(log, {"g-1": recalled}, {"p:keeper"}))


@pytest.mark.parametrize("row", ["today,p:1,room-1,", "2026-07-01T12:30:00+08:00,13800138000,r-1,", ",,,"])
def test_a_door_log_that_cannot_be_is_refused_without_its_words(tmp_path: Path, row: str) -> None:
    with pytest.raises(DanganError, match="DG-INS-020") as refused:
        read_door_log(log_of(tmp_path, row))
    assert "13800138000" not in str(refused.value)
    assert "line 2" in str(refused.value)


def filed(record: str, sender: str, day: str) -> Filed:
    return Filed(record, "sub", "archived", 1, sender, Level.BASIC, 0, frozenset(), {"happened_at": day})


@pytest.mark.clause("AUD-09")
def test_late_is_more_than_ten_working_days() -> None:
    one = filed("rec-1", "sys:a", "2026-03-02T10:00:00+08:00")  # a Monday; no holiday until April
    assert hand_over_due(one, RULES.book) == date(2026, 3, 16)
    counted, of = Departments(), {"sys:a": "retail"}
    for day, late in ((16, 0), (17, 1)):
        assert len(judge_handed_over([one], {"rec-1": at(2026, 3, day)}, of, RULES.book, counted)) == late
    assert (counted.in_time["retail"], counted.late["retail"], counted.names) == (1, 1, ["retail"])


def loan(**changes: Any) -> Loan:
    made = Loan("g-1", "p:1", ("*",), "service", (), NOON, NOON + DAY, None, "", 0, "in use")
    return replace(made, **changes)


@pytest.mark.clause("AUD-13")
def test_current_uses_and_copies_are_listed_and_what_is_wrong_with_them() -> None:
    assert secrecy.is_current(loan(), NOON)
    assert not secrecy.is_current(loan(out=NOON + 5), NOON)
    assert not secrecy.is_current(loan(back=NOON), NOON)
    assert secrecy.is_current(loan(back=NOON, copies=1), NOON)
    assert not list(secrecy.use_findings([loan()], NOON))
    assert [e.kind for e in secrecy.use_findings([loan(copies=2)], NOON + DAY)] == [
        "use-not-given-back", "copies-outstanding"
    ]  # fmt: skip
    parts: dict[str, Any] = {"location": "x-1", "responsible": "p:1", "condition": "intact"}
    copy = MEDIA.begin("c-1", "copy", parts, by="p:2", at=1)
    assert [e.kind for e in secrecy.copy_findings([copy], date(2026, 7, 1))] == ["copy-not-encrypted"]
    lent = MEDIA.follow(copy, "lend", {"borrower": "p:3", "due": "2026-06-30", "purpose": "x"}, by="p:2", at=2)
    assert "copy-overdue" in [e.kind for e in secrecy.copy_findings([lent], date(2026, 7, 1))]


@pytest.mark.clause("AUD-14")
def test_other_terms_than_cash_take_another_persons_signature() -> None:
    credit = TERMS.begin("cust-1", "customer", {"terms": "credit"}, by="p:1", at=NOON)
    assert [e.about for e in evaluation.not_signed([credit])] == ["cust-1"]
    assert not list(evaluation.not_signed([TERMS.begin("cust-2", "customer", {"terms": "cash"}, by="p:1", at=1)]))
    with pytest.raises(Refusal, match="DG-REG-004"):
        TERMS.follow(credit, "sign_off", {"document": "d-1"}, by="p:1", at=NOON)
    signed = TERMS.follow(credit, "sign_off", {"document": "d-1"}, by="p:2", at=NOON)
    assert not list(evaluation.not_signed([signed]))
    changed = TERMS.follow(signed, "change", {"terms": "instalments"}, by="p:1", at=NOON)
    assert list(evaluation.not_signed([changed])), "new terms take a new signature"
    made = EVALUATIONS.begin("e-1", "evaluation", {"customer": "c", "result": "b", "on": "2026-07-01"}, by="p", at=NOON)
    assert not list(evaluation.not_passed_on([made], days=3, now=NOON + 3 * DAY - 1))
    assert list(evaluation.not_passed_on([made], days=3, now=NOON + 3 * DAY))
    passed = EVALUATIONS.follow(made, "pass_on", {"manager": "p:9"}, by="p", at=NOON)
    assert not list(evaluation.not_passed_on([passed], days=3, now=NOON + 9 * DAY))


def state_of(what: str, done: dict[str, int], now: int, began: int = at(2024, 5, 1)) -> str:
    (duty,) = [each for each in schedule.duties(done, RULES.book, began=began) if each.what == what]
    return duty.state(datetime.fromtimestamp(now, UTC).date())


@pytest.mark.clause("AUD-03", "AUD-06", "AUD-07", "AUD-08", "AUD-09", "AUD-11", "AUD-13")
@pytest.mark.parametrize(("what", "months"), sorted(schedule.periods(RULES.book).items()))
def test_what_was_not_done_for_a_period_is_overdue(what: str, months: int) -> None:
    done = {what: at(2026, 1, 15)}
    year, month = divmod(2026 * 12 + months, 12)
    assert state_of(what, done, at(year, month + 1, 15)) == "due soon"
    assert state_of(what, done, at(year, month + 1, 16)) == "overdue"
    assert state_of(what, {}, at(2026, 1, 1)) == "overdue", "never done"


@pytest.mark.clause("AUD-04")
@pytest.mark.parametrize(
    ("last", "now", "state"),
    [
        (at(2025, 1, 10), at(2026, 1, 31), "due soon"),
        (at(2025, 1, 10), at(2026, 2, 1), "overdue"),
        (at(2025, 12, 30), at(2026, 2, 1), "overdue"),  # late in the year before is not this year's
        (at(2026, 1, 2), at(2026, 12, 1), "in time"),
        (at(2023, 1, 2), at(2026, 1, 2), "overdue"),  # the years between were never checked
        (0, at(2025, 1, 20), "due soon"),  # begun in May 2024: first checked in January 2025
        (0, at(2025, 2, 1), "overdue"),
    ],
)
def test_every_year_has_its_full_check_in_january(last: int, now: int, state: str) -> None:
    done = {"full_check": last} if last else {}
    assert state_of("full_check", {**done, "inventory": now}, now) == state, "an inventory does not replace it"


@pytest.mark.clause("AUD-10")
def test_a_notice_is_closed_by_another_than_who_answered_and_only_after_an_answer() -> None:
    said = {"owner": "p:7", "due": "2026-07-10", "problem": "x"}
    notice = RECTIFICATIONS.begin("n-1", "notice", said, by="p:1", at=NOON)
    with pytest.raises(Refusal, match="DG-REG-002"):
        RECTIFICATIONS.follow(notice, "close", {"confirmed": "d"}, by="p:1", at=NOON)
    for missing in said:
        with pytest.raises(Refusal, match="DG-REG-003"):
            RECTIFICATIONS.begin("n", "notice", {k: v for k, v in said.items() if k != missing}, by="p:1", at=NOON)
    answered = RECTIFICATIONS.follow(notice, "answer", {"result": "done"}, by="p:7", at=NOON)
    with pytest.raises(Refusal, match="DG-REG-004"):
        RECTIFICATIONS.follow(answered, "close", {"confirmed": "d"}, by="p:7", at=NOON)
    closed = RECTIFICATIONS.follow(answered, "close", {"confirmed": "d"}, by="p:1", at=NOON)
    assert RECTIFICATIONS.is_over(closed)
    assert line_of(notice, date(2026, 7, 13))["days over"] == "3"
    assert line_of(closed, date(2026, 7, 13))["days over"] == ""


@pytest.mark.clause("AUD-07")
def test_nothing_is_drawn_twice() -> None:
    said = {"seed": "s", "population": 1, "size": 1, "sha256": "x"}
    sample = SAMPLES.begin("s-1", "sample", {"commitment": "c", "share": 10}, by="p:1", at=1)
    drawn = SAMPLES.follow(sample, "draw", said, by="p:1", at=2)
    with pytest.raises(Refusal, match="DG-REG-002"):
        SAMPLES.follow(drawn, "draw", {**said, "seed": "t"}, by="p:1", at=3)


@pytest.mark.clause("AUD-10")
@given(st.lists(st.sampled_from("abc"), max_size=300))
def test_every_finding_leads_to_a_notice(words: list[str]) -> None:
    findings = tuple(Finding(word, f"rec-{number}") for number, word in enumerate(words))
    total = {word: words.count(word) for word in set(words)}
    made = _problems(Run("run-1", "inventory", 0, 1, "p:1", 1, {}, findings, total))
    if len(words) <= MAX_OPENED:
        assert made == [(each.kind, each.about) for each in findings]
    else:
        assert made == [(f"{word}: {count} findings", "run-1") for word, count in sorted(total.items())]


KEY = bytes(32)
SEALED = FieldCipher(KEY, "rec-1", Level.BASIC).seal("city", 1, b'"x"')
CITY = RULES.catalogue.fields["city"].level


def record(**changes: Any) -> Record:
    cipher = FieldCipher(KEY, "rec-1", CITY)
    parts: dict[str, Any] = {
        "id": "rec-1", "subject": "s", "version": 1, "level": CITY, "cohort": "c", "purpose": "p", "legal_basis": "b",
        "fields": {"city": cipher.seal("city", 1, '"苏州"'.encode())}, "keys": {}, "command": "c", "sender": "s",
        "ingest_keys": (), "at_ms": 1, **changes,
    }  # fmt: skip
    return Record(**parts)


def found_in(one: Record, deks: Any = None) -> list[tuple[str, str]]:
    return [(each.kind, each.detail) for each in record_findings(one, deks or {CITY: KEY}, RULES)]


@pytest.mark.clause("AUD-06")
def test_a_record_must_open_where_it_stands_and_be_complete() -> None:
    assert found_in(record()) == []
    assert found_in(record(), {CITY: bytes([1] * 32)}) == [("does-not-open", "city")]
    assert found_in(record(id="rec-2")) == [("does-not-open", "city")], "moved to another record"
    assert found_in(record(), DanganError("DG-KEY-005")) == [("no-key", "DG-KEY-005")]
    other = next(level for level in Level if level is not CITY)
    assert found_in(record(), {other: KEY}) == [("no-key", "city")]
    cipher = FieldCipher(KEY, "rec-1", CITY)
    assert found_in(record(fields={"city": cipher.seal("city", 1, b"[1]")}))[0][0] == "not-valid"
    name, form = next((name, form) for name, form in RULES.forms.forms.items() if form.mandatory)
    missing = {detail for kind, detail in found_in(record(intake={"form": name})) if kind == "field-missing"}
    assert missing == set(form.mandatory) - {"city"}


@pytest.mark.clause("AUD-06")
@given(st.one_of(st.text(max_size=60), st.binary(max_size=28), st.integers(), st.none()))
def test_what_is_no_ciphertext_is_found_and_never_repeated(value: object) -> None:
    doc = {"_id": "rec-1", "fields": {"city": value, "name": SEALED}, "phone": value}
    found = list(clear_findings(doc, RULES.catalogue.fields.keys()))
    assert [(each.kind, each.detail) for each in found] == [("unencrypted", "phone"), ("unencrypted", "city")]
