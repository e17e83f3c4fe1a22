"""Files: for their owner alone, all or none, and named so that languages do not overwrite each other."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ops.reports import digest, rendered, show_report, write_report
from schemas.errors import DanganError
from tests.ops.reports.samples import HOSTILE, sample


def test_a_folder_gets_every_form_readable_by_its_owner_alone(tmp_path: Path) -> None:
    files = write_report(sample(), tmp_path / "out", language="zh-CN")
    assert [file.name for file in files] == ["sample.zh-CN.html", "sample.zh-CN.pdf", "sample.json"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert files[1].read_bytes().startswith(b"%PDF-")
    assert b'lang="zh-CN"' in files[0].read_bytes()
    assert json.loads(files[2].read_bytes())["digest"] == digest(sample())
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == sorted(file.name for file in files)


def test_a_file_says_its_form(tmp_path: Path) -> None:
    (file,) = write_report(sample(), tmp_path / "mine.PDF")
    assert file.read_bytes().startswith(b"%PDF-")
    with pytest.raises(DanganError, match="DG-RPT-004"):
        write_report(sample(), tmp_path / "mine.docx")
    unknown: Any = "docx"
    with pytest.raises(DanganError, match="DG-RPT-004"):
        write_report(sample(), tmp_path, formats=(unknown,))


def test_when_one_form_cannot_be_made_none_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ops.reports.pdf", None)  # as if reportlab could not be imported
    with pytest.raises(DanganError, match="DG-RPT-002"):
        write_report(sample(), tmp_path, formats=("html", "json", "pdf"))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_an_error_with_a_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DanganError, match="DG-RPT-001"):
        write_report(sample(), tmp_path / "file" / "out.json")


def test_the_model_and_the_data_need_no_extra_library() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('reportlab', 'jinja2')));"
        "from ops.reports import Report, rendered, show_report; from datetime import datetime, UTC;"
        "from rich.console import Console;"
        "r = Report('n', 't', 'o', datetime.now(UTC), ()); rendered(r, 'json'); show_report(r, Console())"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=Path(__file__).parents[3])


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_terminal_shows_the_same_parts(language: Any) -> None:
    console = Console(record=True, width=140, file=StringIO())
    show_report(sample("客户 [bold]x[/bold]", rows=80), console, language=language, rows=5)
    text = console.export_text()
    assert text.count("客户 [bold]x[/bold]") > 12
    assert {"en": "75 more rows are not shown here.", "zh-CN": "另有 75 行未列出。"}[language] in text
    assert {"en": "+ in order", "zh-CN": "+ 正常"}[language] in text


@pytest.mark.parametrize("words", HOSTILE)
def test_no_text_steers_a_terminal(words: str, tmp_path: Path) -> None:
    with (tmp_path / "seen").open("w", encoding="utf-8") as file:
        show_report(sample(words), Console(file=file, width=100))
    seen = (tmp_path / "seen").read_text("utf-8")
    assert all(char.isprintable() or char == "\n" for char in seen)


def test_the_json_needs_no_words_of_a_language() -> None:
    assert rendered(sample(), "json") == rendered(sample(language="zh-CN"), "json")
