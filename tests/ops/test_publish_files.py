"""Reading files, deriving ids, matching columns: what a person exported, and what is wrong with it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from keys.okp import SigningKey
from ops.publish.ids import RowIds
from ops.publish.mapping import load_mapping, row_mapper
from ops.publish.reading import Row, read_table
from schemas.errors import DanganError
from schemas.wire import PRINCIPAL, UUID

KNOWN = ("name", "phone", "email", "city", "occupation")
IDS = RowIds(SigningKey.generate())
OPTIONS = {"purpose": "account_service", "legal_basis": "contract", "record_id_from": "no"}


def written(tmp_path: Path, name: str, content: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_in_the_encodings_spreadsheets_write(tmp_path: Path, encoding: str, separator: str) -> None:
    text = f'name{separator}city\r\n张三{separator}"北京{separator}朝阳\r\n区"\r\n\r\n 李四 {separator}\r\n'
    table = read_table(written(tmp_path, "a.csv", text.encode(encoding)))
    assert table.columns == ("name", "city")
    assert table.rows == 2
    assert [row.cells for row in table] == [
        {"name": "张三", "city": f"北京{separator}朝阳\r\n区"},
        {"name": "李四"},
    ]


def test_json_lines(tmp_path: Path) -> None:
    content = '{"no":1,"name":"张三","vip":true,"city":null}\n\n{"no":2,"email":"a@b.cn"}\n'
    table = read_table(written(tmp_path, "a.jsonl", content.encode()))
    assert table.columns == ("no", "name", "vip", "email")
    assert list(table) == [Row(1, {"no": 1, "name": "张三", "vip": True}), Row(3, {"no": 2, "email": "a@b.cn"})]


def test_excel_gives_text_as_a_person_sees_it(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["no", "phone", "born", "balance", None], [1, 13800138000, dt.date(1990, 1, 2), 12.5], [], [2.0]):
        sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    book.close()
    table = read_table(tmp_path / "a.xlsx")
    assert table.columns == ("no", "phone", "born", "balance")
    first, second = table
    assert first == Row(2, {"no": "1", "phone": "13800138000", "born": "1990-01-02", "balance": "12.5"})
    assert second == Row(4, {"no": "2"})


CANARY = "13800138000"


@pytest.mark.parametrize(
    ("name", "content", "code", "place"),
    [
        ("a.pdf", b"", "DG-PUB-001", "a.pdf"),
        ("none.csv", None, "DG-PUB-001", "none.csv"),
        ("a.csv", b"name\n\xff\xff\xff\n", "DG-PUB-001", "a.csv"),
        ("a.xlsx", b"not a workbook", "DG-PUB-001", "a.xlsx"),
        ("a.csv", b"", "DG-PUB-002", "a.csv"),
        ("a.csv", b"name,city\n", "DG-PUB-002", "no rows"),
        ("a.csv", b",,\n1,2,3\n", "DG-PUB-002", "row 1"),
        ("a.csv", b"name,,city\n1,2,3\n", "DG-PUB-002", "column 2"),
        ("a.csv", b"name,city, name\n1,2,3\n", "DG-PUB-002", "name"),
        ("a.csv", f"name,city\n1,2\n{CANARY}\n".encode(), "DG-PUB-003", "row 3 has 1 cells"),
        ("a.csv", f"name,city\n1,2\n3,4,{CANARY}\n".encode(), "DG-PUB-003", "row 3 has 3 cells"),
        ("a.csv", f'name,city\n1,"2\n{CANARY}'.encode(), "DG-PUB-003", "row 2"),
        ("a.jsonl", f'{{"name":"1"}}\n{{"name":["{CANARY}"]}}\n'.encode(), "DG-PUB-003", "row 2"),
        ("a.jsonl", f'{{"name":"1","name":"{CANARY}"}}\n'.encode(), "DG-PUB-003", "row 1"),
        ("a.jsonl", b"[1]\n", "DG-PUB-003", "row 1"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_by_place_and_never_by_value(
    tmp_path: Path, name: str, content: bytes | None, code: str, place: str
) -> None:
    if content is not None:
        written(tmp_path, name, content)
    with pytest.raises(DanganError) as refusal:
        read_table(tmp_path / name)
    assert refusal.value.code == code
    assert place in str(refusal.value)
    assert CANARY not in str(refusal.value)


def mapper(options: dict[str, Any] | None = None, columns: tuple[str, ...] = ("no", "name", "phone")) -> Any:
    return row_mapper(load_mapping(None, {**OPTIONS, **(options or {})}), IDS, columns, KNOWN)


def test_the_same_row_gets_the_same_ids_and_another_row_others() -> None:
    row = Row(2, {"no": "110101199003070000", "name": "张三"})
    command, parts = mapper().command(row)
    assert mapper().command(Row(9, dict(reversed(row.cells.items())))) == (command, parts)
    corrected, corrected_parts = mapper().command(Row(2, {**row.cells, "name": "张山"}))
    assert corrected_parts["record"] == parts["record"]
    assert corrected != command
    other = row_mapper(load_mapping(None, OPTIONS), RowIds(SigningKey.generate()), ("no", "name"), KNOWN)
    assert other.command(row)[1]["record"] != parts["record"]
    assert parts["fields"] == {"name": "张三"}


@given(st.text(min_size=1, max_size=40), st.dictionaries(st.sampled_from(KNOWN), st.text(), max_size=4))
def test_derived_ids_are_opaque_and_well_formed(value: str, cells: dict[str, str]) -> None:
    command, parts = mapper(columns=("no", *KNOWN)).command(Row(2, {**cells, "no": value}))
    assert UUID.fullmatch(command)
    for reference in (parts["record"], parts["subject"]):
        assert PRINCIPAL.fullmatch(reference)
        assert len(value) < 8 or value not in reference
    assert parts["record"][2:] != parts["subject"][2:]


def test_ids_that_are_given_are_used_as_they_stand() -> None:
    plan = {"record_id": "no", "record_id_from": None, "subject": "who"}
    _, parts = mapper(plan, ("no", "who", "name")).command(Row(2, {"no": "crm:17", "who": "p:9", "name": "x"}))
    assert (parts["record"], parts["subject"]) == ("crm:17", "p:9")


def test_a_row_without_its_id_is_refused_by_number() -> None:
    with pytest.raises(DanganError, match=r"DG-PUB-006 \[no\].*row 7"):
        mapper().command(Row(7, {"name": "x"}))


@pytest.mark.parametrize(
    ("columns", "code", "hint"),
    [
        (("no", "nane"), "DG-PUB-004", "did you mean name?"),
        (("no", "zzz"), "DG-PUB-004", "zzz"),
        (("no",), "DG-PUB-004", "no column is a field"),
        (("nr", "name"), "DG-PUB-005", "did you mean nr?"),
    ],
)
def test_columns_that_do_not_fit_are_refused_with_the_nearest_name(
    columns: tuple[str, ...], code: str, hint: str
) -> None:
    with pytest.raises(DanganError) as refusal:
        mapper(columns=columns)
    assert refusal.value.code == code
    assert hint in str(refusal.value)


def test_a_mapping_file_with_options_on_top(tmp_path: Path) -> None:
    text = """
        purpose = "marketing"
        legal_basis = "consent"
        record_id = "编号"
        ignore = ["备注"]
        [columns]
        "客户姓名" = "name"
        [consent]
        reference = "consent:1"
        text_sha256 = "%s"
        given_at = "2026-03-01T09:00:00+08:00"
    """ % ("0" * 64)
    path = written(tmp_path, "map.toml", text.encode())
    plan = load_mapping(path, {"purpose": "account_service", "record_id_from": "编号"})
    assert (plan.purpose, plan.record_id, plan.record_id_from) == ("account_service", None, "编号")
    made = row_mapper(plan, IDS, ("编号", "客户姓名", "备注"), KNOWN)
    _, parts = made.command(Row(2, {"编号": "7", "客户姓名": "张三", "备注": "x"}))
    assert parts["fields"] == {"name": "张三"}
    assert parts["consent"]["reference"] == "consent:1"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("purpose = ", "map.toml"),
        ("colums = {}", "colums"),
        ('record_id = "a"\nrecord_id_from = "b"\npurpose = "p"\nlegal_basis = "contract"', "one of record_id"),
        ('purpose = "p"\nlegal_basis = "contract"', "one of record_id"),
    ],
)
def test_a_mapping_file_that_cannot_be_used(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(DanganError, match="DG-PUB-005") as refusal:
        load_mapping(written(tmp_path, "map.toml", text.encode()), {})
    assert place in str(refusal.value)
