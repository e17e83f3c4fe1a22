"""Long acts leave how they began and how they ended: sweeps, backups and restores, through the commands."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from typer.testing import CliRunner, Result

from ops.audited import CONSOLE, desk
from ops.commands import backup, destruction, restore
from ops.destruction import Outcome
from ops.embedded.stack import Stack
from ops.provision import provision
from schemas.errors import DanganError
from schemas.topics import AUDIT
from store.database import connect
from streams.audit.reader import open_topic
from streams.kafka import kafka_of

pytestmark = pytest.mark.flow


async def events(stack: Stack, since_ms: int, actor: str = CONSOLE) -> list[tuple[Any, ...]]:
    """(action, verb, record, code, digest) of an operator's events, in time."""
    found = []
    async with open_topic(kafka_of(stack.settings), AUDIT, since_ms=since_ms) as topic:
        async for entries in topic.to_the_end():
            for event in (orjson.loads(entry.value) for entry in entries):
                own = event.get("unmapped", {}).get("dangan", {})
                if "verb" in own and event["actor"]["user"]["uid"] == actor:
                    said = (own["action"], own["verb"], own.get("record"), event.get("status_code"), own.get("digest"))
                    found.append((event["time"], said))
    return [said for _, said in sorted(found, key=lambda each: each[0])]


@pytest.fixture
def database(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Settings of a database of this test's own, by name."""
    name = f"t{uuid.uuid4().hex[:12]}"
    asyncio.run(provision(stack.settings))  # the trust file, which a restore proves the audit stream with
    monkeypatch.setenv("DANGAN_MONGO_DATABASE", name)
    yield name

    async def drop() -> None:
        async with connect(stack.settings.mongo_uri.get_secret_value(), name) as opened:
            for each in (name, f"{name}r"):
                await opened.client.drop_database(each)

    asyncio.run(drop())


def run(stack: Stack, *words: str) -> Result:
    app = typer.Typer()
    for module in (destruction, backup, restore):
        module.register(app)
    return CliRunner().invoke(app, [*words, "--home", str(stack.home)])


async def test_an_attempt_says_how_it_ended(stack: Stack) -> None:
    operator, since = f"ops:{uuid.uuid4().hex}", int(time.time() * 1000) - 1000
    async with desk(stack.settings) as opened:
        at = replace(opened, operator=operator)
        async with at.attempt("backup") as said:
            said["digest"] = "0" * 64
        with pytest.raises(DanganError, match="DG-BAK-002"):
            async with at.attempt("restore", record="into-1"):
                raise DanganError("DG-BAK-002")
        await destruction._record_outcome(at, Outcome((), {"serial-1": "a.b.c"}))
    assert await events(stack, since, operator) == [
        ("backup", "begin", None, None, None),
        ("backup", "finish", None, None, "0" * 64),
        ("restore", "begin", "into-1", None, None),
        ("restore", "fail", "into-1", "DG-BAK-002", None),
        ("sweep", "certify", "serial-1", None, hashlib.sha256(b"a.b.c").hexdigest()),
    ]


def test_the_commands_leave_their_events(stack: Stack, database: str, tmp_path: Path) -> None:
    since = int(time.time() * 1000)
    done = run(stack, "backup", "--to", str(tmp_path / "backups"))
    assert done.exit_code == 0, done.output
    (folder,) = (tmp_path / "backups").iterdir()
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    restored = run(stack, "restore", "--from", str(folder), "--into", f"{database}r")
    assert restored.exit_code == 0, restored.output
    personal = run(stack, "restore", "--from", str(folder), "--into", "c-13800138000")
    assert isinstance(personal.exception, DanganError)
    assert personal.exception.code == "DG-OPS-036"
    unknown = run(stack, "sweep", "--root", "nonsense")
    assert isinstance(unknown.exception, DanganError)
    assert asyncio.run(events(stack, since)) == [
        ("backup", "begin", None, None, None),
        ("backup", "finish", None, None, digest),
        ("restore", "begin", f"{database}r", None, None),
        ("restore", "finish", f"{database}r", None, None),
        ("sweep", "begin", None, None, None),
        ("sweep", "fail", None, "DG-SWP-010", None),
    ]


def test_a_sweep_names_what_it_trimmed(
    stack: Stack, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANGAN_BACKUP_PLACES", str(tmp_path / "place"))
    assert database
    since = int(time.time() * 1000)
    swept = run(stack, "sweep", "--root", "basic")
    assert swept.exit_code == 0, swept.output
    told = asyncio.run(events(stack, since))
    assert [each[:3] for each in told] == [
        ("sweep", "begin", None),
        ("sweep", "trim", "dangan-basic"),
        ("sweep", "finish", None),
    ]
