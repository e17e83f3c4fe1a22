"""The audit stream as people use it, on real servers: stock tools read it, rules watch it, inspectors ask it."""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import aclosing
from pathlib import Path

import orjson
import pytest
import typer
from typer.testing import CliRunner, Result

from ops.audited import desk
from ops.commands import audit, detect
from ops.detect.detector import Detector
from ops.detect.rules import load_detections
from ops.detect.source import follow
from ops.embedded.stack import Stack
from schemas.audit import Fact
from schemas.topics import ALERTS, AUDIT
from streams.audit.checkpoint import VALUE_PREFIX
from streams.audit.reader import Entry, open_topic
from streams.kafka import kafka_of
from tests.harness.console_consumer import console_consumer
from tests.harness.customers import customer
from tests.harness.office import PURPOSE, Office, grant_id
from tests.harness.workers import Worker
from tests.schemas.ocsf_schema import faults

pytestmark = pytest.mark.flow


async def on_topic(stack: Stack, topic: str) -> list[Entry]:
    async with open_topic(kafka_of(stack.settings), topic) as opened:
        return [entry async for batch in opened.to_the_end() for entry in batch]


async def dangan(stack: Stack, *words: str) -> Result:
    app = typer.Typer()
    audit.register(app)
    detect.register(app)
    return await asyncio.to_thread(CliRunner().invoke, app, [*words, "--home", str(stack.home)])


async def misuse(stack: Stack, thief: str) -> None:
    """A person reads 120 records within a minute, and touches a decoy."""
    now_ms = int(time.time() * 1000)
    facts = [
        Fact(
            str(uuid.uuid4()),
            "access",
            True,
            None,
            thief,
            now_ms - 60_000 + at,
            record=f"rec-bulk-{at}",
            fields=("name",),
        )
        for at in range(120)
    ]
    facts.append(Fact(str(uuid.uuid4()), "access", False, "DG-ACC-001", thief, now_ms, record="decoy-7"))
    async with desk(stack.settings) as at:
        await at.audit.publish(facts)


@pytest.mark.clause("AUD-02", "AUD-08")
async def test_inspectors_get_a_records_history_and_the_review(stack: Stack, office: Office, worker: Worker) -> None:
    record = f"rec-{uuid.uuid4()}"
    crm = office.crm.principal
    async with office.publisher() as publisher:
        collected = await publisher.collect(
            record=record, subject=f"sub-{record}", purpose=PURPOSE, legal_basis="contract", fields=customer(1)
        )
        assert (await collected).status == "accepted"
        read = await publisher.access(record=record, fields=["name"], purpose=PURPOSE, grant=grant_id(crm))
        assert (await read).status == "accepted"
        other = await publisher.access(record=record, fields=["name"], purpose=PURPOSE, grant="grant-of-nobody")
        assert (await other).code == "DG-ACC-001"

    told = await dangan(stack, "audit", "history", record, "--json")
    assert told.exit_code == 0, told.output
    steps = orjson.loads(told.stdout)["steps"]
    assert [(step["stage"], step["handler"], step["allowed"]) for step in steps] == [
        ("collection", crm, True), ("access", crm, True), ("access", crm, False),
    ]  # fmt: skip
    assert steps[1]["approvers"] == ["ops:console"]  # who gave the grant
    assert steps[2]["code"] == "DG-ACC-001"

    reviewed = await dangan(stack, "audit", "review", "--since", "1h", "--json")
    assert reviewed.exit_code == 0, reviewed.output
    review = orjson.loads(reviewed.stdout)
    assert (review["reads"], review["without_valid_application"]) == (1, [])
    assert [one["actor"] for one in review["attempts"]] == [crm]


@pytest.mark.clause("AUD-08")
async def test_misuse_becomes_alerts_on_the_topic_once(stack: Stack) -> None:
    thief = f"desk-{uuid.uuid4().hex[:6]}"
    await misuse(stack, thief)
    dry = await dangan(stack, "detect", "--since", "1h", "--dry-run", "--json")
    assert dry.exit_code == 0, dry.output
    assert await on_topic(stack, ALERTS) == []

    found = await dangan(stack, "detect", "--since", "1h", "--json")
    alerts = [orjson.loads(line) for line in found.stdout.splitlines()]
    mine = {one["unmapped"]["dangan"]["rule"] for one in alerts if one["unmapped"]["dangan"]["key"] == thief}
    assert {"reads-in-bulk", "decoy-touched"} <= mine

    again = await dangan(stack, "detect", "--since", "1h", "--json")
    assert (again.exit_code, again.stdout) == (0, "")
    entries = await on_topic(stack, ALERTS)
    assert sorted(entry.value for entry in entries) == sorted(found.stdout.encode().splitlines())
    assert [fault for alert in alerts for fault in faults(alert)] == []

    reviewed = await dangan(stack, "audit", "review", "--since", "1h", "--json")
    assert reviewed.exit_code == 1
    reasons = {one["reason"] for one in orjson.loads(reviewed.stdout)["without_valid_application"]}
    assert reasons == {"it names no grant"}


@pytest.mark.clause("AUD-01")
async def test_a_consumer_that_nobody_here_wrote_reads_the_stream(stack: Stack) -> None:
    await misuse(stack, "desk-9")
    ours = [entry.value for entry in await on_topic(stack, AUDIT)]
    theirs = await asyncio.to_thread(console_consumer, stack.settings.kafka_bootstrap, AUDIT, len(ours))
    assert sorted(theirs) == sorted(ours)
    events = [orjson.loads(value) for value in theirs if not value.startswith(VALUE_PREFIX)]
    assert len(events) > 120
    assert [fault for event in events for fault in faults(event)] == []


async def test_an_export_of_a_time_and_a_tail_of_refusals(stack: Stack, tmp_path: Path) -> None:
    await misuse(stack, "desk-8")
    later, whole, none = (tmp_path / name for name in ("later", "whole", "none"))
    assert (await dangan(stack, "audit", "export", "--out", str(whole))).exit_code == 0
    assert (await dangan(stack, "audit", "export", "--out", str(later), "--since", "1h")).exit_code == 0
    assert (await dangan(stack, "audit", "export", "--out", str(none), "--until", "1h")).exit_code == 0
    assert sorted(later.read_bytes().splitlines()) == sorted(whole.read_bytes().splitlines())  # partitions in any order
    assert whole.stat().st_size > 0
    assert none.read_bytes() == b""
    seen = await dangan(stack, "audit", "tail", "--no-follow", "--refused", "--actor", "desk-8")
    assert seen.output.count("REFUSED") == 1
    assert "decoy-7" in seen.output


async def test_who_follows_is_told_of_misuse_as_it_happens(stack: Stack) -> None:
    thief = f"desk-{uuid.uuid4().hex[:6]}"
    detector = Detector(load_detections())
    found = []
    begin = int(time.time() * 1000) - 120_000
    await misuse(stack, thief)
    following = follow(kafka_of(stack.settings), begin, lambda: time.time() + 5)  # nothing is late here
    async with asyncio.timeout(20), aclosing(following):
        async for events in following:
            found += [alert.rule.id for event in events for alert in detector.see(event) if alert.key == thief]
            if {"reads-in-bulk", "decoy-touched"} <= set(found):
                break
