"""The paper: its text can be read out in both languages, it stays within its margins, and it carries its files."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from ops.reports import Report, Section, Verbatim, digest, rendered
from ops.reports.pdf import MARGIN
from ops.reports.values import MAX_VERBATIM
from tests.ops.reports.samples import HOSTILE, sample


def read(report: Report) -> PdfReader:
    return PdfReader(BytesIO(rendered(report, "pdf")))


def text_of(reader: PdfReader) -> str:
    return "\n".join(page.extract_text() for page in reader.pages)


def squeezed(text: str) -> str:
    return "".join(text.split())


def outside(pdf: bytes) -> list[tuple[int, tuple[float, ...]]]:
    """Text that stands beyond the margins: page and place."""
    found = []
    for number, page in enumerate(pypdfium2.PdfDocument(pdf)):
        text = page.get_textpage()
        for index in range(text.count_rects()):
            left, bottom, right, top = text.get_rect(index)
            if left < MARGIN - 2 or right > A4[0] - MARGIN + 2 or bottom < 20 or top > A4[1] - 20:
                found.append((number, (left, bottom, right, top)))
    return found


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Page 1 of", "in order", "Signature and seal", "All times are UTC+8.", "2026-11-22 17:00:00"]),
        ("zh-CN", ["第1页，共", "正常", "签字盖章", "所有时间均为UTC+8。", "2026-11-22 17:00:00"]),
    ],
)
def test_its_text_can_be_read_out_in_both_languages(language: str, words: list[str]) -> None:
    report = sample("客户 records 的销毁，依据第 21 条", language=language)
    text = squeezed(text_of(read(report)))
    for each in [*words, "客户 records 的销毁，依据第 21 条", digest(report)]:
        assert squeezed(each) in text, each


def test_it_says_what_it_is_and_lists_its_parts() -> None:
    report = sample("季度盘点 <b>", language="zh-CN")
    reader = read(report)
    about: Any = reader.metadata
    assert (about.title, about.author) == ("季度盘点 <b>", "季度盘点 <b>")
    assert about.subject == f"SHA-256 {digest(report)}"
    root: Any = reader.trailer["/Root"]
    assert root["/Lang"] == "zh-CN"
    assert [each.title for each in reader.outline] == [
        "季度盘点 <b>", "Charts", "List", "签字", "所附文件", "说明", "Annex",
    ]  # fmt: skip
    pages = [reader.get_destination_page_number(each) for each in reader.outline]
    assert pages == sorted(pages)
    assert pages[-1] > 0  # not all of them lead to the first page


def test_every_page_has_its_number_the_digest_and_the_header_of_a_table_that_goes_on() -> None:
    report = sample(rows=120)
    pages = [page.extract_text() for page in read(report).pages]
    assert len(pages) > 4
    for number, text in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in text
        assert digest(report) in text
    assert sum("Record" in text and "Count" in text for text in pages) >= 3


def test_a_file_goes_with_it() -> None:
    assert read(sample()).attachments == {"proof.jws": [b"proof"]}


def test_the_same_report_gives_the_same_bytes_with_its_own_time() -> None:
    first = rendered(sample(), "pdf")
    assert rendered(sample(), "pdf") == first
    assert b"D:20261122170000+08'00'" in first
    later = replace(sample(), generated_at=sample().generated_at + timedelta(seconds=1))
    assert rendered(later, "pdf") != first


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_text_stays_within_the_margins_and_does_nothing(words: str) -> None:
    pdf = rendered(sample(words), "pdf")
    assert outside(pdf) == []
    reader = PdfReader(BytesIO(pdf))
    root: Any = reader.trailer["/Root"]
    assert not {"/OpenAction", "/AA", "/AcroForm", "/URI"} & root.keys()
    assert "/JavaScript" not in root.get("/Names", {})
    assert not any(page.get("/Annots") for page in reader.pages)
    if words.isascii() and words.isprintable():
        assert squeezed(words) in squeezed(text_of(reader))


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=300) | st.text("（，。x/", max_size=300))
def test_no_text_leaves_the_margins(words: str) -> None:
    assert outside(rendered(sample(words, rows=1), "pdf")) == []


def test_the_check_of_margins_can_fail() -> None:
    out = BytesIO()
    canvas = Canvas(out, pagesize=A4)
    canvas.drawString(A4[0] - 60, 300, "beyond the margin")
    canvas.save()
    assert outside(out.getvalue())


def test_a_long_verbatim_text_is_cut_and_says_so() -> None:
    report = replace(sample(), annex=(Section("Annex", (Verbatim("v", "a" * (MAX_VERBATIM + 5)),)),))
    text = text_of(read(report))
    assert "The first 40,000 of 40,005 characters" in text
    assert MAX_VERBATIM <= squeezed(text).count("a") < MAX_VERBATIM + 2000


def test_thousands_of_rows_are_all_there() -> None:
    reader = read(sample(rows=3000))
    assert len(reader.pages) < 85  # a row takes one line
    last = "".join(page.extract_text() for page in reader.pages[-6:])
    assert f"{2999 * 37:,}" in last
