"""Chains of sealed backups: opened together they are the archive as the newest one saw it, whatever happened between."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keys.places import DirectoryPlace
from ops.backup import read_manifest
from ops.backups.chain import chain_of, unseal
from ops.backups.fingerprints import fingerprint_file, id_digest, load_fingerprints
from ops.backups.frames import Base
from ops.backups.making import Made, Wanted, make_sealed
from ops.private_files import write_private
from schemas.errors import DanganError
from tests.simulators.raw_database import RawDatabase
from tests.simulators.vault import SimulatedVault

Collections = dict[str, list[dict[str, Any]]]
IDS = ["DG-1", "DG-2", "客户", 7, 1 << 40, bson.ObjectId(b"123456789012"), b"\x00bin", {"k": "x", "n": 1}, 2.5, None]


def silent(_name: str, _done: int, _total: int | None) -> None:
    return


class Archive:
    """A folder with two places, and a chain in the making."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.vault = SimulatedVault()
        self.places = [DirectoryPlace(folder / "east"), DirectoryPlace(folder / "west")]
        self.made: list[tuple[str, Made]] = []

    async def back_up(self, state: Collections, *, full: bool = False) -> str:
        number = len(self.made)
        name = f"20260101T0000{number:02d}Z"
        base, before = None, None
        if self.made and not full:
            last, made = self.made[-1]
            base = Base(id=last, sha256=made.sha256)
            file = fingerprint_file(self.folder, last)
            before = load_fingerprints(file, hashlib.sha256(made.fingerprints).hexdigest())
            assert before is not None
        wanted = Wanted(name, "incremental" if base else "full", number, base, before)
        made = await make_sealed(RawDatabase(state).database, self.places, self.vault, wanted, silent)
        write_private(fingerprint_file(self.folder, name), made.fingerprints)
        self.made.append((name, made))
        return name

    async def opened(self, name: str | None = None, into: str = "plain") -> Collections:
        """What a chain holds, read by bson alone."""
        folder = self.folder / into
        await unseal(chain_of(self.places, name), self.vault, folder, silent)
        read_manifest(folder)
        return {
            file.name.removesuffix(".bson"): bson.decode_all(file.read_bytes())
            for file in (folder / "dangan").glob("*.bson")
        }


def by_id(collections: Collections) -> dict[str, dict[str, Any]]:
    return {name: {repr(doc["_id"]): doc for doc in docs} for name, docs in collections.items()}


documents = st.dictionaries(st.sampled_from(range(len(IDS))), st.integers(0, 3), max_size=8)
states = st.dictionaries(st.sampled_from(["records", "pages", "ledger", "attachments.chunks"]), documents, max_size=4)


@pytest.mark.clause("STO-07")
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(history=st.lists(states, min_size=1, max_size=5), data=st.data())
async def test_a_chain_is_never_anything_but_the_newest_state(
    tmp_path_factory: pytest.TempPathFactory, history: list[Any], data: st.DataObject
) -> None:
    archive = Archive(tmp_path_factory.mktemp("chain"))
    for state in history:
        full = data.draw(st.booleans())
        plain = {name: [{"_id": IDS[at], "value": value} for at, value in docs.items()] for name, docs in state.items()}
        await archive.back_up(plain, full=full)
    assert by_id(await archive.opened()) == by_id(plain)


