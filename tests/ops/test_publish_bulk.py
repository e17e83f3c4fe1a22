"""A long file through a real worker: the publisher is killed in the middle and goes on; one wrong row is alone."""

from __future__ import annotations

import asyncio
import csv
import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import Workbook

from keys.principal_keys import dump_keys
from ops.embedded.stack import Stack
from ops.private_files import write_private
from store.database import connect
from tests.harness.aftermath import audit_events, by_command
from tests.harness.office import Office, open_office
from tests.harness.workers import Worker, dangan

pytestmark = pytest.mark.flow

ROWS = 3_000
WRONG = 1_234
HEADER = ("客户编号", "name", "phone")


@pytest.fixture(scope="module")
def office(stack: Stack) -> Office:
    return asyncio.run(open_office(stack.settings))


@pytest.fixture(scope="module")
def _worker(stack: Stack) -> Iterator[None]:
    with Worker(stack.home, "bulk") as worker:
        worker.wait_started()
        yield


@pytest.fixture
def key(office: Office, tmp_path: Path) -> Path:
    write_private(tmp_path / "crm.key", dump_keys(office.crm, None))
    return tmp_path / "crm.key"


def rows(tag: str, count: int, wrong: int) -> list[tuple[str, str, str]]:
    """So many customers; one has a telephone number that is none."""
    return [
        (f"{tag}-{at}", f"客户{tag}", "not a telephone" if at == wrong else f"139{10_000_000 + at}")
        for at in range(count)
    ]


def written_csv(path: Path, cells: list[tuple[str, str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADER, *cells])
    return path


def lines(out: Path) -> list[dict[str, str]]:
    with out.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


class Run:
    """``dangan publish`` as a process of its own."""

    def __init__(self, stack: Stack, data: Path, key: Path, out: Path, *more: str) -> None:
        self.log = out.with_suffix(".log")
        options = ["--as", str(key), "--result", str(out), "--purpose", "account_service"]
        options += ["--legal-basis", "contract", "--record-id-from", "客户编号", *more]
        self._out = out
        self.process = dangan(stack.home, "publish", str(data), *options, log=self.log)

    def kill_after(self, written: int, number: signal.Signals = signal.SIGKILL) -> int:
        """Send the signal once so many lines of the result file are written; return the exit status."""
        deadline = time.monotonic() + 60
        while not self._out.exists() or self._out.read_bytes().count(b"\n") <= written:
            assert self.process.poll() is None, self.log.read_text("utf-8")
            assert time.monotonic() < deadline, self.log.read_text("utf-8")
            time.sleep(0.005)
        os.kill(self.process.pid, number)
        return self.process.wait(30)

    def wait(self) -> int:
        return self.process.wait(120)


async def stored(stack: Stack, subjects: set[str]) -> int:
    """How many records of those ids there are in the store, counted there."""
    settings = stack.settings
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        found = database["records"].find({"state": "live"}, {"_id": 1})
        return len({doc["_id"] async for doc in found} & subjects)


@pytest.mark.usefixtures("_worker")
async def test_a_killed_publication_goes_on_and_one_wrong_row_is_refused_alone(
    stack: Stack, key: Path, tmp_path: Path
) -> None:
    cells = rows(uuid.uuid4().hex[:6], ROWS, WRONG)
    data, out = written_csv(tmp_path / "customers.csv", cells), tmp_path / "out.csv"
    assert await asyncio.to_thread(Run(stack, data, key, out).kill_after, 600) == -signal.SIGKILL
    settled = {line["command"] for line in lines(out) if line["status"] in ("accepted", "duplicate")}
    assert 600 <= len(settled) < ROWS, "it was killed too late to show anything"
    assert await asyncio.to_thread(Run(stack, data, key, out).wait) == 1  # one row is refused

    written = lines(out)
    assert {int(line["row"]) for line in written} == set(range(2, ROWS + 2))
    (refused,) = [line for line in written if line["status"] == "refused"]
    assert (refused["row"], refused["code"], refused["field"]) == (str(WRONG + 2), "DG-COL-002", "phone")
    assert refused["sentence"].startswith("The field's value is not valid.")
    assert refused["next_step"] == "Correct the value at its source and send the record again."
    assert "failed" not in {line["status"] for line in written}
    # nothing that was settled was sent again: each settled command has one line
    counted = Counter(line["command"] for line in written)
    assert all(counted[command] == 1 for command in settled)

    records = {line["record"] for line in written} - {refused["record"]}
    assert len(records) == ROWS - 1
    assert await stored(stack, records) == ROWS - 1
    events = by_command(await audit_events(stack.settings))
    stores = [
        [each for each in events[line["command"]].values() if each["status_id"] == 1 and "status_code" not in each]
        for line in {line["command"]: line for line in written}.values()
    ]
    assert Counter(map(len, stores)) == {1: ROWS - 1, 0: 1}

    # the same file again, result file or not: nothing twice
    again = tmp_path / "again.csv"
    assert await asyncio.to_thread(Run(stack, data, key, again).wait) == 1
    assert Counter(line["status"] for line in lines(again)) == {"duplicate": ROWS - 1, "refused": 1}
    before = out.read_bytes()
    assert await asyncio.to_thread(Run(stack, data, key, out).wait) == 1
    assert out.read_bytes().startswith(before)
    assert len(lines(out)) == len(written) + 1  # only the refused row was sent again
    assert await stored(stack, records) == ROWS - 1


@pytest.mark.usefixtures("_worker")
async def test_a_spreadsheet_is_interrupted_and_goes_on(stack: Stack, key: Path, tmp_path: Path) -> None:
    cells = rows(uuid.uuid4().hex[:6], 2_500, 5)
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in [HEADER, *cells]:
        sheet.append(row)
    data, out = tmp_path / "customers.xlsx", tmp_path / "out.csv"
    book.save(data)
    run = Run(stack, data, key, out, "--bundle", "5")
    assert await asyncio.to_thread(run.kill_after, 100, signal.SIGINT) == 130
    assert "interrupted" in run.log.read_text("utf-8")
    done = len(lines(out))
    assert done < 2_500
    assert await asyncio.to_thread(Run(stack, data, key, out).wait) == 1
    statuses = {line["row"]: line["status"] for line in lines(out)}
    assert Counter(statuses.values()).keys() <= {"accepted", "duplicate", "refused"}
    assert [row for row, status in statuses.items() if status == "refused"] == ["7"]
    assert len(statuses) == 2_500
    records = {line["record"] for line in lines(out) if line["status"] in ("accepted", "duplicate")}
    assert await stored(stack, records) == 2_499
