"""A scan dies with its record, in the store and in every old copy; a worker that dies loses and doubles none of it."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from keys.chunks import ChunkCipher
from keys.places import DirectoryPlace
from keys.vault import transit_of
from ops.backup import make_backup
from ops.embedded.stack import Stack
from ops.private_files import private
from ops.restore import Restore
from ops.rules import load_rules
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.members import PART_BYTES
from store.attachments import COLLECTIONS, Attachments
from store.database import Database, connect
from store.pages import from_document as page_from
from store.records import Records
from streams.publisher import Publisher
from tests.harness.aftermath import drain
from tests.harness.canaries import Search
from tests.harness.office import Office
from tests.harness.scans import CANARY, collected, get, parts_of, pdf, put, told
from tests.harness.story import sweep
from tests.harness.thief import Thief
from tests.harness.workers import Worker

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("worker")]


@pytest.fixture
async def archive(office: Office) -> AsyncIterator[Publisher]:
    async with office.publisher(linger=0.0, bundle_commands=1) as opened:
        yield opened


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    settings = stack.settings
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as opened:
        yield opened


@pytest.mark.clause("DES-02", "COL-19")
async def test_a_scan_dies_with_its_record_in_the_store_and_in_every_old_copy(
    archive: Publisher, office: Office, stack: Stack, database: Database, tmp_path: Path
) -> None:
    gone, stays = await collected(archive), await collected(archive)
    content = pdf(2 * PART_BYTES - 5)
    for record in (gone, stays):
        await put(archive, office, record, content)
    settings = stack.settings
    backup = await make_backup(database, tmp_path / "backups", now=int(time.time()), on_progress=lambda *_: None)
    loot = await _loot(database, gone)
    thief = Thief(settings, stack.root_token.get_secret_value(), load_rules().catalogue)
    assert await _steal(thief, loot, gone) == content  # the control: with the key the copy does open
    # no copy holds a word of it in clear, nor its plain digest, before or after
    search = Search({CANARY, hashlib.sha256(content).hexdigest()})
    assert not await asyncio.to_thread(search.below, stack.home)
    assert not await asyncio.to_thread(search.below, tmp_path)

    parts = office.destroy_parts([gone], "asked for by the subject")
    async with office.publisher(office.archivist) as archivist:
        assert (await (await archivist.destroy(**parts))).status == "accepted"
    assert await Attachments(database).of_record(gone) == []
    assert await database[COLLECTIONS[1]].count_documents({"files_id": f"{gone}|scan-1"}) == 0
    with pytest.raises(DanganError, match="DG-ACC-007"):
        await get(archive, office, gone)
    # a part that comes late revives nothing
    assert await told(archive, parts_of(gone, content)[0]) == ("refused", "DG-ATT-001")
    assert await _steal(thief, loot, gone) == content  # unswept, old copies still open: that is what the sweep is for
    await drain(settings)
    await asyncio.to_thread(sweep, stack.home)
    assert await _steal(thief, loot, gone) is None
    assert (await get(archive, office, stays))[1] == content

    token = private(settings.token_file("sweeper"))
    async with (
        connect(settings.mongo_uri.get_secret_value(), f"restored-{uuid.uuid4().hex[:6]}") as into,
        transit_of(settings, token) as transit,
    ):
        places = [DirectoryPlace(place) for place in settings.backup_places]
        await Restore(backup, database, into, transit, places, lambda *_: None).run()
        restored = {each.record: each.state async for each in Attachments(into).scan()}
        assert restored[stays] == "complete"
        assert gone not in restored
        assert await into[COLLECTIONS[1]].count_documents({"files_id": f"{stays}|scan-1"}) == 2
        assert await into[COLLECTIONS[1]].count_documents({"files_id": f"{gone}|scan-1"}) == 0
        await into.client.drop_database(into.name)


async def _loot(database: Database, record: str) -> dict[str, Any]:
    """What a copy of the store holds of a scan."""
    stored = Attachments(database)
    return {
        "pages": [page_from(doc) async for doc in database["pages"].find()],
        "keys": (await Records(database).keys_of([record]))[record],
        "chunks": await stored.ciphertexts(record, "scan-1"),
    }


async def _steal(thief: Thief, loot: dict[str, Any], record: str) -> bytes | None:
    """The scan, if a page key that Vault unwraps still yields its key."""
    ref = loot["keys"][Level.CORE]
    dek = (await thief._deks(loot["pages"])).get((ref.page, ref.slot))
    if dek is None:
        return None
    cipher = ChunkCipher(dek, record, "scan-1", Level.CORE, len(loot["chunks"]))
    return b"".join(cipher.open(number, chunk) for number, chunk in enumerate(loot["chunks"], start=1))


async def test_a_worker_that_dies_between_parts_loses_and_doubles_nothing(
    archive: Publisher, office: Office, worker: Worker, database: Database
) -> None:
    record, content = await collected(archive), pdf(30 * PART_BYTES + 1)
    sending = asyncio.create_task(put(archive, office, record, content))
    while await Attachments(database).present(record, "scan-1") < 3:
        await asyncio.sleep(0.01)
    starts = worker.starts()
    await asyncio.to_thread(worker.kill9_when_running)
    assert await asyncio.wait_for(sending, 60) == 31
    assert worker.starts() >= starts
    assert (await get(archive, office, record))[1] == content
    assert await Attachments(database).present(record, "scan-1") == 31