async def test_an_incremental_backup_stores_only_what_changed_and_what_went(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    records = [{"_id": f"DG-{at}", "city": "x" * 1000} for at in range(200)]
    await archive.back_up({"records": records})
    changed = [*records[1:-1], {"_id": "DG-199", "city": "y"}, {"_id": "DG-new", "city": "z"}]
    await archive.back_up({"records": changed})
    full, increment = (made for _, made in archive.made)
    assert (full.stored, full.documents) == (200, 200)
    assert (increment.stored, increment.documents) == (2, 200)
    assert increment.size < full.size / 50
    assert by_id(await archive.opened()) == by_id({"records": changed})


async def test_the_metadata_are_mongodumps_and_each_place_has_the_same_bytes(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    await archive.back_up({"records": [{"_id": "DG-1"}]})
    await archive.opened()
    about = (tmp_path / "plain" / "dangan" / "records.metadata.json").read_text()
    assert '"indexes": [{"v": 2, "key": {"_id": 1}, "name": "_id_"}]' in about
    (east,), (west,) = (list((tmp_path / name).iterdir()) for name in ("east", "west"))
    assert east.name == "20260101T000000Z.full.backup"
    assert hashlib.sha256(east.read_bytes()).hexdigest() == archive.made[0][1].sha256
    assert east.read_bytes() == west.read_bytes()


@pytest.mark.clause("STO-06")
async def test_nothing_of_the_data_is_in_a_backups_file(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    await archive.back_up({"records": [{"_id": "DG-1", "note": "needle-in-a-haystack"}]})
    (file,) = (tmp_path / "east").iterdir()
    assert b"needle" not in file.read_bytes()
    assert b"DG-1" not in file.read_bytes()


async def three_links(folder: Path) -> Archive:
    archive = Archive(folder)
    for value in range(3):
        await archive.back_up({"records": [{"_id": "DG-1", "value": value}, {"_id": "DG-2"}]})
    return archive


def files_of(folder: Path, at: int) -> list[Path]:
    return [sorted((folder / place).iterdir())[at] for place in ("east", "west")]


async def test_a_missing_link_is_told_by_name(tmp_path: Path) -> None:
    archive = await three_links(tmp_path)
    east, west = files_of(tmp_path, 1)
    east.unlink()
    assert by_id(await archive.opened(into="other place"))["records"]["'DG-1'"]["value"] == 2
    west.unlink()
    with pytest.raises(DanganError, match="DG-BAK-029") as told:
        await archive.opened()
    assert told.value.field == "20260101T000001Z"


async def test_a_link_that_was_altered_everywhere_is_told_by_name_and_leaves_nothing(tmp_path: Path) -> None:
    archive = await three_links(tmp_path)
    east, west = files_of(tmp_path, 0)
    whole = east.read_bytes()
    east.write_bytes(whole[:-1] + bytes((whole[-1] ^ 1,)))
    assert by_id(await archive.opened(into="other place"))["records"]["'DG-1'"]["value"] == 2
    west.write_bytes(whole[:-30])
    with pytest.raises(DanganError, match="DG-BAK-030") as told:
        await archive.opened()
    assert told.value.field == "20260101T000000Z"
    newest = files_of(tmp_path, 2)[0]
    newest.write_bytes(newest.read_bytes()[:-5])
    with pytest.raises(DanganError, match="DG-BAK-03"):
        await archive.opened()
    assert not (tmp_path / "plain").exists()


async def test_a_backup_made_again_under_an_old_name_does_not_pass_for_a_link(tmp_path: Path) -> None:
    archive = await three_links(tmp_path)
    other = Archive(tmp_path / "other")
    await other.back_up({"records": []})
    for target in files_of(tmp_path, 0):
        target.write_bytes(next((tmp_path / "other" / "east").iterdir()).read_bytes())
    with pytest.raises(DanganError, match="DG-BAK-030"):
        await archive.opened()


async def test_an_older_backup_can_be_asked_for_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    archive = await three_links(tmp_path)
    assert by_id(await archive.opened("20260101T000001Z"))["records"]["'DG-1'"]["value"] == 1
    with pytest.raises(DanganError, match="DG-BAK-031"):
        chain_of(archive.places, "20270101T000001Z")
    with pytest.raises(DanganError, match="DG-BAK-039"):
        chain_of([DirectoryPlace(tmp_path / "nothing")])
    with pytest.raises(DanganError, match="DG-BAK-037"):
        await archive.opened(into="east")


async def test_a_place_that_fails_is_named_and_the_others_have_the_file(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    (tmp_path / "east").write_text("a file where a folder should be")
    await archive.back_up({"records": [{"_id": "DG-1"}]})
    assert list(archive.made[0][1].failed) == ["east"]
    assert len(list((tmp_path / "west").iterdir())) == 1
    archive.places = archive.places[:1]
    with pytest.raises(DanganError, match="DG-BAK-027"):
        await archive.back_up({"records": []})


def test_fingerprints_of_another_backup_are_not_used(tmp_path: Path) -> None:
    file = tmp_path / "x"
    write_private(file, b"dangan-fingerprints-1\n{}\n")
    sha = hashlib.sha256(file.read_bytes()).hexdigest()
    assert load_fingerprints(file, sha) is not None
    assert load_fingerprints(file, "0" * 64) is None
    file.chmod(0o644)
    assert load_fingerprints(file, sha) is None
    assert load_fingerprints(tmp_path / "none", sha) is None


@given(st.sampled_from(IDS), st.sampled_from(IDS), st.booleans())
def test_ids_are_told_apart_wherever_they_stand(one: Any, other: Any, first: bool) -> None:
    def encoded(value: Any) -> bytes:
        return bson.encode({"_id": value, "a": 1} if first else {"a": 1, "_id": value})

    same: Sequence[bytes] = (id_digest(encoded(one)), id_digest(bson.encode({"_id": one, "other": [1]})))
    assert same[0] == same[1]
    assert (id_digest(encoded(one)) == id_digest(encoded(other))) == (type(one) is type(other) and one == other)
