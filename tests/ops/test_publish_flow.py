"""``dangan publish`` against a real worker: rows become records once, refusals have their reason in the result file."""

from __future__ import annotations

import asyncio
import csv
from collections import Counter
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from keys.principal_keys import dump_keys
from ops.commands import publish as publish_command
from ops.embedded.stack import Stack
from ops.private_files import write_private
from tests.harness.office import open_office
from tests.harness.workers import Worker

pytestmark = pytest.mark.flow

CANARY = "王小明"


def publish(home: Path, data: Path, key: Path, out: Path) -> Result:
    app = typer.Typer()
    publish_command.register(app)
    options = ["--as", str(key), "--home", str(home), "--result", str(out), "--purpose", "account_service"]
    return CliRunner().invoke(app, [str(data), *options, "--legal-basis", "contract", "--record-id-from", "客户编号"])


def lines(out: Path) -> list[dict[str, str]]:
    with out.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


async def test_a_file_is_published_once_and_its_bad_rows_are_told(stack: Stack, tmp_path: Path) -> None:
    office = await open_office(stack.settings)
    data, key, out = tmp_path / "customers.csv", tmp_path / "crm.key", tmp_path / "out.csv"
    write_private(key, dump_keys(office.crm, None))
    rows = [f"{number},{CANARY}{number},1391234{number:04d}" for number in range(120)]
    rows[7] = f"7,{CANARY}7,not a telephone"
    data.write_text("\n".join(["客户编号,name,phone", *rows]) + "\n", "gb18030")
    with Worker(stack.home, "publish-flow") as worker:
        await asyncio.to_thread(worker.wait_started)
        first = await asyncio.to_thread(publish, stack.home, data, key, out)
        assert first.exit_code == 1, first.output
        written = lines(out)
        assert Counter(line["status"] for line in written) == {"accepted": 119, "refused": 1}
        assert [int(line["row"]) for line in written] == list(range(2, 122))
        (refused,) = [line for line in written if line["status"] == "refused"]
        assert (refused["row"], refused["code"], refused["field"]) == ("9", "DG-COL-002", "phone")
        assert CANARY not in out.read_text("utf-8") + first.output
        again = await asyncio.to_thread(publish, stack.home, data, key, tmp_path / "again.csv")
        statuses = Counter(line["status"] for line in lines(tmp_path / "again.csv"))
        assert statuses == {"duplicate": 119, "refused": 1}, again.output
        data.write_text(data.read_text("gb18030").replace("not a telephone", "13912349999"), "gb18030")
        mended = await asyncio.to_thread(publish, stack.home, data, key, out)
        assert mended.exit_code == 0, mended.output
        assert lines(out)[-1]["row"] == "9"
        assert lines(out)[-1]["status"] == "accepted"
