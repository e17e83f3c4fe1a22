"""Sealed backups on the real services: a directory and object storage, a chain, a lost place, a restore and a drill."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import bson
import orjson
import pytest
import typer
from typer.testing import CliRunner, Result

from keys.chunks import ChunkCipher
from keys.ring import KeyRing
from keys.roots import root_of
from keys.vault import transit_of
from ops.backups.drill import DrillReport, verified_drill
from ops.backups.places import approved_places
from ops.commands import backup, destruction, drill, restore
from ops.config import load_settings, write_settings
from ops.embedded.stack import Stack
from ops.private_files import private_folder
from ops.provision import provision
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.settings import Settings
from schemas.topics import ALERTS
from store.attachments import COLLECTIONS, Attachment, Attachments, Chunk
from store.backups import Backups
from store.database import connect
from store.ledger import ensure_indexes as ledger_indexes
from store.pages import Pages
from store.pages import ensure_indexes as page_indexes
from streams.audit.reader import open_topic
from streams.kafka import kafka_of
from tests.flows.test_destruction import Site
from tests.simulators.object_storage import ObjectStorage, object_storage

pytestmark = pytest.mark.flow


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[ObjectStorage]:
    with object_storage(tmp_path) as running:
        yield running


@dataclass
class Home:
    """An installation of its own in the shared services, with strict backup places: a directory and a bucket."""

    settings: Settings
    site: Site
    storage: ObjectStorage

    def dangan(self, *words: str) -> Result:
        program = typer.Typer()
        for module in (backup, restore, drill, destruction):
            module.register(program)
        return CliRunner().invoke(program, [*words, "--home", str(self.settings.home)])

    def good(self, *words: str) -> str:
        result = self.dangan(*words)
        assert result.exit_code == 0, (result.output, result.exception)
        return " ".join(result.output.split())

    def fails(self, code: str, *words: str) -> DanganError:
        error = self.dangan(*words).exception
        assert isinstance(error, DanganError), error
        assert error.code == code
        return error


PLACES = """
site = "shanghai-1"
[[place]]
name = "east"
kind = "directory"
path = "{east}"
site = "shanghai-2"
encrypted = true
approved = true
[[place]]
name = "cloud"
kind = "s3"
bucket = "{bucket}"
prefix = "dangan/"
endpoint = "{endpoint}"
credentials = "{credentials}"
site = "beijing-1"
encrypted = true
approved = true
"""


@pytest.fixture
async def home(stack: Stack, storage: ObjectStorage, tmp_path: Path) -> AsyncIterator[Home]:
    folder = private_folder(tmp_path / "home")
    shared, name = stack.settings, f"b{uuid.uuid4().hex[:12]}"
    uri = shared.mongo_uri.get_secret_value()
    write_settings(
        folder,
        {
            "kafka_bootstrap": shared.kafka_bootstrap,
            "mongo_uri": uri,
            "mongo_database": name,
            "vault_addr": shared.vault_addr,
            "vault_token_dir": str(shared.vault_token_dir),
        },
    )
    text = PLACES.format(
        east=tmp_path / "east", bucket=storage.bucket, endpoint=storage.endpoint, credentials=storage.credentials
    )
    (folder / "places.toml").write_text(text)
    settings = load_settings(folder, {})
    await provision(settings)
    async with (
        connect(uri, name) as database,
        transit_of(shared, stack.root_token.get_secret_value) as transit,
        KeyRing(transit, Pages(database)) as ring,
    ):
        await page_indexes(database)
        await ledger_indexes(database)
        yield Home(settings, Site(stack, database, transit, ring, []), storage)
        await database.client.drop_database(name)


def register_of(home: Home) -> Backups:
    return Backups(home.site.database)


@pytest.mark.clause("STO-06", "STO-07")
async def test_a_chain_in_two_places_is_unsealed_restored_and_drilled(home: Home, tmp_path: Path) -> None:
    site = home.site
    names = [f"rec-{at:03d}" for at in range(40)]
    await site.collect(*names[:30])
    assert "full backup" in await asyncio.to_thread(home.good, "backup", "run")
    await site.collect(*names[30:])
    await site.forget("rec-000")
    await asyncio.sleep(1.1)  # a backup's name is its second
    told = await asyncio.to_thread(home.good, "backup", "run")
    assert "incremental backup" in told
    full, increment = await register_of(home).all()
    assert (full.kind, full.state, set(full.verified)) == ("full", "whole", {"east", "cloud"})
    assert (increment.base, increment.state) == (full.id, "whole")
    assert 0 < increment.stored < increment.documents
    east = {file.name: file.read_bytes() for file in (tmp_path / "east").iterdir()}
    assert home.storage.stored("dangan/") == east
    assert not any(b"rec-0" in data for data in east.values())
    shown = await asyncio.to_thread(home.good, "backup", "list")
    assert "horizon" in shown

    # what mongorestore reads: BSON and metadata, parsed here with bson alone
    plain = home.settings.home / "plain"
    await asyncio.to_thread(home.good, "backup", "unseal", str(plain))
    records = bson.decode_all((plain / site.database.name / "records.bson").read_bytes())
    assert {doc["_id"] for doc in records if doc["state"] == "live"} == set(names[1:])
    assert (
        orjson.loads((plain / site.database.name / "records.metadata.json").read_bytes())["collectionName"] == "records"
    )
    assert stat_mode(plain / site.database.name / "records.bson") == 0o600

    # the east site is lost: the bucket alone serves
    shutil.rmtree(tmp_path / "east")
    into = f"r{uuid.uuid4().hex[:12]}"
    assert "restored 39, destroyed and left so 1" in await asyncio.to_thread(home.good, "restore", "--into", into)
    async with connect(home.settings.mongo_uri.get_secret_value(), into) as target:
        assert {doc["_id"] async for doc in target["records"].find({"state": "live"})} == set(names[1:])
        await target.client.drop_database(into)
    assert list((home.settings.home / "scratch").iterdir()) == []


def stat_mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


@pytest.mark.clause("STO-08")
async def test_a_drill_reads_survivors_tries_the_destroyed_and_signs_what_it_found(home: Home) -> None:
    site = home.site
    await site.collect("rec-1", "rec-2", "rec-3")
    await asyncio.to_thread(home.good, "backup", "run")
    await site.forget("rec-2")
    before = set(await site.database.client.list_database_names())
    assert "passed" in await asyncio.to_thread(home.good, "drill", "run")
    assert set(await site.database.client.list_database_names()) == before
    (kept,) = await register_of(home).drills()
    trust = await provision(home.settings)
    report = verified_drill(kept.jws, trust)
    assert report.passed
    assert (report.restored, report.destroyed, report.survivors, report.fields) == (2, 1, 2, 6)
    assert (report.gone, report.unswept) == (0, 1)  # the backup's own keys of it open until the sweep
    assert set(report.seconds) == {"open", "restore", "check"}
    assert (home.settings.home / "drills" / f"{report.id}.jws").read_text().strip() == kept.jws
    head, body, signature = kept.jws.split(".")
    with pytest.raises(DanganError, match="DG-CER-00"):
        verified_drill(f"{head}.{body[:-2]}AA.{signature}", trust)
    assert "passed" in await asyncio.to_thread(home.good, "drill", "list")
    assert "nothing is overdue" in await asyncio.to_thread(home.good, "drill", "due", "--no-alert")
    # a ledger that calls a record swept whose old keys open is found out
    swept = {root_of(level): "no-sweep" for level in Level}
    await site.database["ledger"].update_one({"_id": "rec-2"}, {"$set": {"swept": swept}})
    await asyncio.to_thread(home.fails, "DG-BAK-036", "drill", "run")
    found = next(each for each in await register_of(home).drills() if each.id != kept.id)
    assert verified_drill(found.jws, trust).alive == ("rec-2",)
    await site.database["ledger"].update_one({"_id": "rec-2"}, {"$unset": {"swept": ""}})
    await register_of(home)._drills.delete_one({"_id": found.id})
    # never in the backup: not counted; and after the sweep the backup's own keys are refused
    await site.collect("rec-9")
    await site.forget("rec-9")
    for level in Level:
        await asyncio.to_thread(home.good, "sweep", "--root", level.value)
    await asyncio.to_thread(home.good, "drill", "run")
    last = next(each for each in await register_of(home).drills() if each.id != kept.id)
    again = verified_drill(last.jws, trust)
    assert (again.passed, again.gone, again.unswept, again.alive) == (True, 1, 0, ())
    # a quarter later it is overdue
    await site.database["drills"].update_many({}, {"$set": {"at": 1_600_000_000}})
    await asyncio.to_thread(home.fails, "DG-BAK-038", "drill", "due", "--no-alert")


@pytest.mark.clause("STO-08")
async def test_a_drill_fails_when_a_survivor_is_unreadable(home: Home) -> None:
    site = home.site
    await site.collect("rec-1", "rec-2")
    await site.database["records"].update_one({"_id": "rec-2"}, {"$set": {"fields.f_core": b"\x01" + bytes(40)}})
    await asyncio.to_thread(home.good, "backup", "run")
    await asyncio.to_thread(home.fails, "DG-BAK-036", "drill")
    (kept,) = await register_of(home).drills()
    assert not kept.passed
    assert verified_drill(kept.jws, await provision(home.settings)).unreadable == ("rec-2",)


@pytest.mark.clause("STO-08")
async def test_a_drill_reads_attachments_and_fails_when_one_does_not_open(home: Home) -> None:
    site = home.site
    await site.collect("rec-1")
    async with KeyRing(site.transit, Pages(site.database)) as ring:
        dek = (await ring.open(await site.records.keys_of(["rec-1"])))["rec-1"][Level.BASIC]
    store, cipher = Attachments(site.database), ChunkCipher(dek, "rec-1", "att-1", Level.BASIC, 1)
    digest = cipher.seal_digest(hashlib.sha256(b"scan").hexdigest())
    await store.begin(Attachment("rec-1", "att-1", "scan", Level.BASIC, 1, digest, "cmd-1", "sys:crm", 1))
    await store.put("rec-1", "att-1", Chunk(1, cipher.seal(1, b"scan"), "cmd-1", "sys:crm", 1))
    await store.complete("rec-1", "att-1", stored=33, parts=1)
    await asyncio.to_thread(home.good, "backup", "run")
    await asyncio.to_thread(home.good, "drill", "run")
    (kept,) = await register_of(home).drills()
    trust = await provision(home.settings)
    assert verified_drill(kept.jws, trust).attachments == 1
    chunks = site.database[COLLECTIONS[1]]
    await chunks.update_one({"record": "rec-1"}, {"$set": {"data": b"\x01" + bytes(32)}})
    await asyncio.sleep(1.1)  # a backup's name is its second
    await asyncio.to_thread(home.good, "backup", "run")
    await asyncio.to_thread(home.fails, "DG-BAK-036", "drill", "run")
    failed = next(each for each in await register_of(home).drills() if each.id != kept.id)
    assert verified_drill(failed.jws, trust).unreadable == ("rec-1",)


def test_a_drill_that_read_nothing_of_what_was_restored_does_not_pass() -> None:
    parts = dict.fromkeys(("at", "documents", "bytes", "destroyed", "fields", "gone"), 0)
    spans = {"open": 0.0, "restore": 0.0, "check": 0.0}
    blank = DrillReport.model_validate(
        {"id": "d", "backup": "b", "chain": ["b"], "restored": 3, "survivors": 0, "unreadable": [], "alive": []}
        | {"seconds": spans}
        | parts
    )
    assert not blank.passed
    assert blank.model_copy(update={"survivors": 1}).passed
    assert blank.model_copy(update={"restored": 0}).passed  # an empty archive


@pytest.mark.clause("STO-07")
async def test_a_place_out_of_reach_is_named_and_filled_by_the_next_run(home: Home, tmp_path: Path) -> None:
    await home.site.collect("rec-1")
    home.storage.stop()
    error = await asyncio.to_thread(home.fails, "DG-BAK-028", "backup", "run")
    assert error.detail == "cloud"
    (partial,) = await register_of(home).all()
    assert (partial.state, partial.missing) == ("partial", ("cloud",))
    home.storage.start()
    await asyncio.sleep(1.1)  # a backup's name is its second
    await asyncio.to_thread(home.good, "backup", "run")
    first, second = await register_of(home).all()
    assert (first.state, first.missing, second.base) == ("whole", (), first.id)
    assert home.storage.stored("dangan/") == {file.name: file.read_bytes() for file in (tmp_path / "east").iterdir()}


@pytest.mark.clause("STO-07")
async def test_a_full_backup_that_is_gone_is_told_and_the_next_one_is_full(home: Home, tmp_path: Path) -> None:
    await home.site.collect("rec-1")
    for _ in range(2):
        await asyncio.to_thread(home.good, "backup", "run")
        await asyncio.sleep(1.1)  # a backup's name is its second
    full, increment = await register_of(home).all()
    assert increment.base == full.id
    await asyncio.to_thread(home.good, "backup", "due", "--no-alert")
    shutil.rmtree(tmp_path / "east")
    for place in approved_places(home.settings):
        if place.name == "cloud":
            place.remove(f"{full.id}.full.backup")
    error = await asyncio.to_thread(home.fails, "DG-BAK-035", "backup", "due", "--no-alert")
    assert error.detail == "chain"
    assert "full backup" in await asyncio.to_thread(home.good, "backup", "run")
    await asyncio.to_thread(home.good, "backup", "due", "--no-alert")
    into = f"r{uuid.uuid4().hex[:12]}"
    assert "restored 1" in await asyncio.to_thread(home.good, "restore", "--into", into)
    async with connect(home.settings.mongo_uri.get_secret_value(), into) as target:
        await target.client.drop_database(into)


@pytest.mark.clause("STO-06", "STO-01")
async def test_a_job_whose_place_is_not_allowed_writes_nothing(home: Home, tmp_path: Path) -> None:
    file = home.settings.home / "places.toml"
    good = file.read_text()
    for old, new, code in (
        ("beijing-1", "shanghai-1", "DG-BAK-023"),
        ("encrypted = true", "encrypted = false", "DG-BAK-024"),
        ("approved = true", "approved = false", "DG-BAK-021"),
        (str(tmp_path / "east"), "/media/stick", "DG-BAK-022"),
    ):
        file.write_text(good.replace(old, new, 1))
        await asyncio.to_thread(home.fails, code, "backup", "run")
        assert (await asyncio.to_thread(home.dangan, "sweep", "--all")).exit_code == 1
    file.write_text(good)
    await asyncio.to_thread(home.fails, "DG-BAK-033", "backup", "--to", str(tmp_path / "plain"))
    await asyncio.to_thread(home.fails, "DG-BAK-020", "backup", "unseal", str(tmp_path / "plain"))
    assert not (tmp_path / "east").exists()
    assert home.storage.stored() == {}
    assert await register_of(home).all() == []


@pytest.mark.clause("STO-07")
async def test_a_missed_backup_raises_its_alert_once(home: Home) -> None:
    async def alerts() -> int:
        async with open_topic(kafka_of(home.settings), ALERTS) as topic:
            return sum([len(entries) async for entries in topic.to_the_end()])

    await home.site.collect("rec-1")
    await asyncio.to_thread(home.good, "backup", "run")
    await asyncio.to_thread(home.good, "backup", "due")
    before = await alerts()
    (only,) = await register_of(home).all()
    await register_of(home).put(replace(only, made_at=only.made_at - 3 * 86400))
    for _ in range(2):
        await asyncio.to_thread(home.fails, "DG-BAK-035", "backup", "due")
    assert await alerts() == before + 1


async def test_a_sweep_stops_before_the_trim_while_a_place_is_out_of_reach_and_goes_on_afterwards(home: Home) -> None:
    site = home.site
    await site.collect("rec-1", "rec-2")
    await site.forget("rec-1")
    roots = ("dangan-core", "dangan-sensitive", "dangan-basic")
    options = [word for level in Level for word in ("--root", level.value)]

    async def trimmed() -> list[int]:
        return [(await site.transit.key_info(root)).min_available_version for root in roots]

    before = await trimmed()
    home.storage.stop()
    error = await asyncio.to_thread(home.fails, "DG-SWP-004", "sweep", *options)
    assert error.field == "cloud"
    assert await trimmed() == before
    home.storage.start()
    await asyncio.to_thread(home.good, "sweep", "--take-over", *options)
    assert all(now > then for now, then in zip(await trimmed(), before, strict=True))
    assert await site.readable() == {"rec-2"}
    stored = home.storage.stored("dangan/")
    assert sorted(name.partition(".")[0] for name in stored) == sorted(roots)
