"""Moves old audit events from the topic to an archive: verified before, durable and listed before anything is deleted.

Nothing is deleted from the topic unless it is asked for, and then only what the manifest lists and was read back.
One run at a time works in a folder (lock.py), no segment is ever replaced, and a run deletes only what it wrote itself.
A crash leaves at worst a file that no manifest names; the next run takes a later number.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError

from ops.audit_archive.lock import only_run
from ops.audit_archive.manifest import FILE, Manifest, Segment, damaged, read_manifest, write_manifest
from ops.audit_archive.reading import after_archive, feed_archive
from ops.audit_archive.segments import Cutter, SegmentFile
from ops.private_files import write_private
from schemas.errors import DanganError, Transient
from schemas.topics import AUDIT
from schemas.trust import Trust
from streams.audit.checkpoint import VALUE_PREFIX, Checkpoint, from_value, to_value
from streams.audit.reader import Entry, open_topic
from streams.audit.verify import Verifier
from streams.kafka import Kafka

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Archived:
    """What a run did: the new segments, the manifest as it is now, and how many events verified in all."""

    new: tuple[Segment, ...]
    manifest: Manifest
    events: int


class _Noting(Verifier):
    """A verifier that keeps the newest checkpoint and the certificate of every writer."""

    def __init__(self, trust: Trust) -> None:
        super().__init__(trust)
        self.notes: dict[str, Checkpoint] = {}
        self.certs: dict[str, str] = {}

    def feed(self, value: bytes, source: str, number: int) -> None:
        super().feed(value, source, number)
        if value.startswith(VALUE_PREFIX):
            if (note := from_value(value)) is not None:
                self.notes[note.writer] = note
        elif b'"cert":"' in value:
            own = orjson.loads(value)["unmapped"]["dangan"]
            self.certs[own["chain"]["writer"]] = own["cert"]


async def archive(
    kafka: Kafka, folder: Path, trust: Trust, *, before_ms: int, advance: Advance = lambda _: None
) -> Archived:
    """Write what is older than a time to the archive. Deletes nothing; repeatable.

    Args:
        kafka: the cluster.
        folder: the archive, new or with what earlier runs wrote.
        trust: the public keys that certify writers.
        before_ms: UNIX milliseconds.
        advance: told how many records of the topic were read since last.

    Raises:
        DanganError: DG-AUD-062 when the archive is damaged, DG-AUD-063 when archive and topic together do not
            verify, DG-AUD-065 when events between them are missing, DG-AUD-066 while another run is at work there.
        Transient: DG-AUD-004 when the topic cannot be read.
    """
    with only_run(folder):
        return await _archive(kafka, folder, trust, before_ms, advance)


async def _archive(kafka: Kafka, folder: Path, trust: Trust, before_ms: int, advance: Advance) -> Archived:
    manifest = read_manifest(folder)
    if not (folder / FILE).exists():  # a crash of this first run must not leave segments without a manifest
        write_manifest(folder, manifest)
    if broken := damaged(folder, manifest):
        raise DanganError("DG-AUD-062", field=broken[0])
    verifier = _Noting(trust)
    feed_archive(verifier, folder)
    async with open_topic(kafka, AUDIT) as topic:
        _check_goes_on(manifest, {partition: first for partition, (first, _) in topic.partitions.items()})
        entries = after_archive(topic, folder)
        new = await _written(entries, folder, manifest, verifier, before_ms, advance)
    report = verifier.finish()
    if report.findings:
        for segment in new:
            (folder / segment.name).unlink()
        raise DanganError("DG-AUD-063", detail=f"{len(report.findings) + report.more_findings} findings")
    manifest = manifest.model_copy(update={"segments": manifest.segments + new})
    if new:
        _write_beside(folder, verifier.notes, verifier.certs)
        write_manifest(folder, manifest)
    return Archived(new, manifest, report.events)


def _check_goes_on(manifest: Manifest, firsts: Mapping[int, int]) -> None:
    for partition, first in firsts.items():
        if first > manifest.next_offsets().get(partition, 0):
            raise DanganError("DG-AUD-065", field=f"partition {partition}")


async def _written(
    batches: AsyncIterator[list[Entry]],
    folder: Path,
    manifest: Manifest,
    verifier: Verifier,
    before_ms: int,
    advance: Advance,
) -> tuple[Segment, ...]:
    cutters: dict[int, Cutter] = {}
    files: dict[int, SegmentFile] = {}
    number = max(manifest.next_number(), _unnamed_number(folder))
    try:
        async for entries in batches:
            advance(len(entries))
            for entry in _old(entries, cutters, before_ms):
                verifier.feed(entry.value, f"partition {entry.partition}", entry.offset)
                file = files.get(entry.partition)
                if file is None:
                    name = f"{number + len(files):06}-p{entry.partition}.ndjson.gz"
                    file = files[entry.partition] = SegmentFile(folder, name, entry.partition)
                file.add(entry)
        return tuple(file.close() for file in files.values())
    except BaseException:
        for file in files.values():
            file.abandon()
        raise


def _unnamed_number(folder: Path) -> int:
    """The first number behind every segment in the folder, those included that a crash left without a manifest."""
    return max((int(path.name[:6]) for path in folder.glob("[0-9]" * 6 + "-p*.ndjson.gz")), default=0) + 1


def _old(entries: list[Entry], cutters: dict[int, Cutter], before_ms: int) -> Iterable[Entry]:
    """Those of one partition's entries that may be archived."""
    if not entries:
        return ()
    return cutters.setdefault(entries[0].partition, Cutter(before_ms)).cut(entries)


def _write_beside(folder: Path, notes: Mapping[str, Checkpoint], certs: Mapping[str, str]) -> None:
    write_private(folder / "checkpoints.ndjson", "".join(f"{to_value(note).decode()}\n" for note in notes.values()))
    lines = (orjson.dumps({"writer": writer, "cert": cert}).decode() for writer, cert in certs.items())
    write_private(folder / "certificates.ndjson", "".join(f"{line}\n" for line in lines))


async def trim_topic(kafka: Kafka, folder: Path) -> dict[int, int]:
    """Delete from the topic what the archive holds, once more compared with its manifest.

    Returns:
        For each partition the first offset that is left.

    Raises:
        DanganError: DG-AUD-062 when the archive is damaged, DG-AUD-066 while another run is at work there: nothing is
            deleted then.
        Transient: DG-AUD-004 when Kafka does not do it.
    """
    with only_run(folder):
        return await _trim(kafka, folder)


async def _trim(kafka: Kafka, folder: Path) -> dict[int, int]:
    manifest = read_manifest(folder)
    if broken := damaged(folder, manifest):
        raise DanganError("DG-AUD-062", field=broken[0])
    wanted = {
        TopicPartition(AUDIT, partition): RecordsToDelete(before_offset=offset)
        for partition, offset in manifest.next_offsets().items()
    }
    admin = AIOKafkaAdminClient(**kafka.client)
    try:
        await admin.start()
        left = await admin.delete_records(wanted) if wanted else {}
    except KafkaError as error:
        raise Transient("DG-AUD-004", detail=type(error).__name__) from error
    finally:
        await admin.close()
    return {at.partition: offset for at, offset in left.items()}
