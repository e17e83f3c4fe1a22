"""A backup from before a destruction, restored next to the live archive: every survivor, and only survivors."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import bson
import pytest

from keys.cipher import FieldCipher
from keys.ring import KeyRing
from ops.audit_replay import LastWord, Told, Withdrawn
from ops.backup import make_backup, read_manifest
from ops.restore import Report, Restore
from ops.restored_blocks import REASON
from schemas.errors import DanganError
from store.consents import Consented, Consents, Withdrawal
from store.database import Database, connect
from store.intake_notes import IntakeNotes
from store.pages import Pages
from store.records import Records
from tests.flows.test_destruction import Site, site

pytestmark = pytest.mark.flow

__all__ = ["site"]


def silent(_what: str, _done: int, _total: int | None) -> None:
    return


@pytest.fixture
async def target(site: Site) -> AsyncIterator[Database]:
    name = f"r{uuid.uuid4().hex[:12]}"
    async with connect(site.stack.settings.mongo_uri.get_secret_value(), name) as database:
        yield database
        await database.client.drop_database(name)


async def backed_up(site: Site, folder: Path) -> Path:
    return await make_backup(site.database, folder, now=int(time.time()), on_progress=silent)


async def restored(site: Site, folder: Path, target: Database, told: Told | None = None) -> Report:
    return await Restore(folder, site.database, target, site.transit, site.places, silent, told or Told()).run()


async def readable(site: Site, database: Database) -> set[str]:
    """Every record of a database that a worker pointed at it reads."""
    records = Records(database)
    keys = {name: refs async for name, refs in records.live_keys()}
    stored = await records.get(keys)
    found = set()
    async with KeyRing(site.transit, Pages(database)) as ring:
        for name, deks in (await ring.open(keys)).items():
            for level, dek in deks.items():
                field = f"f_{level.value}"
                assert FieldCipher(dek, name, level).open(field, 1, stored[name].fields[field]) == name.encode()
            found.add(name)
    return found


async def test_old_data_and_current_keys_give_every_survivor_and_only_them(
    site: Site, target: Database, tmp_path: Path
) -> None:
    names = [f"rec-{number:03d}" for number in range(600)]
    await site.collect(*names[:500])
    folder = await backed_up(site, tmp_path / "backups")
    await site.collect(*names[500:])
    gone = [names[at] for at in (0, 7, 255, 256, 499, 550)]  # the last one was collected after the backup
    await site.forget(*gone)
    await site.new_ingest_key()
    await site.sweep()
    report = await restored(site, folder, target)
    assert (report.restored, report.destroyed, report.unreadable) == (495, 5, [])
    assert await readable(site, target) == set(names[:500]) - set(gone)
    # destroyed records cannot be collected again in the restored database, not even one the backup never held
    occupied = await Records(target).occupied(gone)
    assert set(occupied) == set(gone)
    assert not any(each.live for each in occupied.values())


async def test_what_was_destroyed_after_the_backup_stays_so_when_the_database_is_lost_before_the_sweep(
    site: Site, target: Database, tmp_path: Path
) -> None:
    await site.collect("rec-1", "rec-2", "rec-3")
    folder = await backed_up(site, tmp_path / "backups")
    # The live database is what mongorestore made of the same backup: nothing in it knows that rec-2 was destroyed.
    told = Told(destroyed=frozenset({"rec-2", "rec-later"}))
    report = await restored(site, folder, target, told)
    assert (report.restored, report.destroyed, report.unreadable) == (2, 1, [])
    assert await readable(site, target) == {"rec-1", "rec-3"}
    assert not any(each.live for each in (await Records(target).occupied(["rec-2", "rec-later"])).values())
    refs = (await site.records.keys_of(["rec-2"]))["rec-2"]
    pages = await Pages(target).get({ref.page for ref in refs.values()})
    assert all(ref.slot not in pages[ref.page].slots for ref in refs.values())  # and no page there has its keys
    assert {doc["_id"] async for doc in target["ledger"].find()} == {"rec-2", "rec-later"}


async def collect_under(site: Site, subject: str, *names: str) -> None:
    """Collect records of a subject that rest on the consent ``consent-1`` alone."""
    await site.collect(*names)
    await Consents(site.database).claim([Consented(subject, "consent-1")], [(f"{subject} consent-1", names[0])])
    resting = {"subject": subject, "consent": {"reference": "consent-1", "only": True}}
    await site.database["records"].update_many({"_id": {"$in": names}}, {"$set": resting})


async def test_what_was_withdrawn_after_the_backup_stays_so_when_the_database_is_lost(
    site: Site, target: Database, tmp_path: Path
) -> None:
    await collect_under(site, "sub-a", "rec-1", "rec-2")  # the backup lacks the tie of rec-2
    await collect_under(site, "sub-b", "rec-3")
    await collect_under(site, "sub-c", "rec-4")
    folder = await backed_up(site, tmp_path / "backups")
    # The live database is what mongorestore made of the same backup: the audit stream alone knows the withdrawals.
    command = str(uuid.uuid4())
    withdrawn = (
        Withdrawn("sub-a", "consent-1", None, command, "sys:crm", 1_795_000_000_500),
        Withdrawn("sub-a", "consent-1", "rec-1", command, "sys:crm", 1_795_000_000_500),
        Withdrawn("sub-a", "consent-1", "rec-2", command, "sys:crm", 1_795_000_000_500),
        Withdrawn("sub-b", None, "rec-3", command, "sys:crm", 1_795_000_000_500),  # from before consents were named
        Withdrawn("sub-d", "consent-9", None, command, "sys:crm", 1_795_000_000_500),  # nothing rests on it yet
    )
    await restored(site, folder, target, Told(withdrawn=withdrawn))
    marked = {doc["_id"] async for doc in target["records"].find({"consent_state": "withdrawn"})}
    assert marked == {"rec-1", "rec-2", "rec-3"}
    gone = {each.key: each.withdrawal async for each in Consents(target).withdrawn()}
    assert gone.keys() == {"sub-a consent-1", "sub-b consent-1", "sub-d consent-9"}
    assert set(gone.values()) == {Withdrawal("2026-11-18T11:06:40.500000+00:00", command, "sys:crm", 1_795_000_000_500)}


@pytest.mark.clause("COL-07")
async def test_objections_are_the_live_ones_and_those_of_the_audit_stream(
    site: Site, target: Database, tmp_path: Path
) -> None:
    names = [f"rec-{at}" for at in range(1, 8)]
    await site.collect(*names)
    notes, at = IntakeNotes(site.database), 1_795_000_000
    note = {"by": "person:desk", "reason": "asked under pressure", "at": at}
    for name in ("rec-1", "rec-2", "rec-3"):
        await notes.put_back(name, note)
    folder = await backed_up(site, tmp_path / "backups")
    await notes.clear("rec-2")
    await notes.put_back("rec-4", note)
    await notes.put_back("rec-7", note)
    await site.database["records"].delete_one({"_id": "rec-1"})  # the live store may lack records
    words = {
        "rec-3": LastWord(objected=False, by="person:law", at_ms=at * 1000 + 1000),
        "rec-5": LastWord(objected=True, by="person:desk", at_ms=at * 1000 + 7),
        "rec-7": LastWord(objected=False, by="person:law", at_ms=at * 1000 - 1),  # an export from before the objection
        "rec-unknown": LastWord(objected=True, by="person:desk", at_ms=at * 1000),
    }
    await restored(site, folder, target, Told(objections=words))
    told = {"by": "person:desk", "reason": REASON, "at": at}
    expected = {"rec-1": note, "rec-4": note, "rec-5": told, "rec-7": note}
    assert {record: found async for record, found in IntakeNotes(target).objected()} == expected


async def test_a_destruction_during_the_restore_ends_it_and_leaves_nothing(
    site: Site, target: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.collect("rec-1", "rec-2")
    folder = await backed_up(site, tmp_path / "backups")
    others = Restore._others

    async def destroy_first(self: Restore, manifest: Any) -> None:
        await site.forget("rec-2")
        await others(self, manifest)

    monkeypatch.setattr(Restore, "_others", destroy_first)
    with pytest.raises(DanganError, match="DG-BAK-009"):
        await restored(site, folder, target)
    assert await target.list_collection_names() == []


async def test_the_live_pages_lost_the_snapshots_alone_give_the_survivors(
    site: Site, target: Database, tmp_path: Path
) -> None:
    await site.collect("rec-1", "rec-2", "rec-3")
    folder = await backed_up(site, tmp_path / "backups")
    await site.forget("rec-2")
    await site.new_ingest_key()
    await site.sweep()
    await site.database["pages"].delete_many({})
    (damaged,) = site.places[0].files()[:1]
    shutil.copy(tmp_path / "east" / damaged, tmp_path / "whole")
    (tmp_path / "east" / damaged).write_bytes(b"dangan-keys-1\n")  # the other place serves
    report = await restored(site, folder, target)
    assert (report.restored, report.destroyed, report.unreadable) == (2, 1, [])
    assert await readable(site, target) == {"rec-1", "rec-3"}


async def test_wrong_combinations_are_refused_and_leave_nothing(site: Site, target: Database, tmp_path: Path) -> None:
    await site.collect("rec-1", "rec-2")
    await site.forget("rec-1")
    folder = await backed_up(site, tmp_path / "backups")
    with pytest.raises(DanganError, match="DG-BAK-002"):
        await restored(site, folder, site.database)
    entry = await site.database["ledger"].find_one_and_delete({"_id": "rec-1"})
    with pytest.raises(DanganError, match="DG-BAK-003"):
        await restored(site, folder, target)
    assert entry is not None
    await site.database["ledger"].insert_one(entry)
    pages = await site.database["pages"].find().to_list()
    await site.database["pages"].delete_many({})
    with pytest.raises(DanganError, match="DG-BAK-004"):
        await restored(site, folder, target)
    await site.database["pages"].insert_many(pages)
    records = folder / site.database.name / "records.bson"
    whole = records.read_bytes()
    records.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DanganError, match="DG-BAK-001"):
        await restored(site, folder, target)
    records.write_bytes(whole[:-9])
    with pytest.raises(DanganError, match="DG-BAK-001"):
        read_manifest(folder)
    assert await target.list_collection_names() == []
    records.write_bytes(whole)
    assert (await restored(site, folder, target)).restored == 1


async def test_a_record_whose_slot_nobody_destroyed_and_nobody_has_is_reported(
    site: Site, target: Database, tmp_path: Path
) -> None:
    await site.collect("rec-1")
    await site.collect("rec-2")
    folder = await backed_up(site, tmp_path / "backups")
    refs = (await site.records.keys_of(["rec-2"]))["rec-2"]
    await site.database["pages"].delete_many({"_id": {"$in": [ref.page for ref in refs.values()]}})
    assert (await restored(site, folder, target)).unreadable == ["rec-2"]


async def test_the_files_are_what_mongorestore_reads(site: Site, tmp_path: Path) -> None:
    await site.collect("rec-1", "rec-2")
    folder = await backed_up(site, tmp_path / "backups")
    manifest = read_manifest(folder)
    for name, part in manifest.collections.items():
        found = bson.decode_all((folder / site.database.name / f"{name}.bson").read_bytes())
        assert len(found) == part.documents
        about = (folder / site.database.name / f"{name}.metadata.json").read_text()
        assert f'"collectionName": "{name}"' in about
    assert not list((tmp_path / "backups").glob(".*"))
