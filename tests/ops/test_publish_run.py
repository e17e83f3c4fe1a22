"""``dangan publish`` without a broker: answers become lines, breaks are continued, totals and exit codes are right."""

from __future__ import annotations

import asyncio
import csv
import json
import random
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from keys.okp import SigningKey
from keys.principal_keys import load_keys
from ops.commands import keys as keys_command
from ops.commands import publish as publish_command
from ops.publish.ids import RowIds
from ops.publish.mapping import RowMapper, load_mapping, row_mapper
from ops.publish.reading import Table, read_table
from ops.publish.results import ResultFile
from ops.publish.run import publish_rows
from schemas.errors import DanganError
from schemas.replies import Result
from schemas.wire import FAMILY_OF
from streams.bundle import check_command
from streams.receipts import Receipt, receipt_for

IDS = RowIds(SigningKey.generate())
PLAN = load_mapping(None, {"purpose": "account_service", "legal_basis": "contract", "record_id_from": "no"})


class Archive:
    """Answers commands after a while, in no order; stores each id once; dies after ``alive_for`` commands."""

    def __init__(self, alive_for: int = 1_000_000) -> None:
        self.stored: dict[str, Mapping[str, Any]] = {}
        self.alive_for = alive_for
        self.received = 0
        self.refuse: set[str] = set()

    async def publish(self, kind: str, parts: Mapping[str, Any], command_id: str | None = None) -> Receipt:
        assert command_id is not None
        check_command({"type": kind, "id": command_id, **parts})
        self.received += 1
        if self.received > self.alive_for:
            raise DanganError("DG-WIR-018")
        receipt = receipt_for({"type": kind, "id": command_id, **parts}, FAMILY_OF[kind])
        if parts["fields"]["name"] in self.refuse:
            result = Result(command_id, "refused", "DG-COL-002", "name", "not valid", "correct it")
        else:
            result = Result(command_id, "duplicate" if command_id in self.stored else "accepted")
            self.stored.setdefault(command_id, parts)
        delay = random.Random(command_id).random() / 100
        asyncio.get_running_loop().call_later(delay, receipt.answer.set_result, result)
        return receipt


@pytest.fixture
def table(tmp_path: Path) -> Table:
    rows = "".join(f"{number},客户{number}\n" for number in range(200))
    (tmp_path / "a.csv").write_text(f"no,name\n{rows}", "utf-8")
    return read_table(tmp_path / "a.csv")


def mapper(table: Table) -> RowMapper:
    return row_mapper(PLAN, IDS, table.columns, ("name", "phone"))


def run(table: Table, archive: Archive, out: Path | None) -> dict[str, int]:
    with ResultFile(out) as results:
        done = []
        asyncio.run(publish_rows(table, mapper(table), archive, results, lambda: done.append(1)))
    assert len(done) == sum(results.totals.values())
    return dict(results.totals)


def lines(out: Path) -> list[dict[str, str]]:
    with out.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_gets_its_line_in_order(table: Table, tmp_path: Path) -> None:
    archive, out = Archive(), tmp_path / "out.csv"
    archive.refuse = {"客户7"}
    assert run(table, archive, out) == {"accepted": 199, "refused": 1}
    written = lines(out)
    assert [int(line["row"]) for line in written] == list(range(2, 202))
    assert written[7] | {"record": "", "command": ""} == {
        "row": "9",
        "record": "",
        "command": "",
        "status": "refused",
        "code": "DG-COL-002",
        "field": "name",
        "sentence": "not valid",
        "next_step": "correct it",
        "of": "",
    }
    assert "客户" not in out.read_text("utf-8-sig")


def test_the_same_file_again_stores_nothing_twice(table: Table) -> None:
    archive = Archive()
    assert run(table, archive, None) == {"accepted": 200}
    assert run(table, archive, None) == {"duplicate": 200}
    assert len(archive.stored) == 200


