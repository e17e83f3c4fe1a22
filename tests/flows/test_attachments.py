"""Attachments through the real services: in part by part, out under a grant, refused where they do not belong."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gridfs import AsyncGridFSBucket
from typer.testing import CliRunner, Result

from keys.principal_keys import dump_keys
from ops import attachments
from ops.audited import desk
from ops.cli import build
from ops.embedded.stack import Stack
from ops.private_files import write_private
from ops.registry import give
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.members import PART_BYTES
from store.attachments import BUCKET, COLLECTIONS, Attachments
from store.database import Database, connect
from store.records import Records
from streams.publisher import Publisher
from tests.harness.aftermath import audit_events
from tests.harness.office import PURPOSE, Office, grant_for, grant_id
from tests.harness.scans import CANARY, KIND, collected, get, parts_of, pdf, put, told

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


@pytest.mark.clause("COL-04", "ARR-12")
async def test_a_scan_comes_back_as_it_was_and_putting_it_again_stores_nothing_twice(
    archive: Publisher, office: Office, database: Database
) -> None:
    record, content = await collected(archive), pdf(3 * PART_BYTES + 77)
    assert await put(archive, office, record, content) == 4
    assert await get(archive, office, record) == (KIND, content)
    assert await put(archive, office, record, content) == 0
    # the same content by other commands: nothing new either
    assert {await told(archive, parts) for parts in parts_of(record, content)} == {("duplicate", "DG-CMD-002")}
    stored = await Attachments(database).of_record(record)
    assert [(each.state, each.size, each.parts) for each in stored] == [("complete", len(content), 4)]
    assert await database[COLLECTIONS[1]].count_documents({"files_id": f"{record}|scan-1"}) == 4
    # GridFS's own reader finds the file, every byte of it encrypted
    stream = await AsyncGridFSBucket(database, bucket_name=BUCKET).open_download_stream(f"{record}|scan-1")
    raw = await stream.read()
    assert len(raw) == len(content) + 4 * 29
    assert CANARY.encode() not in raw


@pytest.mark.clause("STO-03")
async def test_the_largest_scan_fits_and_takes_a_key_of_its_own_level(
    archive: Publisher, office: Office, database: Database
) -> None:
    record = await collected(archive)
    assert (await Records(database).keys_of([record]))[record].keys() == {Level.BASIC}
    content = pdf(attachments.MAX_BYTES)
    await put(archive, office, record, content)
    assert (await Records(database).keys_of([record]))[record].keys() == {Level.BASIC, Level.CORE}
    assert (await get(archive, office, record))[1] == content


@pytest.mark.clause("ARR-01")
async def test_what_does_not_belong_is_refused_and_told_why(archive: Publisher, office: Office) -> None:
    record, content = await collected(archive), pdf(2 * PART_BYTES)
    first, second = parts_of(record, content)
    exe = parts_of(record, b"MZ\x90\0" * 40)[0]
    short = {**first, "data": parts_of(record, content[:99])[0]["data"]}
    assert await told(archive, {**first, "record": "att-unknown"}) == ("refused", "DG-ATT-001")
    assert await told(archive, {**first, "kind": "selfie"}) == ("refused", "DG-ATT-002")
    assert await told(archive, exe) == ("refused", "DG-ATT-004")
    assert await told(archive, short) == ("refused", "DG-ATT-005")
    assert await told(archive, second) == ("refused", "DG-ATT-006")
    assert await told(archive, {**first, "attachment": "13912345678"}) == ("refused", "DG-COL-007")
    assert await told(archive, first) == ("accepted", None)
    other = {**second, "data": parts_of(record, pdf(2 * PART_BYTES, "SOMETHINGELSE"))[1]["data"]}
    assert await told(archive, {**second, "sha256": "0" * 64}) == ("refused", "DG-ATT-007")
    assert await told(archive, {**second, "parts": 3}) == ("refused", "DG-ATT-007")
    # all parts are there, and are not what was announced: nothing is kept, and it may be sent anew
    wrong = str(uuid.uuid4())
    assert await told(archive, other, wrong) == ("refused", "DG-ATT-009")
    assert await told(archive, other, wrong) == ("refused", "DG-ATT-009")
    with pytest.raises(DanganError, match="DG-ATT-010"):
        await get(archive, office, record)
    await put(archive, office, record, content)
    assert (await get(archive, office, record))[1] == content
    assert await told(archive, parts_of(record, pdf(50))[0]) == ("refused", "DG-ATT-007")


@pytest.mark.clause("STO-03")
async def test_a_read_needs_a_grant_that_names_the_kind_in_clear(archive: Publisher, office: Office) -> None:
    record = await collected(archive)
    await put(archive, office, record, pdf(100))
    now = int(time.time())
    grants = {
        "fields-only": {"fields": frozenset({"city"}), "clear": frozenset("*")},
        "masked": {"fields": frozenset({f"attachment.{KIND}"}), "clear": frozenset({"city"})},
        "clear": {"fields": frozenset({f"attachment.{KIND}"}), "clear": frozenset({f"attachment.{KIND}"})},
    }
    async with desk(office.settings) as at:
        for name, changes in grants.items():
            await give(at, grant_for(office.crm.principal, now, id=f"{name}-{record[:20]}", **changes))
    for name, code in (("fields-only", "DG-ACC-003"), ("masked", "DG-ATT-011"), ("unknown", "DG-ACC-001")):
        with pytest.raises(DanganError, match=code):
            await get(archive, office, record, grant=f"{name}-{record[:20]}")
    assert (await get(archive, office, record, grant=f"clear-{record[:20]}"))[1] == pdf(100)
    with pytest.raises(DanganError, match="DG-ATT-010"):
        await get(archive, office, record, name="no-such-scan")


async def test_put_get_and_list_on_the_command_line(
    archive: Publisher, office: Office, stack: Stack, tmp_path: Path
) -> None:
    record, key, scan, out = await collected(archive), tmp_path / "crm.key", tmp_path / "a.dat", tmp_path / "b.pdf"
    write_private(key, dump_keys(office.crm, None))
    scan.write_bytes(pdf(PART_BYTES + 1))

    async def dangan(*arguments: object) -> Result:
        home = ["--home", str(stack.home)]
        return await asyncio.to_thread(
            CliRunner().invoke, build("attachment"), ["attachment", *map(str, arguments), *home]
        )

    put_it = ("put", record, "scan-1", scan, "--kind", KIND, "--as", key)
    first, again = await dangan(*put_it), await dangan(*put_it)
    assert f"{record}: scan-1 is complete" in first.output.replace("\n", "")
    assert "nothing changed" in again.output, again.output
    grant = ("--grant", grant_id(office.crm.principal), "--purpose", PURPOSE, "--as", key)
    got = await dangan("get", record, "scan-1", "--out", out, *grant)
    assert got.exit_code == 0, got.output
    assert out.read_bytes() == scan.read_bytes()
    assert out.stat().st_mode & 0o777 == 0o600
    over = await dangan("get", record, "scan-1", "--out", out, *grant)
    assert isinstance(over.exception, DanganError)
    assert over.exception.code == "DG-ATT-014"
    listed = await dangan("list", "--record", record)
    assert "complete" in listed.output
    (tmp_path / "empty").touch()
    empty = await dangan("put", record, "scan-2", tmp_path / "empty", "--kind", KIND, "--as", key)
    assert isinstance(empty.exception, DanganError)
    assert empty.exception.code == "DG-ATT-012"
    # every part that left the archive left an event before, and no event names anything but the kind
    events = [
        event for event in await audit_events(stack.settings) if event["unmapped"]["dangan"].get("record") == record
    ]
    reads = [event for event in events if event["unmapped"]["dangan"]["action"] == "access"]
    assert [event["unmapped"]["dangan"]["fields"] for event in reads] == [[f"attachment.{KIND}"]] * 2
    assert CANARY not in str(events)
