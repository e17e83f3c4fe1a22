"""Extracts: in every form all that was answered, each row with its watermark, and nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import io
import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from pypdf import PdfReader

from ops.extracts import ENDINGS, Extract, Line, save
from schemas.errors import DanganError

MARKS = ("a" * 56, "b" * 56)
LINES = (
    Line("rec-1", 3, {"name": "张三", "phone": "+8613800138000", "count": 7}, MARKS[0]),
    Line("rec-2", 1, {"name": "=HYPERLINK(1)", "phone": "<b>x</b>"}, MARKS[1]),
)
MADE = Extract("per:clerk-7", "grant-1", "account_service", ("name", "phone", "count"), LINES, 2, datetime(2026, 1, 2, tzinfo=UTC))  # fmt: skip


def text_of(path: Path) -> str:
    """All that a reader sees."""
    if path.suffix == ".pdf":
        return "".join(page.extract_text() for page in PdfReader(path).pages)
    if path.suffix == ".xlsx":
        sheet = load_workbook(path, read_only=True).active
        return "\n".join(str(cell) for row in sheet.values for cell in row)
    return path.read_text("utf-8-sig")


@pytest.mark.clause("USE-15")
@pytest.mark.parametrize("ending", ENDINGS)
def test_every_form_holds_the_values_and_names_the_reader(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"extract{ending}"
    save(MADE, path, "zh-CN")
    text = "".join(text_of(path).split())
    for word in ("张三", "13800138000", *MARKS):
        assert word in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(DanganError) as error:
        save(MADE, path, "en")
    assert error.value.code == "DG-ACC-027"


def test_a_form_that_there_is_not_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(DanganError) as error:
        save(MADE, tmp_path / "extract.doc", "en")
    assert error.value.code == "DG-ACC-028"
    assert list(tmp_path.iterdir()) == []


@given(st.text(max_size=20))
def test_no_cell_begins_like_a_formula_but_for_numbers(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    path = tmp_path_factory.mktemp("csv") / "extract.csv"
    save(Extract("r", "g", "p", ("name",), (Line("rec-1", 1, {"name": value}, MARKS[0]),), 0, MADE.made_at), path, "en")
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    cell = rows[1][2]
    assert cell in (value, f"'{value}")
    assert not cell.startswith(("=", "@", "\t", "\r"))
    assert not cell.startswith(("+", "-")) or not any(each.isalpha() for each in cell)
    assert rows[1][3] == MARKS[0]


def test_json_says_how_much_could_not_be_shown(tmp_path: Path) -> None:
    save(MADE, tmp_path / "e.json", "en")
    told = json.loads((tmp_path / "e.json").read_text("utf-8"))
    assert (told["withheld"], told["watermarks"]) == (2, list(MARKS))
    assert told["records"][0] == {"record": "rec-1", "version": 3, "values": dict(LINES[0].values), "watermark": MARKS[0]}  # fmt: skip
