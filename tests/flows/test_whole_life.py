"""A whole life of some records, told once (tests/harness/story.py), and what it leaves behind.

No value is found in clear in any byte that anything left on a disk, before and after a destruction. After destroy and
sweep no old copy of anything yields the destroyed record, and every other one is still there: the thief copied database,
journal and topics beforehand and holds Vault's root token (tests/harness/thief.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from keys.certificate import verify_certificate
from keys.roots import INGEST_ROOT, root_of
from ops.reconcile.compare import Comparison
from ops.reconcile.source import told_on_topic
from ops.reconcile.vault_log import calls_in
from schemas.errors import DanganError
from schemas.levels import Level
from store.database import connect
from streams.kafka import kafka_of
from tests.harness.canaries import Search, shapes
from tests.harness.services import own_services
from tests.harness.story import DESTROYED, MARKERS, Story, tell

pytestmark = pytest.mark.flow


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Services of its own: its sweep destroys old versions of every root."""
    folder = tmp_path_factory.mktemp("story")
    with own_services(folder / "home") as started:
        yield asyncio.run(tell(started, folder))


@pytest.mark.clause("DES-02")
def test_before_the_sweep_the_thief_reads_everything(story: Story) -> None:
    """The positive control: these very copies and this very code do read the records while the keys are there."""
    assert story.read_before.records == story.customers
    assert story.read_middle.records == story.customers
    for reading in (story.read_before, story.read_middle):
        assert _collected(reading.bundles) >= story.customers.keys()


@pytest.mark.clause("DES-02")
def test_after_the_sweep_the_thief_reads_nothing_of_the_old_copy(story: Story) -> None:
    assert story.read_after.records == {}
    assert story.read_after.bundles == ()


@pytest.mark.clause("DES-02")
def test_vault_does_not_bring_old_versions_back_for_its_root_token(story: Story) -> None:
    assert story.brought_back.keys() == {*(root_of(level) for level in Level), INGEST_ROOT}
    assert all(story.brought_back.values())


@pytest.mark.clause("DES-02")
def test_old_data_with_the_newest_key_pages_yields_every_survivor_and_nobody_else(story: Story) -> None:
    expected = {name: fields for name, fields in story.customers.items() if name not in DESTROYED}
    assert story.survivors.records == expected
    assert _collected(story.survivors.bundles).isdisjoint(DESTROYED)


@pytest.mark.clause("DES-02")
def test_the_copied_log_folder_holds_what_the_thief_tried(story: Story) -> None:
    """The topics' bytes were copied too: what was tried is what lies there."""
    log = b"".join(file.read_bytes() for file in sorted((story.loot.folder / "kafka").rglob("*.log")))
    assert len(story.loot.messages) >= 5
    assert all(value in log for value in story.loot.messages)


@pytest.mark.clause("DES-02")
def test_the_certificate_names_the_destroyed_and_verifies_offline(story: Story) -> None:
    certificates = [verify_certificate(jws, story.office.trust) for jws in story.certificates]
    assert sorted(record.id for each in certificates for record in each.records) == sorted(DESTROYED)
    (certificate,) = certificates
    assert certificate.requester == story.office.archivist.principal
    assert len(certificate.approvals) == 2
    assert {root.root for root in certificate.roots} == story.brought_back.keys()
    assert certificate.ingest_keys_destroyed


@pytest.mark.clause("DES-02")
def test_an_altered_certificate_does_not_verify(story: Story, tmp_path: Path) -> None:
    head, payload, signature = story.certificates[0].split(".")
    swapped = payload[:40] + ("A" if payload[40] != "A" else "B") + payload[41:]
    with pytest.raises(DanganError) as refused:
        verify_certificate(f"{head}.{swapped}.{signature}", story.office.trust)
    assert refused.value.code.startswith("DG-CER-")


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


def _collected(bundles: Collection[bytes]) -> set[str]:
    commands = [command for bundle in bundles for command in orjson.loads(bundle)["commands"]]
    return {command["record"] for command in commands if command["type"] == "collect"}
