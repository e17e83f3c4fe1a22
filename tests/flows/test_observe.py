"""An archive that is watched: metrics and health of a worker, Vault's log reconciled, the audit stream archived.

The tests of this module tell one story, in the order in which they stand.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import typer
from aiokafka import AIOKafkaProducer
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner, Result

from keys.roots import root_of
from keys.vault import transit_of
from ops.commands.audit import register
from ops.embedded.ports import free_ports
from ops.embedded.stack import Stack
from ops.observe.gauges import ArchiveGauges
from ops.observe.reading import read_kafka, read_records, read_store
from ops.rules import load_rules
from schemas.errors import DanganError
from schemas.topics import ALERTS, AUDIT
from store.database import connect
from store.pages import from_document as page_from
from streams.audit.reader import open_topic
from streams.kafka import kafka_of
from tests.harness.aftermath import drain
from tests.harness.canaries import Search, canaries_of, canary_customer
from tests.harness.metric_labels import Scraped, strange_labels
from tests.harness.office import PURPOSE, Office, grant_id
from tests.harness.workers import Worker

pytestmark = pytest.mark.flow

MARKER = "Kanarienvogel7"
CUSTOMERS = [canary_customer(at, MARKER) for at in range(6)]
#: Seconds within which an event must follow its unwrap: short, so that the test need not wait.
WINDOW = 3


@pytest.fixture(scope="module")
def port() -> int:
    return free_ports(["metrics"])["metrics"]


@pytest.fixture(scope="module")
def worker(stack: Stack, office: Office, port: int) -> Iterator[Worker]:
    """A worker that shows its metrics."""
    os.environ["DANGAN_METRICS_PORT"] = str(port)
    try:
        with Worker(stack.home, "watched") as started:
            started.wait_started()
            yield started
    finally:
        del os.environ["DANGAN_METRICS_PORT"]


@pytest.fixture(scope="module")
def begun(office: Office) -> str:
    """When the archive was set up and registered: what was before is Vault's administrator's work."""
    return datetime.now(UTC).isoformat()


async def get(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


def dangan(stack: Stack, *arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, ["audit", *arguments, "--home", str(stack.home)])
    if isinstance(result.exception, DanganError):
        raise result.exception
    return result


def reconcile(stack: Stack, begun: str, *more: str) -> tuple[int, dict[str, Any]]:
    log = str(stack.vault_audit_log)
    done = dangan(stack, "reconcile", "--vault-log", log, "--since", begun, "--window", str(WINDOW), "--json", *more)
    return done.exit_code, orjson.loads(done.stdout)


@pytest.mark.clause("SEC-12")
async def test_metrics_health_and_logs_tell_of_the_work_and_of_nobody(
    stack: Stack, office: Office, begun: str, worker: Worker, port: int
) -> None:
    settings = stack.settings
    grant = grant_id(office.crm.principal)
    async with office.publisher() as publisher, asyncio.timeout(40):
        collected = [
            await publisher.collect(
                record=f"watched-{at}", subject=f"s-{at}", purpose=PURPOSE, legal_basis="contract", fields=fields
            )
            for at, fields in enumerate(CUSTOMERS)
        ]
        assert {(await one).status for one in collected} == {"accepted"}
        ask: dict[str, Any] = {"purpose": PURPOSE, "fields": ["name", "phone", "id_number"]}
        reads = [await publisher.access(record=f"watched-{at}", grant=grant, **ask) for at in range(len(CUSTOMERS))]
        assert {(await one).status for one in reads} == {"accepted"}
        refused = await (await publisher.access(record="watched-1", grant="grant-of-nobody", **ask))
        assert refused.status == "refused"
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap)
    await producer.start()
    try:  # in clear, by mistake: with a name in the value, the key and a header
        who = CUSTOMERS[0]["name"].encode()
        await producer.send_and_wait("archive.collect", who, key=who, headers=[("ce_id", who), (MARKER, who)])
    finally:
        await producer.stop()
    await drain(settings)
    status, text = await get(port, "/ready")
    assert (status, orjson.loads(text)) == (
        200, {"ready": True, "checks": {"partitions": True, "store": True, "vault": True, "audit": True}}
    )  # fmt: skip
    assert (await get(port, "/live"))[0] == 200
    _, text = await get(port, "/metrics")
    metrics = Scraped(text_string_to_metric_families(text))
    samples = {(s.name, *sorted(s.labels.values())): s.value for one in metrics.collect() for s in one.samples}
    assert samples["dangan_commands_total", "", "accepted", "collect"] == len(CUSTOMERS)
    assert samples["dangan_commands_total", "", "accepted", "access"] == len(CUSTOMERS)
    assert samples["dangan_commands_total", str(refused.code), "access", "refused"] == 1
    assert sum(value for (name, *_), value in samples.items() if name == "dangan_dead_letters_total") == 1
    assert samples["dangan_key_cache_total", "miss"] >= 1
    assert samples["dangan_vault_calls_total", "decrypt"] >= 1
    assert samples["dangan_stage_seconds_count", "collect", "whole"] >= 1
    lags = [value for (name, *_), value in samples.items() if name == "dangan_consumer_lag"]
    assert lags
    assert set(lags) == {0}
    assert strange_labels(metrics) == []

    search = Search(set().union(*(canaries_of(fields, MARKER) for fields in CUSTOMERS)))
    assert search.inside(text.encode()) == set()
    log = worker.log.read_bytes()
    assert search.inside(log) == set()
    letters = [orjson.loads(line) for line in log.splitlines() if b'"dead_letter"' in line]
    assert [line["batch"].split("/")[0] for line in letters] == ["archive.collect"]
    assert all(line["place"] and line["code"] for line in letters)


async def test_the_observer_reads_what_waits(stack: Stack, worker: Worker) -> None:
    settings = stack.settings
    gauges = ArchiveGauges(time.time)
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        await read_store(database, gauges.reading)
        await read_records(database, load_rules().book, gauges.reading, now=time.time())
    await read_kafka(kafka_of(settings), gauges.reading)
    reading = gauges.reading
    assert reading.dead_letters == 1
    assert reading.entries == {"pending": 0, "forgotten": 0}
    assert reading.overdue == {"intake": 0, "correction": 0}
    assert reading.checkpoint_at is not None
    assert time.time() - reading.checkpoint_at < 60
    assert strange_labels(gauges.registry) == []


@pytest.mark.clause("SEC-12", "AUD-01")
async def test_ordinary_work_reconciles_and_a_thief_and_a_gap_are_found(
    stack: Stack, begun: str, worker: Worker, tmp_path: Path
) -> None:
    settings = stack.settings
    await asyncio.sleep(WINDOW + 0.5)
    code, clean = await asyncio.to_thread(reconcile, stack, begun)
    assert (code, clean["findings"]) == (0, [])
    assert clean["unwraps"] >= 1

    # a piece taken out of our stream
    export, changed = tmp_path / "audit.ndjson", tmp_path / "changed.ndjson"
    await asyncio.to_thread(dangan, stack, "export", "--out", str(export))
    lines = export.read_bytes().splitlines(keepends=True)
    changed.write_bytes(b"".join(line for line in lines if b'"action":"access"' not in line))
    code, gap = await asyncio.to_thread(reconcile, stack, begun, "--in", str(changed))
    assert code == 1
    assert {one["kind"] for one in gap["findings"]} == {"unwrap-unexplained"}

    # a thief with the worker's token and a page of the database
    async with (
        connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database,
        transit_of(settings, settings.token_file("worker")) as transit,
    ):
        page = page_from(await database["pages"].find_one({}) or {})
        await transit.decrypt(root_of(page.level), [page.wrapped_key] * 100)
        with pytest.raises(DanganError):
            await transit.rewrap(root_of(page.level), [page.wrapped_key])
    await asyncio.sleep(WINDOW + 0.5)
    code, theft = await asyncio.to_thread(reconcile, stack, begun)
    assert code == 1
    kinds = {one["kind"] for one in theft["findings"]}
    assert kinds == {"unwrap-unexplained", "call-refused"}
    stolen = [one for one in theft["findings"] if one["kind"] == "unwrap-unexplained"]
    assert stolen[0]["identity"] == "token-dangan-worker"
    assert stolen[0]["path"] == f"transit/decrypt/{root_of(page.level)}"
    assert len(stolen[0]["token"]) == 16
    again = (await asyncio.to_thread(reconcile, stack, begun))[1]
    assert [one["alert"] for one in again["findings"]] == [one["alert"] for one in theft["findings"]]
    async with open_topic(kafka_of(settings), ALERTS) as topic:
        told = [orjson.loads(entry.value) async for batch in topic.to_the_end() for entry in batch]
    assert {one["metadata"]["uid"] for one in told} == {one["alert"] for one in theft["findings"]}
    assert len(told) == len(theft["findings"])  # each once


@pytest.mark.clause("AUD-01", "AUD-02")
async def test_what_is_archived_leaves_the_topic_and_verifies_as_before(
    stack: Stack, worker: Worker, tmp_path: Path
) -> None:
    settings = stack.settings
    export, before, after = tmp_path / "audit.ndjson", tmp_path / "before", tmp_path / "after"
    await asyncio.to_thread(dangan, stack, "export", "--out", str(export))
    read = next(line for line in export.read_bytes().splitlines() if b'"action":"access"' in line)
    uid = orjson.loads(read)["metadata"]["uid"]
    await asyncio.to_thread(dangan, stack, "prove", uid, "--in", str(export), "--out", str(before))
    table = tmp_path / "audit.parquet"
    await asyncio.to_thread(dangan, stack, "export", "--out", str(table), "--parquet")
    assert table.read_bytes()[:4] == b"PAR1"

    trim = ["--trim-topic"] if stack.kafka_kind == "broker" else []
    done = await asyncio.to_thread(dangan, stack, "archive", "--older-than", "0s", *trim)
    assert done.exit_code == 0, done.output
    folder = stack.home / "audit-archive"
    if trim:
        async with open_topic(kafka_of(settings), AUDIT) as topic:
            assert topic.total == 0
    assert (await asyncio.to_thread(dangan, stack, "check-proof", str(before))).exit_code == 0
    await asyncio.to_thread(dangan, stack, "prove", uid, "--in", str(folder), "--out", str(after))
    assert after.read_bytes() == before.read_bytes()
    alone = await asyncio.to_thread(dangan, stack, "verify", str(folder))
    assert alone.exit_code == 0, alone.output
    whole = await asyncio.to_thread(dangan, stack, "verify", "--json")
    assert orjson.loads(whole.stdout)["findings"] == []
    assert orjson.loads(whole.stdout)["events"] > len(CUSTOMERS)
