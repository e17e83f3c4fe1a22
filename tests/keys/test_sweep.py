"""The sweep, without servers: what it destroys, what it never touches, and how it goes on after a crash."""

from __future__ import annotations

import pytest

from keys.ledger import State
from keys.roots import root_of
from keys.snapshot import SnapshotReader
from keys.sweep_state import Step
from keys.wrapped import page_of
from schemas.errors import DanganError
from schemas.levels import Level
from tests.simulators.archive import Archive
from tests.simulators.store import SimulatedRecord


@pytest.fixture
async def archive() -> Archive:
    made = Archive()
    await made.new_ingest_key()
    await made.collected("rec-1", "rec-2", "rec-3")
    return made


async def test_a_forgotten_record_is_readable_from_old_copies_until_the_sweep_and_never_after(archive: Archive) -> None:
    await archive.forget("rec-1")
    assert archive.readable_from_old_copies("rec-1")
    await archive.new_ingest_key()
    await archive.sweep()
    assert not archive.readable_from_old_copies("rec-1")
    assert archive.ledger.entries["rec-1"].state is State.CERTIFIED
    assert not archive.unreadable()
    assert archive.records.live().keys() == {"rec-2", "rec-3"}


async def test_a_sweep_without_anything_to_destroy_certifies_nothing_and_harms_nothing(archive: Archive) -> None:
    done = await archive.sweep()
    assert [sweep.step for sweep in done] == [Step.DONE] * 4
    assert not archive.certificates.certificates
    assert not archive.unreadable()


async def test_a_record_is_not_certified_while_an_ingest_key_of_its_time_lives(archive: Archive) -> None:
    await archive.forget("rec-1")
    await archive.sweep()  # its ingest key is still active, so Kafka's history can be read
    assert archive.ledger.entries["rec-1"].state is State.FORGOTTEN
    assert archive.ledger.entries["rec-1"].swept.keys() == {root_of(level) for level in Level}
    await archive.new_ingest_key()
    await archive.sweep()
    assert archive.ledger.entries["rec-1"].state is State.CERTIFIED


async def test_a_key_that_is_not_drained_survives_and_holds_the_certificate_back(archive: Archive) -> None:
    await archive.forget("rec-1")
    waiting = archive.receive("rec-9")
    await archive.new_ingest_key()
    await archive.sweep()
    assert waiting.kid in await archive.ingest.live_kids()
    assert archive.ledger.entries["rec-1"].state is State.FORGOTTEN
    await archive.collect(waiting, [Level.CORE])
    await archive.sweep()
    assert archive.ledger.entries["rec-1"].state is State.CERTIFIED


async def test_what_is_forgotten_after_the_freeze_waits_for_the_next_sweep(archive: Archive) -> None:
    await archive.new_ingest_key()

    async def late(op: str, key: str) -> None:
        if op == "rotate" and key == root_of(Level.CORE):
            archive.vault.after_call = None
            await archive.forget("rec-1")

    archive.vault.after_call = late
    await archive.sweep()
    assert root_of(Level.CORE) not in archive.ledger.entries["rec-1"].swept
    await archive.new_ingest_key()
    await archive.sweep()
    assert archive.ledger.entries["rec-1"].state is State.CERTIFIED


async def test_the_copies_hold_every_slot_and_older_ones_are_removed(archive: Archive) -> None:
    await archive.forget("rec-1")
    await archive.sweep()
    await archive.sweep()
    for place in archive.places:
        assert len(place.files()) == 4
        for file in place.files():
            reader = SnapshotReader(place.open(file))
            if reader.header.root == root_of(Level.CORE):
                pages = {page.id: page for page in (page_of(copy, Level.CORE) for copy in reader)}
    assert pages == {page.id: page for page in archive.pages.pages.values() if page.level is Level.CORE}


async def test_a_broken_backup_place_stops_the_sweep_before_anything_is_lost(archive: Archive) -> None:
    await archive.forget("rec-1")
    await archive.new_ingest_key()
    archive.places[1].broken = True
    with pytest.raises(DanganError, match="DG-SWP-004"):
        await archive.sweep()
    assert 1 in archive.vault.keys[root_of(Level.CORE)].versions
    assert not archive.unreadable()
    archive.places[1].broken = False
    archive.now += 1000
    await archive.sweep()
    assert archive.ledger.entries["rec-1"].state is State.CERTIFIED


