"""Reports are bounded data; their digest is of what they say, whatever the language."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
import pytest

from ops.reports import Chart, Column, Paragraph, Section, Series, Table, as_json, digest, say
from ops.reports.model import MAX_BLOCKS, MAX_LABELS, MAX_ROWS, Attachment, Figure, Figures
from schemas.errors import DanganError
from tests.ops.reports.samples import COLUMNS, HOSTILE, sample


def test_the_digest_is_of_the_canonical_data_and_of_no_language() -> None:
    report = sample("销毁")
    whole = json.loads(as_json(report))
    canonical = json.dumps(whole["report"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert whole["digest"] == digest(report) == hashlib.sha256(canonical.encode()).hexdigest()
    assert digest(replace(report, language="zh-CN")) == digest(report)
    assert whole["format"] == "dangan-report-1"


def test_another_word_number_or_time_is_another_digest() -> None:
    report = sample()
    others = [
        sample("another"),
        sample(rows=4),
        replace(report, generated_at=datetime.fromisoformat("2026-11-22T09:00:01+00:00")),
        replace(report, organisation=""),
        replace(report, footnotes=()),
        replace(report, annex=()),
        replace(report, attachments=()),
    ]
    assert len({digest(each) for each in [report, *others]}) == 1 + len(others)


def test_the_data_has_messages_in_all_languages_and_texts_as_they_are() -> None:
    report = replace(sample("".join(HOSTILE)), title=say("report-total"))
    data = orjson.loads(as_json(report))["report"]
    assert data["title"] == {"en": "Total", "zh-CN": "合计"}
    assert data["organisation"] == "".join(HOSTILE)
    assert data["generated_at"] == "2026-11-22T09:00:00+00:00"


def test_a_float_is_no_part_of_a_report() -> None:
    wrong: Any = 0.1
    with pytest.raises(TypeError, match="float"):
        digest(replace(sample(), sections=(Section("s", (Figures((Figure("n", wrong),)),)),)))


def test_a_table_keeps_the_first_rows_and_counts_the_others() -> None:
    table = Table.of("t", (Column("a"),), ((str(number),) for number in range(25)), limit=10)
    assert len(table.rows) == 10
    assert table.more == 15


@pytest.mark.parametrize(
    "make",
    [
        lambda: Table("t", (Column("a"),), (("x",),) * (MAX_ROWS + 1)),
        lambda: Table("t", (Column("a"),) * 13, ()),
        lambda: Chart("bar", "t", ("l",) * (MAX_LABELS + 1), ()),
        lambda: Chart("donut", "t", ("l",), (Series("a", (1,)), Series("b", (1,)))),
        lambda: Figures((Figure("f", 1),) * 7),
        lambda: Attachment("a", "text/plain", b"x" * ((8 << 20) + 1), "d"),
        lambda: replace(sample(), sections=(Section("s", (Paragraph("p"),) * (MAX_BLOCKS + 1)),)),
    ],
)
def test_what_is_too_large_is_refused(make: Any) -> None:
    with pytest.raises(DanganError, match="DG-RPT-003"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Table("t", COLUMNS, (("x",),)),
        lambda: Chart("bar", "t", ("l",), (Series("a", (-1,)),)),
        lambda: Chart("bar", "t", ("l",), (Series("a", (1, 2)),)),
        lambda: replace(sample(), generated_at=datetime.fromisoformat("2026-01-01T00:00:00")),
        lambda: replace(sample(), name="../up"),
        lambda: replace(sample(), name="Upper"),
    ],
)
def test_what_is_wrong_is_refused(make: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        make()
