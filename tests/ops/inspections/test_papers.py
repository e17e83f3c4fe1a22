"""Every inspection has a report in both languages, in words that are all written (AUD-03 to AUD-14)."""

from __future__ import annotations

import ast
import re
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ops.docs.clauses import ROOT
from ops.inspections.paper import counted, found, run_report
from ops.inspections.papers_of_kinds import departments, drawing, duties_report, movements, refusals, uses
from ops.inspections.phrases import PHRASES, phrase
from ops.inspections.schedule import Duty, periods
from ops.inspections.timeliness import Departments
from ops.reports import Report, Section, rendered, told
from ops.reports.words import Say
from ops.rules import load_rules
from ops.use.register import Loan
from schemas.custody import MEDIA
from schemas.inspections import RUN_KINDS, SAMPLES, RunKind
from store.inspections import Finding, Run

NOW = int(datetime(2026, 7, 1, 4, tzinfo=UTC).timestamp())
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
FINDINGS = (
    Finding("booked-not-held", "rec-000017"),
    Finding("index-outdated", "rec-000018", "version 2, not 3"),
    Finding("door-without-application", "person:7", "line 4: no application named"),
    Finding("handed-over-late", "rec-000019", "retail: due 2026-03-16, handed over 2026-03-17"),
)
COUNTS = {
    "opening": 1200, "came-in": 340, "went-out": 25, "expected": 1515, "held": 1514, "key-slots": 4545, "borrowed": 12,
    "refused:DG-ACC-001": 4, "archives-listed": 1514,
}  # fmt: skip


#: Business steps, told as what they are rather than by their word.
STEPS = {"collect", "hand-over", "confirm", "number"}


def run(kind: RunKind) -> Run:
    return Run("5f0c2f1e-run", kind, NOW - 90 * 86_400, NOW, "person:auditor", NOW, COUNTS, FINDINGS,
               Counter(each.kind for each in FINDINGS), 7)  # fmt: skip


def sections(kind: RunKind) -> tuple[Section, ...]:
    line = {
        "code": "P2023-001", "record": "rec-000017", "electronic": "archive site-a site-b", "paper": "box-3",
        "paper location": "room-2/shelf-4", "condition": "intact", "last retrieval": "2026-06-30T08:00:00+00:00",
        "by": "person:teller",
    }  # fmt: skip
    by = Departments(Counter(retail=40, loans=12), Counter(retail=3), Counter(loans=2, retail=5), Counter({"loans": 1}))
    loan = Loan("g-1", "p:1", ("*",), "account_service", (), NOW, NOW + 9, None, "", 1, "in use")
    said = {"location": "x-1", "responsible": "p:1", "condition": "intact"}
    drawn = SAMPLES.begin("s-1", "sample", {"commitment": "ab" * 32, "share": 10}, by="p:1", at=NOW)
    return {
        "inventory": movements(COUNTS, [line]),
        "timeliness": departments(by),
        "secrecy": uses([loan], [MEDIA.begin("c-1", "copy", said, by="p:2", at=1)]),
        "access_review": refusals(COUNTS, "cd" * 32),
        "sample": drawing(drawn),
    }.get(kind, ())


def report_of(kind: RunKind) -> Report:
    return run_report(run(kind), organisation="测试银行", more=sections(kind))


@pytest.mark.clause("AUD-03", "AUD-04", "AUD-06", "AUD-07", "AUD-08", "AUD-09", "AUD-13", "AUD-14")
@pytest.mark.parametrize("kind", RUN_KINDS)
def test_every_inspection_has_a_report_with_its_findings(kind: RunKind) -> None:
    html = rendered(report_of(kind), "html").decode()
    for each in FINDINGS:
        assert each.about in html
        assert told(found(each.kind), "en") in html
    assert "person:auditor" in html
    assert run(kind).digest in html.replace("<wbr>", "")


@pytest.mark.clause("AUD-03")
def test_the_inventory_shows_location_state_last_access_and_the_balance() -> None:
    html = rendered(report_of("inventory"), "html").decode()
    for each in ("room-2/shelf-4", "intact", "2026-06-30 16:00", "site-b", "1,200", "1,514", "-1"):
        assert each in html, each


def test_what_is_due_is_reported_with_every_duty_named() -> None:
    names = [*periods(load_rules().book), "full_check", "drill", "rectification", "backup full"]
    duties = [Duty(name, NOW if number % 2 else 0, date(2026, 6 + number % 3, 20)) for number, name in enumerate(names)]
    html = rendered(duties_report(duties, date(2026, 7, 1), datetime.fromtimestamp(NOW, UTC)), "html").decode()
    assert "overdue" in html
    assert all(_CHINESE.search(told(found("unencrypted"), "zh-CN")) for _ in names)


def literals(*folders: str) -> set[str]:
    """Every kind of finding that the code makes."""
    made = set()
    for folder in folders:
        for path in Path(ROOT / folder).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                    made |= (
                        {c.value for c in ast.walk(node.args[0]) if isinstance(c, ast.Constant)} if node.args else set()
                    )
    return {each for each in made if isinstance(each, str)}


def test_every_kind_of_finding_and_figure_has_its_words() -> None:
    kinds = literals("ops/inspections") - {"DG-KEY"} | {"key-page-missing", "key-slot-missing"}
    assert len(kinds) > 30
    for kind in kinds:
        assert _CHINESE.search(told(found(kind), "zh-CN")), kind
    source = "".join(path.read_text("utf-8") for path in (ROOT / "ops/inspections").glob("*.py"))
    for name in re.findall(r'counts\["([a-z-]+)"\]', source):
        assert told(counted(name), "zh-CN") != told(counted(name), "en")


@pytest.mark.parametrize("key", sorted(PHRASES))
def test_a_phrase_is_told_in_chinese_with_what_stands_in_it(key: str) -> None:
    written = re.sub(r"\{\w+!p\}", "no application named", PHRASES[key])
    written = re.sub(r"\{(\w+)\}", "x-7", written)
    words = phrase(written)
    assert isinstance(words, Say)
    chinese = told(words, "zh-CN")
    assert _CHINESE.search(chinese)
    assert ("x-7" in chinese) == ("x-7" in written)
    if key not in STEPS:
        assert told(words, "en") == written.replace("_", " ")
