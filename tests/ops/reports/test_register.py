"""Registers as papers: every line, its chart, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pypdf import PdfReader

from ops.reports import Table, write_report
from ops.reports.register import (
    BORROWINGS,
    DESTRUCTIONS,
    GROUNDS,
    NOTICES,
    PERMISSIONS,
    Register,
    register_report,
)
from schemas.locales import LOCALES

AT = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def lines(register: Register, count: int) -> list[dict[str, str]]:
    grounds = sorted(GROUNDS)
    return [
        {name: f"{name} {number}" for name in register.columns}
        | {register.by: grounds[number % len(grounds)] if register is DESTRUCTIONS else f"kind-{number % 3}"}
        | {name: str(number) for name, (kind, _) in register.columns.items() if kind == "number"}
        for number in range(count)
    ]


@pytest.mark.clause("DES-10", "USE-12", "SEC-05", "AUD-10")
@pytest.mark.parametrize("register", [DESTRUCTIONS, BORROWINGS, PERMISSIONS, NOTICES], ids=lambda each: each.name)
def test_a_register_is_a_paper_in_both_languages(register: Register, tmp_path: Path) -> None:
    report = register_report(register, lines(register, 40), organisation="示例农村信用社", generated_at=AT)
    for language in LOCALES:
        html, pdf, _ = write_report(report, tmp_path, language=language)
        pages = "".join(page.extract_text() for page in PdfReader(pdf).pages)
        assert ("登记簿" in pages or "权限" in pages) == (language == "zh-CN")
        assert "40" in pages
        assert "<svg" in html.read_text("utf-8")
    (table,) = report.sections[1].blocks
    assert isinstance(table, Table)
    assert len(table.rows) == 40


def test_an_empty_register_and_many_kinds_are_papers_too(tmp_path: Path) -> None:
    assert write_report(register_report(BORROWINGS, [], organisation="", generated_at=AT), tmp_path)
    many = [line | {"standing": f"s-{number}"} for number, line in enumerate(lines(BORROWINGS, 70))]
    report = register_report(BORROWINGS, many, organisation="", generated_at=AT)
    (chart,) = [block for block in report.sections[0].blocks if hasattr(block, "labels")]
    assert sum(chart.series[0].values) == 70
    assert len(chart.labels) == 13
