"""The archive of the audit stream: old proofs verify from it, what is altered is found and located. No server."""

from __future__ import annotations

import gzip
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer import Typer
from typer.testing import CliRunner

from ops.audit_archive import archiving
from ops.audit_archive.manifest import (
    FILE,
    Manifest,
    Segment,
    damaged,
    prunable,
    read_manifest,
    without,
    write_manifest,
)
from ops.audit_archive.reading import feed_archive
from ops.audit_archive.segments import Cutter
from ops.audit_files import read_kept, values_in
from ops.audit_parquet import row_of, write_parquet
from ops.audit_proofs import prove_event
from ops.commands.audit import register
from schemas.audit import event_id
from schemas.errors import DanganError
from schemas.rulebook import RuleBook
from streams.audit.findings import Report
from streams.audit.proof import check_proof, parse_proof
from streams.audit.reader import Entry
from streams.audit.verify import Verifier
from streams.kafka import Kafka
from tests.streams.audit_records import NOW, Archive, Written, some_facts, write

HOUR = 3_600_000
YEAR = 366 * 24 * HOUR


class Topic:
    """A topic with one writer in each partition, an hour between records; parts of it can be deleted."""

    def __init__(self, writers: list[Written]) -> None:
        self.writers = writers
        self.entries = {
            partition: [Entry(partition, at, value, NOW * 1000 + at * HOUR) for at, value in enumerate(one.values)]
            for partition, one in enumerate(writers)
        }

    @property
    def partitions(self) -> dict[int, tuple[int, int]]:
        return {at: (entries[0].offset, entries[-1].offset + 1) for at, entries in self.entries.items()}

    def trim(self, firsts: dict[int, int]) -> None:
        for at, entries in self.entries.items():
            self.entries[at] = [one for one in entries if one.offset >= firsts.get(at, 0)]

    async def to_the_end(self) -> AsyncIterator[list[Entry]]:
        for entries in self.entries.values():
            for start in range(0, len(entries), 7):
                yield entries[start : start + 7]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> tuple[Archive, Topic]:
    keys = Archive()
    topic = Topic(
        [
            write(keys.writer(f"worker-{at}"), [some_facts(3, first) for first in range(100 * at, 100 * at + 30, 3)])
            for at in range(2)
        ]
    )

    @asynccontextmanager
    async def opened(*_: Any, **__: Any) -> AsyncIterator[Topic]:
        yield topic

    monkeypatch.setattr(archiving, "open_topic", opened)
    return keys, topic


def verified(keys: Archive, folder: Path, rest: Topic | None = None) -> Report:
    verifier = Verifier(keys.trust)
    broken = feed_archive(verifier, folder)
    if rest is not None:
        for entries in rest.entries.values():
            for one in entries:
                verifier.feed(one.value, f"partition {one.partition}", one.offset)
    report = verifier.finish()
    report.findings[:0] = broken
    return report


async def archived(keys: Archive, folder: Path, hours: int) -> archiving.Archived:
    return await archiving.archive(Kafka(""), folder, keys.trust, before_ms=NOW * 1000 + hours * HOUR)


@pytest.mark.clause("AUD-01", "AUD-02")
async def test_archive_and_topic_verify_together_after_the_topic_was_cut(
    known: tuple[Archive, Topic], tmp_path: Path
) -> None:
    keys, topic = known
    everything = [one.value for entries in topic.entries.values() for one in entries]
    for hours in (13, 13, 30):
        done = await archived(keys, tmp_path, hours)
        topic.trim(done.manifest.next_offsets())
        assert verified(keys, tmp_path).findings == []
        assert verified(keys, tmp_path, topic).findings == []
        left = [one.value for entries in topic.entries.values() for one in entries]
        assert sorted([*values_in([tmp_path]), *left]) == sorted(everything)
    assert len(done.manifest.segments) == 4  # the second run found nothing new
    assert {note.writer for note in read_kept(tmp_path / "checkpoints.ndjson")} == {
        one for segment in done.manifest.segments for one in segment.writers
    }
    certificates = [orjson.loads(line) for line in (tmp_path / "certificates.ndjson").read_bytes().splitlines()]
    assert all(one["cert"].count(".") == 2 for one in certificates)