@pytest.mark.parametrize("torn", [0, 25])
def test_a_break_is_continued(table: Table, tmp_path: Path, torn: int) -> None:
    archive, out = Archive(alive_for=80), tmp_path / "out.csv"
    assert run(table, archive, out) == {"accepted": 80, "failed": 120}
    if torn:
        out.write_bytes(out.read_bytes()[:-torn])
    archive.alive_for = 1_000_000
    archive.received = 0
    assert run(table, archive, out) == {"accepted": 200}
    assert archive.received == 120
    assert len(archive.stored) == 200


def test_a_corrected_row_is_published_although_its_row_number_was_settled(table: Table, tmp_path: Path) -> None:
    archive, out = Archive(), tmp_path / "out.csv"
    run(table, archive, out)
    changed = table.path.read_text("utf-8").replace("客户7\n", "客户七\n")
    table.path.write_text(changed, "utf-8")
    archive.received = 0
    run(read_table(table.path), archive, out)
    assert archive.received == 1


def test_a_row_that_cannot_be_a_command_is_refused_here(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("no,name\n1,ok\n,no id\n3,%s\n" % ("x" * 5000), "utf-8")
    archive, out = Archive(), tmp_path / "out.csv"
    assert run(read_table(tmp_path / "a.csv"), archive, out) == {"accepted": 1, "refused": 2}
    assert [line["code"] for line in lines(out)] == ["", "DG-PUB-006", "DG-WIR-011"]
    assert archive.received == 1


def test_an_archive_that_stops_answering_stops_the_run_and_the_next_one_goes_on(tmp_path: Path) -> None:
    rows = "".join(f"{number},x\n" for number in range(6_000))
    (tmp_path / "a.csv").write_text(f"no,name\n{rows}", "utf-8")
    table, archive, out = read_table(tmp_path / "a.csv"), Archive(alive_for=50), tmp_path / "out.csv"
    with ResultFile(out) as results, pytest.raises(DanganError, match="DG-PUB-010"):
        asyncio.run(publish_rows(table, mapper(table), archive, results, lambda: None, patience=20))
    held_back = 6_000 - archive.received
    assert held_back > 0
    assert results.totals == {"accepted": 50, "failed": 6_000 - 50 - held_back}
    archive.alive_for = 1_000_000
    archive.received = 0
    assert run(table, archive, out) == {"accepted": 6_000}
    assert archive.received == 5_950
    assert len(archive.stored) == 6_000


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Rows on their way are bounded, and what an earlier run settled costs some bytes a row."""
    rows = "".join(f"{number},x\n" for number in range(12_000))
    (tmp_path / "a.csv").write_text(f"no,name\n{rows}", "utf-8")
    table, archive, out = read_table(tmp_path / "a.csv"), Sink(), tmp_path / "out.csv"
    with ResultFile(out) as results:
        asyncio.run(publish_rows(table, mapper(table), archive, results, lambda: None))
    assert results.totals == {"accepted": 12_000}
    assert archive.most <= 4_002
    tracemalloc.start()
    settled = ResultFile(out)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert settled.settled(lines(out)[0]["command"]) == "accepted"
    assert size < 200 * 12_000


class Sink:
    """Answers when it is asked a thousand times more; ``most``: how many commands waited at once."""

    def __init__(self) -> None:
        self.waiting: list[Receipt] = []
        self.most = 0

    async def publish(self, kind: str, parts: Mapping[str, Any], command_id: str | None = None) -> Receipt:
        receipt = receipt_for({"type": kind, "id": command_id, **parts}, "collect")
        self.waiting.append(receipt)
        self.most = max(self.most, len(self.waiting))
        asyncio.get_running_loop().call_soon(self._answer)
        return receipt

    def _answer(self) -> None:
        receipt = self.waiting.pop(0)
        receipt.answer.set_result(Result(receipt.command_id, "accepted"))


def test_a_row_is_told_which_field_makes_it_no_command(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text('[intake]\nchannel = { column = "way" }\n', "utf-8")
    plan = load_mapping(
        tmp_path / "map.toml", {"purpose": "account_service", "legal_basis": "contract", "record_id_from": "no"}
    )
    (tmp_path / "a.csv").write_text("no,name,way\n1,%s,direct\n2,x,Not A Word\n3,x,\n" % ("x" * 5000), "utf-8")
    table, archive, out = read_table(tmp_path / "a.csv"), Archive(), tmp_path / "out.csv"
    with ResultFile(out) as results:
        rows = row_mapper(plan, IDS, table.columns, ("name",))
        asyncio.run(publish_rows(table, rows, archive, results, lambda: None))
    assert [(line["status"], line["field"]) for line in lines(out)] == [
        ("refused", "name"),
        ("refused", "intake.channel"),
        ("accepted", ""),
    ]


def test_another_kind_of_file_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("name,phone\n张三,1\n", "utf-8")
    with pytest.raises(DanganError, match="DG-PUB-007"):
        ResultFile(out)
    assert out.read_text("utf-8") == "name,phone\n张三,1\n"


@pytest.fixture
def cli() -> typer.Typer:
    app = typer.Typer()
    keys_command.register(app)
    publish_command.register(app)
    return app


def test_keys_are_made_sealed_and_shown(cli: typer.Typer, tmp_path: Path) -> None:
    out, secret = tmp_path / "crm.key", tmp_path / "pass"
    secret.write_text("open sesame\n")
    made = CliRunner().invoke(
        cli, ["keys", "new", "--principal", "sys:crm", "--out", str(out), "--passphrase-file", str(secret)]
    )
    assert made.exit_code == 0, made.output
    assert out.stat().st_mode & 0o777 == 0o600
    public = json.loads(made.stdout)
    assert public == load_keys(out.read_text(), b"open sesame").public()
    shown = CliRunner().invoke(cli, ["keys", "show", str(out), "--passphrase-file", str(secret)])
    assert json.loads(shown.stdout) == public
    asked = CliRunner().invoke(cli, ["keys", "show", str(out)], input="open sesame\n")
    assert json.loads(asked.stdout) == public
    again = CliRunner().invoke(cli, ["keys", "new", "--principal", "sys:crm", "--out", str(out)])
    assert isinstance(again.exception, DanganError)
    out.chmod(0o644)
    loose = CliRunner().invoke(cli, ["keys", "show", str(out), "--passphrase-file", str(secret)])
    assert isinstance(loose.exception, DanganError)


def test_a_dry_run_checks_and_sends_nothing(cli: typer.Typer, tmp_path: Path) -> None:
    CliRunner().invoke(cli, ["keys", "new", "--principal", "sys:crm", "--out", str(tmp_path / "k")])
    data, out = tmp_path / "a.csv", tmp_path / "out.csv"
    options = ["--as", str(tmp_path / "k"), "--home", str(tmp_path), "--purpose", "account_service"]
    options += ["--legal-basis", "contract", "--record-id-from", "no", "--result", str(out), "--dry-run"]
    data.write_text("no,name\n1,张三\n2,李四\n", "utf-8")
    good = CliRunner().invoke(cli, ["publish", str(data), *options])
    assert good.exit_code == 0, good.output
    assert "valid" in good.output
    data.write_text("no,name\n1,张三\n,李四\n", "utf-8")
    bad = CliRunner().invoke(cli, ["publish", str(data), *options])
    assert bad.exit_code == 1
    assert [line["code"] for line in lines(out)] == ["DG-PUB-006"]
    data.write_text("no,nane\n1,张三\n", "utf-8")
    unknown = CliRunner().invoke(cli, ["publish", str(data), *options])
    assert isinstance(unknown.exception, DanganError)
    assert unknown.exception.code == "DG-PUB-004"
