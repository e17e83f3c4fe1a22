"""A backup of an archive at work, restored: where its records and what was kept about them disagree, nothing hangs."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keys.cipher import FieldCipher
from keys.ring import KeyRing
from schemas.errors import DanganError
from schemas.levels import Level
from store import indexes
from store.attachments import Attachments
from store.consents import Consented, Consents, Withdrawal, key_of
from store.database import Database
from store.merges import Merges
from store.notices import Notice, Notices
from store.pages import Pages
from store.record import Record
from store.records import Records
from tests.flows.test_backup import backed_up, restored, target
from tests.flows.test_destruction import Site, site

pytestmark = pytest.mark.flow

__all__ = ["site", "target"]

READER = "per:reader"


async def collected(site: Site, name: str, **members: Any) -> Record:
    """A new record with a field of level basic."""
    (slots,) = await site.ring.allocate("cohort", [(name, (Level.BASIC,))])
    slot = slots[Level.BASIC]
    sealed = {"f_basic": FieldCipher(slot.dek, name, Level.BASIC).seal("f_basic", 1, name.encode())}
    kid = (await site.ingest.living())[0].kid
    refs, command = {Level.BASIC: slot.ref}, str(uuid.uuid4())
    plain = Record(
        name, "sub-1", 1, Level.BASIC, "cohort", "service", "contract", sealed, refs, command, "sys:crm", (kid,), 1
    )  # fmt: skip
    record = replace(plain, **members)
    assert not await site.records.insert([record])
    return record


async def test_a_key_that_came_after_the_backup_does_not_outlive_its_record(
    site: Site, target: Database, tmp_path: Path
) -> None:
    await collected(site, "rec-1")
    await collected(site, "rec-2")
    folder = await backed_up(site, tmp_path / "backups")
    slots, later = await site.ring.allocate("cohort", [(name, (Level.CORE,)) for name in ("rec-1", "rec-later")])
    assert await Attachments(site.database).add_key("rec-1", Level.CORE, slots[Level.CORE].ref)
    await restored(site, folder, target)
    async with KeyRing(site.transit, Pages(target)) as ring:
        refs = {name: keys async for name, keys in Records(target).live_keys()}
        assert not any(isinstance(opened, DanganError) for opened in (await ring.try_open(refs)).values())
        for ref in (slots[Level.CORE].ref, later[Level.CORE].ref):
            opened = await ring.try_open({"rec-1": {Level.CORE: ref}})
            assert isinstance(opened["rec-1"], DanganError)


async def test_a_record_that_was_being_checked_is_read_after_the_restore_unless_its_consent_is_withdrawn(
    site: Site, target: Database, tmp_path: Path
) -> None:
    consents = Consents(site.database)
    for name, reference in (("rec-1", "con-1"), ("rec-2", "con-2")):
        consent = Consented("sub-1", reference, "service", "x", "sys:crm")
        await consents.claim([consent], [(key_of("sub-1", reference), name)])
        rests = {"reference": reference, "only": True}
        await collected(site, name, consent=rests, consent_state="checking")
    folder = await backed_up(site, tmp_path / "backups")
    await consents.checked(["rec-1", "rec-2"])  # that was the end of it: the commands do not come again
    await consents.withdraw("sub-1", "con-2", Withdrawal("2026-01-01T00:00:00Z", "w", "sys:crm", 1))
    await restored(site, folder, target)
    standing = await Records(target).get(["rec-1", "rec-2"])
    assert {name: record.consent_state for name, record in standing.items()} == {"rec-1": None, "rec-2": "withdrawn"}


async def test_of_two_records_with_one_identity_the_later_comes_back_as_the_duplicate(
    site: Site, target: Database, tmp_path: Path
) -> None:
    """The copy showed the first one before it gave its identity up, and the second after it took it."""
    one, other = b"1" * 16, b"2" * 16
    await collected(site, "rec-late", identity=(one, other), at_ms=3)
    await collected(site, "rec-early", identity=(one,), at_ms=1)
    await collected(site, "rec-else", identity=(other,), at_ms=4)
    await collected(site, "rec-linked", identity=(one,), at_ms=2)
    await site.database["records"].update_one({"_id": "rec-linked"}, {"$set": {"parts": ["rec-part"]}})
    folder = await backed_up(site, tmp_path / "backups")
    report = await restored(site, folder, target)
    assert report.unidentified == ["rec-linked", "rec-late"]
    standing = await Records(target).get(["rec-early", "rec-late", "rec-else", "rec-linked"])
    told = {name: (record.stage, record.duplicate_of, record.identity) for name, record in standing.items()}
    assert told == {
        "rec-early": ("archived", None, (one,)),
        "rec-late": ("duplicate", "rec-early", ()),
        "rec-else": ("archived", None, (other,)),
        "rec-linked": ("archived", None, ()),
    }
    assert [each.record async for each in Merges(target).waiting()] == ["rec-late"]
    assert await Merges(target).unnamed(["rec-early"]) == {"rec-late"}
    assert "identity" in await target["records"].index_information()


async def test_readers_are_told_of_a_version_that_is_made_again_after_the_restore(
    site: Site, target: Database, tmp_path: Path
) -> None:
    await indexes.ensure(site.database)
    await collected(site, "rec-1", version=2)
    notices, now = Notices(site.database), int(time.time() * 1000)
    folder = await backed_up(site, tmp_path / "backups")
    for record, version in (("rec-1", 2), ("rec-1", 3), ("rec-later", 2)):
        await notices.add([Notice(record, version, ("city",), "x", now, frozenset({READER}))])
    await restored(site, folder, target)
    restored_notices = Notices(target)
    assert [each.version for each in await restored_notices.of(READER)] == [2]
    again = Notice("rec-1", 3, ("phone",), "y", now + 1, frozenset({READER}))
    await restored_notices.add([again])
    assert (await restored_notices.of(READER))[-1] == again
