"""Consent and circumstances from a mapping file: constants, columns, dates; what is wrong is named before anything goes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from keys.okp import SigningKey
from keys.principal_keys import PrincipalKeys, dump_keys
from ops.cli import build
from ops.private_files import write_private
from ops.publish.circumstances import read_template
from ops.publish.example import MAPPING_NAME, TABLE_NAME, write_example
from ops.publish.ids import RowIds
from ops.publish.mapping import load_mapping, row_mapper
from ops.publish.reading import Row, read_table
from ops.rules import load_rules
from schemas.errors import DanganError
from schemas.intake import Consent, Intake
from streams.bundle import check_command

IDS = RowIds(SigningKey.generate())
CONSENT = {
    "reference": {"column": "同意书编号"},
    "text_sha256": "ab" * 32,
    "given_at": {"column": "同意日期", "utc_offset": "+08:00"},
    "retention_months": {"column": "月"},
}
INTAKE = {
    "channel": "direct",
    "happened_at": {"column": "办理时间", "utc_offset": "-03:30"},
    "notice": {"reference": "notice:1", "given_at": "2026-03-01T09:00:00Z"},
    "source": {"party": {"column": "来源"}},
}


def refused(model: Any, table: Any) -> tuple[str, str | None]:
    with pytest.raises(DanganError) as caught:
        read_template(model, table, "intake")
    assert caught.value.code == "DG-PUB-005"
    return caught.value.field or "", caught.value.detail


@pytest.mark.clause("COL-03", "COL-04", "COL-05", "COL-16")
def test_a_row_brings_its_own_consent_and_circumstances(tmp_path: Path) -> None:
    text = f"""
        purpose = "account_service"
        legal_basis = "consent"
        record_id_from = "no"
        [consent]
        reference = {{ column = "consent" }}
        text_sha256 = "{"ab" * 32}"
        given_at = {{ column = "agreed", utc_offset = "+08:00" }}
        [intake]
        channel = "direct"
        [intake.notice]
        reference = "notice:1"
        given_at = 2026-03-01T09:00:00+08:00
    """
    (tmp_path / "map.toml").write_text(text, "utf-8")
    columns = ("no", "name", "consent", "agreed")
    mapper = row_mapper(load_mapping(tmp_path / "map.toml", {}), IDS, columns, ("name",))
    row = Row(2, {"no": "1", "name": "客户", "consent": "consent:77", "agreed": "2026/03/02 09:15"})
    command_id, parts = mapper.command(row)
    assert parts["consent"] == {
        "reference": "consent:77",
        "text_sha256": "ab" * 32,
        "given_at": "2026-03-02T09:15:00+08:00",
    }
    assert parts["intake"] == {
        "channel": "direct",
        "notice": {"reference": "notice:1", "given_at": "2026-03-01T09:00:00+08:00"},
    }
    assert parts["fields"] == {"name": "客户"}
    check_command({"type": "collect", "id": command_id, **parts})
    # other circumstances are another command: what was collected under another consent is not "sent before"
    assert mapper.command(Row(2, {**row.cells, "consent": "consent:78"}))[0] != command_id


def test_an_empty_cell_leaves_its_member_out_and_an_empty_table_too() -> None:
    filled = read_template(Intake, INTAKE, "intake").fill({"办理时间": "2026-03-02"})
    assert filled["happened_at"] == "2026-03-02T00:00:00-03:30"
    assert "source" not in filled
    assert read_template(Consent, CONSENT, "consent").fill({"月": "24"}) == {
        "text_sha256": "ab" * 32,
        "retention_months": "24",
    }


@pytest.mark.parametrize(
    ("table", "field", "hint"),
    [
        ({"chanel": "direct"}, "intake.chanel", "channel"),
        ({"notice": {"given_at": "2026-03-01T09:00:00Z"}}, "intake.notice.reference", "required"),
        ({"channel": "Not A Word"}, "intake.channel", "match"),
        ({"floor": 3}, "intake.floor", ""),
        ({"happened_at": {"column": "t", "utc_offset": "8"}}, "intake.happened_at", "+08:00"),
        ({"happened_at": {"column": "t", "offset": "+08:00"}}, "intake.happened_at", "column"),
        ({"notice": {"reference": {"column": 3}, "given_at": {"column": "t"}}}, "intake.notice.reference", "column"),
        ("direct", "intake", "table"),
    ],
)
def test_a_mistake_in_the_mapping_is_named_before_anything_is_sent(table: Any, field: str, hint: str) -> None:
    where, detail = refused(Intake, table)
    assert where == field
    assert hint in (detail or "")


def test_a_column_that_the_file_has_not_is_named(tmp_path: Path) -> None:
    text = 'purpose = "p"\nlegal_basis = "contract"\nrecord_id_from = "no"\n[intake]\nchannel = { column = "渠道" }\n'
    (tmp_path / "map.toml").write_text(text, "utf-8")
    plan = load_mapping(tmp_path / "map.toml", {})
    with pytest.raises(DanganError, match="DG-PUB-005") as caught:
        row_mapper(plan, IDS, ("no", "name"), ("name",))
    assert caught.value.field == "渠道"


@given(
    st.text(max_size=30)
    | st.datetimes().map(str)
    | st.datetimes(timezones=st.just(dt.UTC)).map(dt.datetime.isoformat)
    | st.dates().map(str)
)
def test_a_time_is_completed_by_its_offset_and_anything_else_is_never_changed(text: str) -> None:
    template = read_template(Intake, {"happened_at": {"column": "t", "utc_offset": "+08:00"}}, "intake")
    made = template.fill({"t": text})["happened_at"]
    if made != text:
        meant, written = dt.datetime.fromisoformat(made), dt.datetime.fromisoformat(text.replace("/", "-"))
        assert meant.replace(tzinfo=None) == written.replace(tzinfo=None, microsecond=0)
        assert meant.utcoffset() == (written.utcoffset() if written.tzinfo else dt.timedelta(hours=8))


def test_the_example_is_ready_to_use(tmp_path: Path) -> None:
    write_example(tmp_path / "new")
    table = read_table(tmp_path / "new" / TABLE_NAME)
    plan = load_mapping(tmp_path / "new" / MAPPING_NAME, {})
    mapper = row_mapper(plan, IDS, table.columns, load_rules().catalogue.fields)
    commands = [mapper.command(row) for row in table]
    for command_id, parts in commands:
        check_command({"type": "collect", "id": command_id, **parts})
    assert [parts["intake"]["happened_at"][-6:] for _, parts in commands] == ["+08:00"] * 3
    with pytest.raises(DanganError, match="DG-PUB-011"):
        write_example(tmp_path / "new")


def test_what_the_example_leaves_out_is_right_once_its_comment_signs_are_gone(tmp_path: Path) -> None:
    mapping, _ = write_example(tmp_path)
    head, marker, more = mapping.read_text("utf-8").partition("# use =")
    more = (
        (marker + more)
        .replace("# ", "")
        .replace("64 hexadecimal digits: the digest of the text that was agreed to", "ab" * 32)
    )
    mapping.write_text(head + more, "utf-8")
    plan = load_mapping(mapping, {})
    assert plan.consent is not None
    assert plan.intake is not None
    assert plan.intake.columns() | plan.consent.columns() >= {"同意书编号", "告知时间", "采集人"}


def test_template_and_dry_run_on_the_command_line(tmp_path: Path) -> None:
    write_private(tmp_path / "k", dump_keys(PrincipalKeys.generate("sys:crm"), None))
    made = CliRunner().invoke(build(), ["publish", "--template", str(tmp_path / "ex")])
    assert made.exit_code == 0, made.output
    options = ["--map", str(tmp_path / "ex" / MAPPING_NAME), "--as", str(tmp_path / "k"), "--home", str(tmp_path)]
    tried = CliRunner().invoke(build(), ["publish", str(tmp_path / "ex" / TABLE_NAME), *options, "--dry-run"])
    assert tried.exit_code == 0, tried.output
    assert "valid" in tried.output
