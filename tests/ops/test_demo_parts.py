"""The parts of the demo that need no server: its customers, its search, its claims."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from keys.okp import SigningKey
from ops import cli
from ops.demo import disk, proving, story, survivors
from ops.demo.claims import Claims
from ops.demo.customers import COLUMNS, ID_COLUMN, write_customers, write_mapping
from ops.demo.disk import Search, identifiers, search_files
from ops.demo.stage import Stage
from ops.publish.ids import RowIds
from ops.rules import load_rules

CATALOGUE = load_rules().catalogue
TODAY = date(2026, 3, 1)
ROWS = 300


@pytest.fixture(scope="module")
def customers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "customers.csv"
    write_customers(path, ROWS, today=TODAY, on_row=lambda: None)
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_day_gives_the_same_customers(customers: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.csv"
    write_customers(again, ROWS, today=TODAY, on_row=lambda: None)
    assert again.read_bytes() == customers.read_bytes()


def test_every_customer_can_be_archived(customers: Path, tmp_path: Path) -> None:
    write_mapping(tmp_path / "map.toml")
    ids = RowIds(SigningKey.generate())
    expected = survivors.expected_of(customers, tmp_path / "map.toml", ids, CATALOGUE)  # refuses a bad value
    assert len(expected) == ROWS
    assert set().union(*expected.values()) == set(COLUMNS.values())


def test_customers_are_of_both_kinds_and_no_identifier_is_given_twice(customers: Path) -> None:
    rows = rows_of(customers)
    residents = [row for row in rows if row["证件号码"]]
    assert ROWS / 2 < len(residents) < ROWS
    assert all(row["出生日期"].replace("-", "") in row["证件号码"] for row in residents)
    for column in ("账号", ID_COLUMN):
        assert len({row[column] for row in rows}) == ROWS
    assert all(row["最近交易日"] < TODAY.isoformat() for row in rows)


def test_the_file_holds_every_category_the_story_promises(customers: Path) -> None:
    categories = {CATALOGUE.field(field).category.split(".")[0] for field in COLUMNS.values()}
    assert {"basic", "transaction", "preference", "feedback"} <= categories
    # A call's transcript is no column of an exported table: it comes desensitised, one by one (COL-14).
    assert set(COLUMNS.values()) == CATALOGUE.purpose("account_service").fields - CATALOGUE.recordings


IDENTIFIERS = st.sampled_from([b"11010519491231002X", b"4020325585569071", b"chenlei@example.com"])


@given(st.binary(max_size=200), IDENTIFIERS, st.binary(max_size=200))
def test_an_identifier_is_found_whatever_stands_around_it(before: bytes, planted: bytes, after: bytes) -> None:
    search = Search(frozenset([planted]))
    search.look(before + planted + after)
    assert search.hits == 1


@pytest.mark.parametrize("at", range(100, 260, 7))
def test_an_identifier_is_found_across_reads_and_zeros(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "_CHUNK", 128)
    wanted = identifiers([["11010519491231002X", "chenlei@example.com", ""]])
    (tmp_path / "below").mkdir()
    data = b"\0" * at + b"11010519491231002X" + b"\0" * 500 + b"chenlei@example.com" + b"\0" * 100
    (tmp_path / "below" / "file").write_bytes(data)
    search = Search(wanted)
    search_files(search, [tmp_path])
    assert search.found == wanted


def test_what_only_looks_alike_is_not_found() -> None:
    search = Search(frozenset([b"11010519491231002X"]))
    search.look(b"110105194912310021 someone@example.com 11010519491231002")
    assert search.hits == 0


def silent() -> Console:
    return Console(file=io.StringIO(), width=120)


def test_claims_hold_only_if_there_are_some_and_all_of_them_do() -> None:
    claims = Claims(silent())
    assert not claims.hold
    claims.check("one", True, "1")
    assert claims.hold
    claims.check("two", False, "0")
    claims.check("three", True, "1")
    assert not claims.hold
    assert "NOT" in str(claims.table().title)


@pytest.mark.parametrize("holds", [True, False])
def test_the_exit_status_says_whether_every_claim_held(
    holds: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell(_plan: story.Plan, _stage: Stage, claims: Claims) -> None:
        claims.check("a claim", holds, "seen")

    monkeypatch.setattr(story, "tell", tell)
    result = CliRunner().invoke(cli.build(), ["demo", "--home", str(tmp_path / "new")])
    assert result.exit_code == (0 if holds else 1)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    result = CliRunner().invoke(cli.build(), ["demo", "--home", str(tmp_path)])
    assert "DG-OPS-040" in str(result.exception)
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


def test_a_forged_export_differs_in_one_line(tmp_path: Path) -> None:
    export, forged = tmp_path / "export", tmp_path / "forged"
    export.write_bytes(b'{"uid":"a:2"}\n{"uid":"b:1"}\n{"uid":"b:1"}\n')
    proving._forge(export, forged, "b:1", "c:9")
    assert forged.read_bytes() == b'{"uid":"a:2"}\n{"uid":"c:9"}\n{"uid":"b:1"}\n'


def test_a_tampered_certificate_is_another_text_of_the_same_form() -> None:
    jws = "aaaa.bbbbAbbbb.cccc"
    tampered = proving._tampered(jws)
    assert tampered != jws
    assert [len(part) for part in tampered.split(".")] == [len(part) for part in jws.split(".")]
