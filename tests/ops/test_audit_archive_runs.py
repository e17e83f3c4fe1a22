"""Two runs at once over one archive of the audit stream: the second is refused, and nothing of the first is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from ops.audit_archive import archiving
from ops.audit_archive.lock import only_run
from ops.audit_archive.manifest import Manifest, damaged, read_manifest, write_manifest
from ops.audit_archive.segments import SegmentFile
from ops.audit_files import files_of, values_in
from ops.commands.audit import register
from schemas.errors import DanganError
from streams.audit.reader import Entry
from streams.kafka import Kafka
from tests.ops.test_audit_archive import Topic, archived, known, segment, verified
from tests.streams.audit_records import NOW, Archive

__all__ = ["known"]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.clause("AUD-01", "AUD-02")
async def test_of_two_runs_at_once_the_second_is_refused_and_no_event_is_lost(
    known: tuple[Archive, Topic], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, topic = known
    everything = sorted(one.value for entries in topic.entries.values() for one in entries)
    go, reached = asyncio.Event(), asyncio.Event()
    parts, begun = topic.partitions, list(topic.entries[0])

    class Slow:
        """What the first run sees: one partition before any other run trims, the other one afterwards."""

        partitions = parts

        async def to_the_end(self) -> AsyncIterator[list[Entry]]:
            yield begun
            reached.set()
            await go.wait()
            yield list(topic.entries[1])

    opened: list[Any] = [Slow()]

    @asynccontextmanager
    async def open_topic(*_: Any, **__: Any) -> AsyncIterator[Any]:
        yield opened.pop() if opened else topic

    monkeypatch.setattr(archiving, "open_topic", open_topic)
    first = asyncio.create_task(archived(keys, tmp_path, 13))
    await reached.wait()
    with pytest.raises(DanganError, match="DG-AUD-066"):
        await archived(keys, tmp_path, 13)
    with pytest.raises(DanganError, match="DG-AUD-066"):
        await archiving.trim_topic(Kafka(""), tmp_path)
    go.set()
    topic.trim((await first).manifest.next_offsets())
    assert damaged(tmp_path, read_manifest(tmp_path)) == []
    left = [one.value for entries in topic.entries.values() for one in entries]
    assert sorted([*values_in([tmp_path]), *left]) == everything
    assert verified(keys, tmp_path, topic).findings == []


async def test_what_a_crash_left_is_neither_replaced_nor_in_the_way(
    known: tuple[Archive, Topic], tmp_path: Path
) -> None:
    keys, topic = known
    write_manifest(tmp_path, Manifest())
    (tmp_path / "000001-p0.ndjson.gz").write_bytes(b"left by a crash")
    done = await archived(keys, tmp_path, 13)
    assert [one.name[:6] for one in done.new] == ["000002", "000003"]
    assert (tmp_path / "000001-p0.ndjson.gz").read_bytes() == b"left by a crash"
    assert [file.name for file in files_of([tmp_path])] == [one.name for one in done.new]  # readers pass it over
    number = next(at for at in range(20, 40) if b'"access"' in topic.entries[0][at].value)
    bad = topic.entries[0][number]
    topic.entries[0][number] = bad._replace(value=bad.value.replace(b'"access"', b'"update"'))
    before = names_in(tmp_path)
    with pytest.raises(DanganError, match="DG-AUD-063"):
        await archived(keys, tmp_path, 40)
    assert names_in(tmp_path) == before


def test_a_segment_never_replaces_a_file_of_its_name(tmp_path: Path) -> None:
    name = "000001-p0.ndjson.gz"
    file = SegmentFile(tmp_path, name, 0)
    file.add(Entry(0, 0, b"{}", NOW * 1000))
    (tmp_path / name).write_bytes(b"of another run")
    with pytest.raises(DanganError, match="DG-AUD-066"):
        file.close()
    file.abandon()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"of another run"


def test_nothing_is_pruned_while_another_run_is_at_work(tmp_path: Path) -> None:
    folder = tmp_path / "audit-archive"
    folder.mkdir()
    old = segment(1, 1, "a")
    (folder / old.name).write_bytes(b"")
    write_manifest(folder, Manifest(segments=(old,)))
    app = Typer()
    register(app)
    with only_run(folder):
        result = CliRunner().invoke(app, ["audit", "prune", "--home", str(tmp_path)])
    assert getattr(result.exception, "code", None) == "DG-AUD-066"
    assert (folder / old.name).exists()
    assert read_manifest(folder).segments == (old,)
