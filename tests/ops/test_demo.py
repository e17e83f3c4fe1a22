"""The whole demo on real services, small: what it claims holds, and it leaves nothing running and nothing told."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops import cli
from ops.embedded.process import find
from ops.embedded.programs import markers

pytestmark = pytest.mark.flow
RECORDS = 200
#: Enough for a busy machine; some 30 seconds are usual.
PATIENCE = 240
_PROGRAM = "from ops.cli import main; main()"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "home"


@pytest.fixture(scope="module")
def told(home: Path) -> str:
    """What a person sees who runs ``dangan demo``."""
    root = str(Path(cli.__file__).resolve().parents[1])
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM, "demo", "--records", str(RECORDS), "--home", str(home)],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-3000:]
    return run.stdout


@pytest.mark.parametrize(
    "claim",
    [
        "All 200 customers are stored",
        "The clerk sees the granted fields, masked",
        "gets no value",
        "stand in the audit stream",
        "lies in clear",
        "without the signatures of two approvers",
        "the live system cannot read the customer",
        "the old backup opens to nobody",
        "Restored from the old backup, the customer cannot be read",
        "every other customer can",
        "goes on after the sweep",
        "No audit event was altered",
        "One changed name in one event is found",
        "verifies offline",
        "With one character changed it does not",
    ],
)
def test_the_story_makes_its_claims(told: str, claim: str) -> None:
    assert claim in " ".join(told.split("What this run proved", maxsplit=1)[0].split())


def test_all_of_them_held(told: str) -> None:
    assert "What this run proved" in told
    assert "✗" not in told


def test_the_audit_stream_is_followed_live(told: str) -> None:
    before_the_end = told.split("verified offline", maxsplit=1)[0]
    assert before_the_end.count("audit │") >= 10
    assert "REFUSED" in before_the_end


def test_nothing_that_is_told_identifies_a_customer(told: str, home: Path) -> None:
    with (home / "customers.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    secrets = {row[column] for row in rows for column in ("证件号码", "电子邮箱", "账号") if row[column]}
    assert len(secrets) > RECORDS
    assert not [secret for secret in secrets if secret in told]


def test_nothing_is_left_running(told: str, home: Path) -> None:
    assert told
    assert not find(*markers(home), f"worker:{home}")


def test_the_worker_logged_no_value(told: str, home: Path) -> None:
    log = (home / "worker.log").read_text("utf-8")
    assert told
    assert "worker_started" in log
    with (home / "customers.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            assert row["账号"] not in log
            assert row["姓名"] not in log