async def test_without_a_backup_place_nothing_is_swept(archive: Archive) -> None:
    archive.places.clear()
    with pytest.raises(DanganError, match="DG-SWP-008"):
        await archive.sweep()


async def test_a_copy_that_is_altered_after_the_check_stops_the_trim(archive: Archive) -> None:
    async def alter(op: str, key: str) -> None:
        if op == "key_info" and archive.sweeps.sweeps[key].step is Step.COPIED:
            name = next(name for name in archive.places[1].content if name.startswith(key))
            archive.places[1].content[name] += b"x"

    archive.vault.before_call = alter
    with pytest.raises(DanganError, match="DG-SWP-004"):
        await archive.sweep()
    assert 1 in archive.vault.keys[root_of(Level.CORE)].versions
    archive.vault.before_call = None
    archive.now += 1000
    await archive.sweep()
    assert not archive.unreadable()


async def test_a_rehearsal_that_a_person_takes_back_is_not_followed_by_a_trim(archive: Archive) -> None:
    async def take_back(op: str, key: str) -> None:
        if op == "key_info" and archive.sweeps.sweeps[key].step is Step.COPIED:
            archive.vault.before_call = None
            await archive.vault.configure(key, min_decryption_version=1)

    archive.vault.before_call = take_back
    with pytest.raises(DanganError, match="DG-SWP-009"):
        await archive.sweep()
    assert 1 in archive.vault.keys[root_of(Level.CORE)].versions


async def test_a_live_record_whose_slot_is_missing_stops_the_sweep(archive: Archive) -> None:
    stored = archive.records.records["rec-1"]
    assert stored is not None
    ref = stored.keys[Level.CORE]
    archive.records.records["rec-x"] = SimulatedRecord({Level.CORE: type(ref)(ref.page, 200)}, set())
    with pytest.raises(DanganError, match="DG-SWP-005"):
        await archive.sweep()
    assert 1 in archive.vault.keys[root_of(Level.CORE)].versions


async def test_a_page_that_records_name_and_vault_refuses_takes_the_rehearsal_back(archive: Archive) -> None:
    stored = archive.records.records["rec-1"]
    assert stored is not None
    page = archive.pages.pages[stored.keys[Level.CORE].page]
    archive.pages.pages[page.id] = type(page)(
        **{name: getattr(page, name) for name in page.__dataclass_fields__} | {"wrapped_key": "vault:v1:AAAA"}
    )
    with pytest.raises(DanganError, match="DG-SWP-003"):
        await archive.sweep()
    assert archive.vault.keys[root_of(Level.CORE)].min_decryption == 1


async def test_a_second_sweeper_is_refused_and_one_that_takes_over_fences_the_first_off(archive: Archive) -> None:
    async def second(op: str, key: str) -> None:
        if op == "rotate" and key == root_of(Level.CORE):
            archive.vault.before_call = None
            with pytest.raises(DanganError, match="DG-SWP-001"):
                await archive.sweep(owner="two")
            await archive.sweep(owner="two", force=True)

    archive.vault.before_call = second
    with pytest.raises(DanganError, match="DG-SWP-002"):
        await archive.sweep()
    assert {sweep.owner for sweep in archive.sweeps.sweeps.values()} == {"two"}
    assert not archive.unreadable()


async def test_an_old_key_that_vault_still_accepts_gives_no_certificate(archive: Archive) -> None:
    old = archive.vault.snapshot()
    await archive.forget("rec-1")
    await archive.new_ingest_key()

    async def restored(op: str, key: str) -> None:
        if op == "rewrap" and len(archive.sweeps.kept) == 4:  # somebody brings Vault's storage of before back
            archive.vault.restore(old)

    archive.vault.before_call = restored
    with pytest.raises(DanganError, match="DG-SWP-006"):
        await archive.sweep()
    assert not archive.certificates.certificates
    assert archive.ledger.entries["rec-1"].state is State.FORGOTTEN


async def test_the_vault_snapshot_is_made_before_the_rehearsal_and_named_in_the_evidence(archive: Archive) -> None:
    async def snapshot() -> str:
        assert archive.vault.keys[root_of(Level.CORE)].min_decryption == 1
        return "raft-1"

    await archive.sweep(archive.roots([Level.CORE], ingest=False), vault_snapshot=snapshot)
    assert [evidence.vault_copy for evidence in archive.sweeps.kept.values()] == ["raft-1"]