async def test_nothing_younger_is_archived_and_every_piece_ends_with_a_checkpoint(
    known: tuple[Archive, Topic], tmp_path: Path
) -> None:
    keys, topic = known
    done = await archived(keys, tmp_path, 10)
    assert done.new
    for segment in done.new:
        assert segment.last_ms < NOW * 1000 + 10 * HOUR
        assert list(values_in([tmp_path / segment.name]))[-1].startswith(b'{"checkpoint"')
    assert len({one.value for entries in topic.entries.values() for one in entries}) == 82  # all still there


@pytest.mark.clause("AUD-01")
async def test_a_proof_made_before_the_archiving_holds_after_it(known: tuple[Archive, Topic], tmp_path: Path) -> None:
    keys, topic = known
    export = tmp_path / "audit.ndjson"
    export.write_bytes(b"".join(one.value + b"\n" for entries in topic.entries.values() for one in entries))
    uid = event_id(some_facts(1, 104)[0])
    before = prove_event([export], uid).text()
    folder = tmp_path / "archive"
    done = await archived(keys, folder, 40)
    topic.trim(done.manifest.next_offsets())
    check_proof(parse_proof(before), keys.trust)
    again = prove_event([folder], uid)
    check_proof(again, keys.trust)
    assert again.text() == before


@pytest.mark.clause("AUD-01")
async def test_an_altered_file_is_found_and_the_event_located(known: tuple[Archive, Topic], tmp_path: Path) -> None:
    keys, _ = known
    done = await archived(keys, tmp_path, 40)
    segment = done.new[1]
    path = tmp_path / segment.name
    lines = gzip.decompress(path.read_bytes()).split(b"\n")
    lines[5] = lines[5].replace(b'"access"', b'"update"')
    path.write_bytes(gzip.compress(b"\n".join(lines)))
    by_digest, by_chain = verified(keys, tmp_path).findings
    assert (str(by_digest.place), by_digest.detail) == (f"{path}:0", "the file is not what the manifest says")
    assert (by_chain.kind.value, str(by_chain.place)) == ("altered", f"{path}:6")

    # who can change the manifest as well is still found by the chain
    changed = segment.model_copy(update={"sha256": archiving.damaged and _digest(path), "size": path.stat().st_size})
    write_manifest(tmp_path, Manifest(segments=(done.new[0], changed)))
    (only,) = verified(keys, tmp_path).findings
    assert str(only.place) == f"{path}:6"
    with pytest.raises(DanganError, match="DG-AUD-063"):
        await archived(keys, tmp_path, 50)


def _digest(path: Path) -> str:
    from ops.audit_archive.manifest import digest_of

    return digest_of(path)


async def test_a_file_that_is_gone_or_cannot_be_unpacked_is_named(known: tuple[Archive, Topic], tmp_path: Path) -> None:
    keys, _ = known
    done = await archived(keys, tmp_path, 40)
    first, second = (tmp_path / one.name for one in done.new)
    first.unlink()
    data = bytearray(second.read_bytes())
    data[-6] ^= 1  # of the same length, and its checksum does not hold
    second.write_bytes(data)
    assert damaged(tmp_path, done.manifest) == [first.name, second.name]
    places = [str(one.place) for one in verified(keys, tmp_path).findings]
    assert places[:2] == [f"{first}:0", f"{second}:0"]
    with pytest.raises(DanganError, match="DG-AUD-062"):
        await archived(keys, tmp_path, 50)
    with pytest.raises(DanganError, match="DG-AUD-062"):
        await archiving.trim_topic(Kafka(""), tmp_path)  # nothing is deleted that is not safe elsewhere
    (tmp_path / FILE).unlink()
    with pytest.raises(DanganError, match="DG-AUD-062"):
        read_manifest(tmp_path)


async def test_what_does_not_verify_is_not_archived(known: tuple[Archive, Topic], tmp_path: Path) -> None:
    keys, topic = known
    bad = topic.entries[0][3]
    topic.entries[0][3] = bad._replace(value=bad.value.replace(b'"access"', b'"update"'))
    with pytest.raises(DanganError, match="DG-AUD-063"):
        await archived(keys, tmp_path, 40)
    assert read_manifest(tmp_path) == Manifest()  # and no segment without it


