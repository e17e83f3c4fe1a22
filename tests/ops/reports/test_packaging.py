"""What is installed holds what reports are made with besides code: words, templates, the font and its notice."""

from __future__ import annotations

import zipfile

import pytest
from hatchling.builders.wheel import WheelBuilder

from ops.docs.clauses import ROOT
from ops.reports.fonts import FILE

pytestmark = pytest.mark.slow

FOLDER = ROOT / "ops" / "reports"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of a wheel, built from this tree."""
    (path,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def test_the_wheel_has_every_file_of_reports(wheel: set[str]) -> None:
    kinds = {".ftl", ".j2", ".css", ".ttf", ".py", ""}
    files = {path for path in FOLDER.rglob("*") if path.is_file() and path.suffix in kinds}
    assert len({path.suffix for path in files}) == len(kinds)
    assert {str(path.relative_to(ROOT)) for path in files} <= wheel


def test_the_font_is_small_and_its_licence_noted() -> None:
    assert FILE.stat().st_size < 2_000_000
    notice = (FILE.parent / "NOTICE").read_text("utf-8")
    assert "Apache License, Version 2.0" in notice
    assert "Droid Sans Fallback" in notice
