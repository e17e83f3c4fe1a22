"""A backup rests on each one below it: where one is gone or altered, nothing more is put on top, and that is told."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ops.backups.alerts import alert_of
from ops.backups.opening import broken_link
from ops.backups.running import Runner
from ops.backups.schedule import Missed
from store.backups import Backup, Kind
from tests.ops.test_backup_chain import Archive, files_of, silent, three_links


def newest(archive: Archive) -> Backup:
    name, made = archive.made[-1]
    told = hashlib.sha256(made.fingerprints).hexdigest()
    kind: Kind = "incremental"
    return Backup(name, kind, 2, "whole", sha256=made.sha256, fingerprints=told)


def goes_on(archive: Archive) -> bool:
    runner = Runner(None, None, archive.places, {}, archive.folder, silent)  # type: ignore[arg-type]
    return runner._before(newest(archive)) is not None


@pytest.mark.clause("STO-06", "STO-07")
@pytest.mark.parametrize("link", [0, 1, 2])
async def test_nothing_is_put_on_a_chain_with_a_link_that_is_gone_or_altered(tmp_path: Path, link: int) -> None:
    archive = await three_links(tmp_path)
    assert broken_link(archive.places, newest(archive)) is None
    assert goes_on(archive)
    east, west = files_of(tmp_path, link)
    east.unlink()
    assert goes_on(archive)  # one place has it still
    data = bytearray(west.read_bytes())
    data[-1] ^= 1
    west.write_bytes(data)
    assert broken_link(archive.places, newest(archive)) == archive.made[link][0]
    assert not goes_on(archive)
    west.unlink()
    assert broken_link(archive.places, newest(archive)) == archive.made[link][0]
    assert not goes_on(archive)


@pytest.mark.clause("STO-07")
def test_a_broken_chain_has_an_alert() -> None:
    assert "cannot be restored" in alert_of(Missed("chain", 5, "b1"), now=9).rule.title