async def test_a_gap_between_archive_and_topic_is_refused(known: tuple[Archive, Topic], tmp_path: Path) -> None:
    keys, topic = known
    await archived(keys, tmp_path, 10)
    topic.trim({0: 30})
    with pytest.raises(DanganError, match="DG-AUD-065"):
        await archived(keys, tmp_path, 40)


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 40))
def test_what_is_cut_is_a_beginning_that_ends_behind_a_checkpoint(kinds: list[bool], until: int) -> None:
    note = b'{"checkpoint":"x"}'
    entries = [Entry(0, at, note if kind else b"{}", at) for at, kind in enumerate(kinds)]
    from ops.audit_archive import segments

    original, segments.from_value = segments.from_value, lambda value: value  # type: ignore[assignment]
    try:
        cutter = Cutter(until)
        cut = [one for start in range(0, len(entries), 3) for one in cutter.cut(entries[start : start + 3])]
    finally:
        segments.from_value = original
    assert cut == entries[: len(cut)]
    assert all(one.at_ms < until for one in cut)
    assert not cut or cut[-1].value == note
    assert not any(one.value == note and one.at_ms < until for one in entries[len(cut) :])


@pytest.mark.clause("AUD-02")
def test_no_rule_book_keeps_events_for_less_than_records() -> None:
    assert RuleBook().audit.retention_years >= max(RuleBook().retention.years_by_class.values())
    RuleBook.from_mappings({"audit": {"retention_years": 15}})
    for longer in ({"years_by_class": {"customer": 60}, "statutory_minimum": {}}, {"years_by_item": {"voucher": 60}}):
        with pytest.raises(ValueError, match="retention_years is 50; records are kept for 60 years"):
            RuleBook.from_mappings({"retention": longer})


def segment(number: int, last_ms: int, *writers: str) -> Segment:
    return Segment(
        name=f"{number:06}-p0.ndjson.gz", sha256="0" * 64, size=1, records=1, partition=0, first_offset=number,
        next_offset=number + 1, first_ms=0, last_ms=last_ms, writers=writers,
    )  # fmt: skip


def test_a_file_is_pruned_when_it_is_old_and_no_chain_in_it_goes_on() -> None:
    now = 100 * YEAR
    old, chained, young = segment(1, YEAR, "a"), segment(2, YEAR, "b", "c"), segment(3, 99 * YEAR, "c")
    manifest = Manifest(segments=(old, chained, young))
    assert prunable(manifest, now_ms=now, years=50) == (old,)
    assert prunable(manifest, now_ms=now, years=99) == ()
    left = without(manifest, (old,), now_ms=now)
    assert left.segments == (chained, young)
    assert left.next_offsets() == manifest.next_offsets()
    assert left.next_number() == 4


def test_the_command_prunes_by_the_rule_book_and_shows_before_it_does(tmp_path: Path) -> None:
    gone = segment(1, 1, "a")
    folder = tmp_path / "audit-archive"
    folder.mkdir()
    (folder / gone.name).write_bytes(b"")
    write_manifest(folder, Manifest(segments=(gone,)))
    app = Typer()
    register(app)
    shown = CliRunner().invoke(app, ["audit", "prune", "--dry-run", "--home", str(tmp_path)])
    assert "1 files would be deleted: every event is kept for 50 years" in shown.output
    assert (folder / gone.name).exists()
    CliRunner().invoke(app, ["audit", "prune", "--home", str(tmp_path)], catch_exceptions=False)
    assert not (folder / gone.name).exists()
    assert read_manifest(folder).pruned[0].segment == gone


async def test_a_table_holds_every_event_and_its_bytes(known: tuple[Archive, Topic], tmp_path: Path) -> None:
    from pyarrow import parquet

    _, topic = known
    out = tmp_path / "audit.parquet"
    count = await write_parquet(topic.to_the_end(), out, lambda _: None)
    table = parquet.read_table(out)
    rows = table.to_pylist()
    events = [one for entries in topic.entries.values() for one in entries if row_of(one) is not None]
    assert count == len(rows) == len(events) == 62
    assert [row["value"] for row in rows] == [one.value for one in events]
    assert (rows[1]["action"], rows[1]["actor"], rows[1]["record"]) == ("access", "reader-1", "rec-0")
    assert rows[1]["time"].timestamp() == NOW
    assert str(table.schema.field("time").type) == "timestamp[ms, tz=UTC]"
    assert row_of(Entry(0, 0, b"{}", 0)) is None
    with pytest.raises(DanganError, match="DG-AUD-005"):
        await write_parquet(topic.to_the_end(), out, lambda _: None)
    assert io.BytesIO(out.read_bytes()).read(4) == b"PAR1"
