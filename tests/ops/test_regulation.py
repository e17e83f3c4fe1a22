"""The page of clauses: what it finds in code and tests, what it calls an error, and that the project's own is fresh."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.docs.clauses import BUILT, ROOT, Mention, clauses, ids_in, in_code, in_tests
from ops.docs.regulation import faults, main, text
from schemas.rulebook import RuleBook

pytestmark = pytest.mark.slow

KNOWN = clauses()

CATALOGUE = """
[[clause]]
id = "COL-01"
title = "Purpose first"
must = "A purpose is stated."
sources = ["000 art. 1"]
term = "目的"
kind = "enforce"
conflict = "Texts differ (see a.b). Settings: collection.one, collection.two (strict default: both)."
[[clause]]
id = "COL-02"
title = "Honesty"
must = "Nobody is deceived. Software evidence: the channel."
sources = ["000 art. 2"]
term = "诚实"
kind = "outside"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of two clauses, one module and one test."""
    for folder in ("regulation", "docs", "tests", "store"):
        (tmp_path / folder).mkdir()
    (tmp_path / "regulation" / "clauses.toml").write_text(CATALOGUE, "utf-8")
    (tmp_path / "regulation" / "finished.toml").write_text("prefixes = []\n")
    (tmp_path / "store" / "one.py").write_text('"""One (COL-01)."""\n\nX = "COL-77"  # not a comment: a value\n')
    (tmp_path / "tests" / "test_one.py").write_text('@pytest.mark.clause("COL-01")\ndef test_it() -> None: ...\n')
    return tmp_path


def test_the_projects_page_is_fresh_and_without_fault(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--check"])
    assert status == 0, capsys.readouterr().err


def test_the_page_tells_each_clause_its_code_tests_settings_and_state(project: Path) -> None:
    assert main([], project) == 0
    page = (project / "docs" / "regulation.md").read_text("utf-8")
    assert "### COL-01 Purpose first\n\n目的 · enforce · **covered**" in page
    assert "- setting: `collection.one`, `collection.two`\n" in page
    assert "- code: `store/one.py`\n- tests: `tests/test_one.py::test_it`\n" in page
    assert "诚实 · outside · **human duty**" in page
    assert "- **COL-02** Honesty (诚实). Nobody is deceived." in page
    assert "| all | 2 | 1 | 0 | 1 |" in page


def test_a_clause_without_a_test_is_not_covered(project: Path) -> None:
    (project / "tests" / "test_one.py").unlink()
    assert main([], project) == 0
    assert "**not yet**" in (project / "docs" / "regulation.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("file", "source", "line"),
    [
        ("tests/test_two.py", '\npytestmark = [pytest.mark.flow, pytest.mark.clause("COL-03")]\n', 2),
        (
            "tests/test_two.py",
            'class TestX:\n    @pytest.mark.clause("COL-01", "COL-3")\n    def test_a(self): ...\n',
            2,
        ),
        ("tests/test_two.py", "NAME = 'COL-01'\n\n@pytest.mark.clause(NAME)\ndef test_a(): ...\n", 3),
        ("store/two.py", '"""Two.\n\nFor clause COL-09.\n"""\n', 3),
        ("store/two.py", "X = 1  # clause XYZ-01 wants one\n", 1),
        ("store/two.py", "# COL-01 to 03\n", 1),
    ],
)
def test_an_id_that_does_not_exist_is_told_with_file_and_line(
    project: Path, file: str, source: str, line: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / file).write_text(source)
    assert main([], project) == 1
    assert f"{file}:{line}: there is no clause " in capsys.readouterr().err
    assert not (project / "docs" / "regulation.md").exists()


def test_a_finished_prefix_needs_a_test_for_each_clause_that_software_fulfils(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "regulation" / "finished.toml").write_text('prefixes = ["COL"]\n')
    assert main([], project) == 0
    (project / "tests" / "test_one.py").unlink()
    assert main([], project) == 1
    told = capsys.readouterr().err
    assert "regulation/finished.toml:1: COL is finished, but no test is marked with COL-01" in told
    assert "COL-02" not in told


def test_a_stale_page_fails_the_check(project: Path) -> None:
    assert main(["--check"], project) == 1
    main([], project)
    assert main(["--check"], project) == 0
    (project / "tests" / "test_one.py").write_text('\n\n@pytest.mark.clause("COL-01")\ndef test_it() -> None: ...\n')
    assert main(["--check"], project) == 0, "a line more or less does not make it stale"
    (project / "store" / "two.py").write_text("# COL-01\n")
    assert main(["--check"], project) == 1


@given(st.randoms(use_true_random=False))
def test_the_page_does_not_depend_on_the_order_in_which_files_are_found(shuffle: object) -> None:
    code = [Mention("COL-01", f"store/{name}.py", line) for line, name in enumerate("abcde")]
    tests = [Mention("COL-01", f"tests/test_{name}.py", line, "test_x") for line, name in enumerate("abcde")]
    expected = text(KNOWN, code, tests)
    shuffle.shuffle(code)  # type: ignore[attr-defined]
    shuffle.shuffle(tests)  # type: ignore[attr-defined]
    assert text(KNOWN, code, tests) == expected


def test_rows_of_numbers_are_written_out() -> None:
    prefixes = frozenset({"COL", "ARR"})
    assert ids_in("Table: COL-01 to 03, 08, 13 to 14; ARR-18.", prefixes) == [
        *(f"COL-{number}" for number in ("01", "02", "03", "08", "13", "14")),
        "ARR-18",
    ]
    assert ids_in("DG-COL-001, AES-25, COL-011, COL-01-2", prefixes) == []
    assert ids_in("ARR-10, 12, 17.", prefixes) == ["ARR-10", "ARR-12", "ARR-17"]
    assert ids_in("COL-17, 10.5 days", prefixes) == ["COL-17"]
    assert ids_in("clauses COL-05 and COL-06", prefixes) == ["COL-05", "COL-06"]


def test_markers_are_found_wherever_they_stand(project: Path) -> None:
    (project / "tests" / "test_one.py").write_text(
        'pytestmark = pytest.mark.clause("COL-01")\n'
        '@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.clause("COL-02"))])\n'
        "async def test_a(x): ...\n"
        'TestMachine = Machine.TestCase\nTestMachine.pytestmark = [pytest.mark.clause("COL-02")]\n'
        'class TestB:\n    @pytest.mark.clause("COL-01")\n    def test_c(self): ...\n'
    )
    assert [(each.id, each.test) for each in in_tests(project)] == [
        ("COL-01", ""),
        ("COL-02", "test_a"),
        ("COL-02", "TestMachine"),
        ("COL-01", "TestB.test_c"),
    ]


def test_the_catalogue_is_whole() -> None:
    assert len(KNOWN) == 139
    built = [clause for clause in KNOWN.values() if clause.prefix in {"COL", "ARR", "UPD"} and clause.kind in BUILT]
    assert len(built) == 45
    assert not faults(KNOWN, in_code(), in_tests(), [])


def test_every_setting_of_a_built_stage_is_one_of_the_rule_book() -> None:
    for clause in KNOWN.values():
        for setting in clause.settings if clause.prefix in {"COL", "ARR", "UPD"} else ():
            table, name = setting.split(".")
            annotation: Any = RuleBook.model_fields[table].annotation
            assert name in annotation.model_fields, f"{clause.id}: {setting}"


def test_a_marker_with_an_unknown_clause_stops_the_collection(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_collection_modifyitems\n")
    (tmp_path / "test_x.py").write_text(
        'import pytest\n\n@pytest.mark.clause("COL-99")\ndef test_nothing() -> None: ...\n'
    )
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-c", str(ROOT / "pyproject.toml")]
    done = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "there is no clause COL-99" in done.stdout + done.stderr
