"""No value is found in clear in any byte that anything left on a disk, before and after a destruction."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from keys.roots import root_of
from ops.reconcile.compare import Comparison
from ops.reconcile.source import told_on_topic
from ops.reconcile.vault_log import calls_in
from schemas.levels import Level
from store.database import connect
from streams.kafka import kafka_of
from tests.harness.canaries import Search, shapes
from tests.harness.story import MARKERS, Story

pytestmark = pytest.mark.flow


@pytest.mark.clause("STO-02")
def test_nothing_is_found_before_a_destruction(story: Story) -> None:
    assert story.seen_before.files == {}
    assert story.seen_before.topics == {}
    assert story.seen_before.database == {}


@pytest.mark.clause("STO-02")
def test_nothing_is_found_after_a_destruction(story: Story) -> None:
    assert story.seen_after.files == {}
    assert story.seen_after.topics == {}
    assert story.seen_after.database == {}


@pytest.mark.clause("SEC-12")
async def test_a_whole_life_with_destruction_and_sweep_reconciles_and_only_the_thief_does_not_fit(story: Story) -> None:
    settings = story.stack.settings
    told = await told_on_topic(kafka_of(settings), 0)
    comparison = Comparison(told, since_ms=0, until_ms=int(time.time() * 1000) + 1)
    comparison.feed(calls_in([story.stack.vault_audit_log], settings.transit_mount))
    report = comparison.finish()
    assert {one.identity for one in report.findings} == {"root"}  # who set Vault up, and who stole its root token
    assert {one.kind for one in report.findings} == {"watch-changed", "unknown-identity"}
    assert {one.path for one in report.findings} >= {f"transit/decrypt/{root_of(level)}" for level in Level}
    assert report.unwraps > 0


@pytest.mark.parametrize("marker", MARKERS.values())
def test_the_search_finds_every_shape_in_a_file(story: Story, tmp_path: Path, marker: str) -> None:
    for at, shape in enumerate(sorted(shapes(marker))):
        (tmp_path / f"planted-{at}").write_bytes(b"\x00" * at + shape + b"tail")
    found = story.search.below(tmp_path)
    assert len(found) == len(shapes(marker))
    assert all(marker in values for values in found.values())


def test_the_search_looks_behind_holes(story: Story, tmp_path: Path) -> None:
    marker = MARKERS["life-000"]
    with (tmp_path / "sparse").open("wb") as file:
        file.seek(8 << 20)
        file.write(marker.encode())
        file.seek(24 << 20)
        file.write(b"end")
    assert story.search.below(tmp_path) == {"sparse": {marker}}


def test_the_search_knows_numbers_as_the_store_would_keep_them() -> None:
    search = Search({"52817000001"})
    assert search.inside((52817000001).to_bytes(8, "little"))
    assert not search.inside((52817000002).to_bytes(8, "little"))


async def test_the_search_finds_what_is_planted_in_a_topic_and_in_the_store(story: Story) -> None:
    """Last of this module: from here on there is something to be found. The message is compressed on the disk."""
    settings, marker = story.stack.settings, MARKERS["life-000"]
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap, compression_type="gzip")
    await producer.start()
    try:
        await producer.send_and_wait("archive.admin", b"x" * 500 + marker.encode() + b"y" * 500)
    finally:
        await producer.stop()
    async with connect(settings.mongo_uri.get_secret_value(), "scratch") as database:
        await database["planted"].insert_one({"_id": 1, "deep": [{"note": f"about {marker}"}]})
    try:
        assert await story.search.in_topics(settings) == {"archive.admin": {marker}}
        found = await story.search.in_database(settings)
        assert found.pop("local.oplog.rs", {marker}) == {marker}  # where the store keeps one, it tells as well
        assert found == {"scratch.planted": {marker}}
    finally:
        async with connect(settings.mongo_uri.get_secret_value(), "scratch") as database:
            await database["planted"].drop()
