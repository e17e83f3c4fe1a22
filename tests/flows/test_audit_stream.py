"""The audit stream on real servers: published, followed, exported, verified, and tampered with."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
import typer
from typer.testing import CliRunner, Result

from keys.okp import thumbprint
from keys.roots import WRITERS_KEY
from keys.vault import transit_of
from ops.commands.audit import register
from ops.embedded.stack import Stack
from schemas.audit import Fact, KeptCheckpoint, event_id
from schemas.errors import DanganError
from schemas.topics import AUDIT
from schemas.trust import Trust, TrustedKey
from store.checkpoints import Checkpoints
from store.database import connect
from streams.audit.checkpoint import VALUE_PREFIX, parse_checkpoint
from streams.audit.findings import Report
from streams.audit.kafka import kafka_log
from streams.audit.publisher import AuditPublisher
from streams.audit.reader import Entry, open_topic
from streams.audit.verify import Verifier
from streams.kafka import kafka_of
from streams.writer import WriterIdentity, new_writer

pytestmark = pytest.mark.flow


def facts(count: int, actor: str) -> list[Fact]:
    now_ms = int(time.time() * 1000)
    return [
        Fact(str(uuid.uuid4()), "access", bool(at % 4), None if at % 4 else "DG-ACC-001", actor, now_ms, f"rec-{at}")
        for at in range(count)
    ]


@dataclass
class Station:
    """A publisher and what it needs."""

    stack: Stack
    writer: WriterIdentity
    publisher: AuditPublisher
    trust: Trust


@pytest.fixture
async def station(stack: Stack) -> AsyncIterator[Station]:
    settings = stack.settings
    async with (
        connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database,
        transit_of(settings, settings.token_file("worker")) as transit,
    ):
        writer = await new_writer(transit, "flow", time.time())
        x = await transit.public_key(WRITERS_KEY)
        trust = Trust(writers=(TrustedKey.model_construct(kid=thumbprint("Ed25519", x), x=x),))
        log = kafka_log(kafka_of(settings), AUDIT, writer.id)
        async with AuditPublisher(log, writer, Checkpoints(database).save, clock=time.time) as publisher:
            yield Station(stack, writer, publisher, trust)


async def own_entries(station: Station) -> list[Entry]:
    """The topic's records of this station's chain."""
    mine = station.writer.id.encode()
    async with open_topic(kafka_of(station.stack.settings), AUDIT) as topic:
        return [entry async for batch in topic.to_the_end() for entry in batch if mine in entry.value]


async def kept(station: Station) -> KeptCheckpoint:
    settings = station.stack.settings
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        return next(one for one in [c async for c in Checkpoints(database).all()] if one.writer == station.writer.id)


def verified(station: Station, entries: list[Entry], known: KeptCheckpoint | None = None) -> Report:
    note = parse_checkpoint(known.text) if known else None
    verifier = Verifier(station.trust, [note] if note else [])
    for entry in entries:
        verifier.feed(entry.value, f"partition {entry.partition}", entry.offset)
    return verifier.finish()


@pytest.mark.clause("AUD-01")
async def test_events_are_in_the_topic_when_publish_returns_and_the_chain_verifies(station: Station) -> None:
    batches = [facts(size, "flow-reader") for size in (1, 50, 7, 256)]
    for batch in batches:
        await station.publisher.publish(batch)
        assert await own_entries(station)
    entries = await own_entries(station)
    assert len({entry.partition for entry in entries}) == 1
    assert entries[-1].value.startswith(VALUE_PREFIX)
    events = [orjson.loads(entry.value) for entry in entries if not entry.value.startswith(VALUE_PREFIX)]
    expected = [event_id(fact) for batch in batches for fact in batch]
    assert [event["metadata"]["uid"] for event in events[1:]] == expected
    report = verified(station, entries)
    assert report.findings == []
    assert report.events == 1 + 1 + 50 + 7 + 256


async def test_callers_at_once_share_record_batches_and_lose_nothing(station: Station) -> None:
    batches = [facts(20, f"flow-{at}") for at in range(30)]
    await asyncio.gather(*(station.publisher.publish(batch) for batch in batches))
    entries = await own_entries(station)
    report = verified(station, entries)
    assert report.findings == []
    assert report.events == 601
    assert report.checkpoints < 30


async def test_a_tail_cut_off_the_topic_is_noticed_by_the_checkpoint_in_the_database(station: Station) -> None:
    await station.publisher.publish(facts(5, "flow-reader"))
    await asyncio.sleep(0.1)
    before = await own_entries(station)
    await asyncio.sleep(1.0)  # a checkpoint is kept once a second
    await station.publisher.publish(facts(5, "flow-reader"))
    await asyncio.sleep(0.2)
    known = await kept(station)
    assert known.size == 11
    assert verified(station, await own_entries(station), known).findings == []
    assert verified(station, before).findings == []
    (found,) = verified(station, before, known).findings
    assert (found.kind.value, found.first, found.last) == ("truncated", 6, 10)


def dangan(stack: Stack, *arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["audit", *arguments, "--home", str(stack.home)])


async def test_the_commands_follow_export_and_verify(station: Station, tmp_path: Path) -> None:
    actor = f"flow-{uuid.uuid4()}"
    await station.publisher.publish(facts(8, actor))
    trust = tmp_path / "trust.json"
    trust.write_text(station.trust.dump(), "utf-8")
    stack = station.stack

    seen = await asyncio.to_thread(dangan, stack, "tail", "--no-follow", "--actor", actor, "--outcome", "refused")
    assert seen.exit_code == 0, seen.output
    assert seen.output.count("REFUSED") == 2
    assert "rec-4" in seen.output
    as_json = await asyncio.to_thread(
        dangan, stack, "tail", "--no-follow", "--since", "start", "--actor", actor, "--json"
    )
    assert len([orjson.loads(line) for line in as_json.stdout.splitlines()]) == 8

    out, notes = tmp_path / "audit.ndjson", tmp_path / "kept"
    exported = await asyncio.to_thread(dangan, stack, "export", "--out", str(out), "--checkpoints", str(notes))
    assert exported.exit_code == 0, exported.output
    again = await asyncio.to_thread(dangan, stack, "export", "--out", str(out))
    assert isinstance(again.exception, DanganError)

    online = await asyncio.to_thread(dangan, stack, "verify", "--trust", str(trust))
    assert online.exit_code == 0, online.output
    good = ("verify", str(out), "--trust", str(trust), "--checkpoints", str(notes))
    assert (await asyncio.to_thread(dangan, stack, *good)).exit_code == 0

    changed = tmp_path / "changed.ndjson"
    lines = out.read_bytes().split(b"\n")
    at = next(number for number, line in enumerate(lines, 1) if actor.encode() in line)
    lines[at - 1] = lines[at - 1].replace(b'"status":"Failure"', b'"status":"Success"')
    changed.write_bytes(b"\n".join(lines))
    bad = await asyncio.to_thread(dangan, stack, "verify", str(changed), "--trust", str(trust), "--json")
    assert bad.exit_code == 1
    (found,) = orjson.loads(bad.stdout)["findings"]
    assert (found["kind"], found["place"]["number"]) == ("altered", at)
    shown = await asyncio.to_thread(dangan, stack, "verify", str(changed), "--trust", str(trust))
    assert "altered" in shown.output
