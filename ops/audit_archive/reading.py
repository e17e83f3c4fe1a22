"""Reads an archive of the audit stream, and what the topic holds after it, as one stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ops.audit_archive.manifest import FILE, YEAR_MS, Manifest, damaged, read_manifest
from ops.audit_files import feed_file
from schemas.audit import KeptCheckpoint
from schemas.errors import DanganError
from schemas.rule_tables.audit import LEAST_YEARS
from schemas.settings import Settings
from schemas.topics import AUDIT
from schemas.trust import Trust
from streams.audit.findings import Finding, Kind, Place
from streams.audit.verify import Verifier
from streams.kafka import Kafka
from streams.writer import certified_writer

if TYPE_CHECKING:  # Kafka's client is loaded by who reads the topic
    from streams.audit.reader import Entry, TopicReader

_NOTHING: Final = Manifest()


def default_archive(settings: Settings) -> Path:
    """Where ``dangan audit archive`` writes unless told otherwise."""
    return settings.home / "audit-archive"


def is_archive(path: Path) -> bool:
    """Whether a path is the folder of an archive."""
    return (path / FILE).is_file()


def archive_of(settings: Settings) -> Path | None:
    """The archive of this installation, if it has one where it is expected."""
    folder = default_archive(settings)
    return folder if is_archive(folder) else None


def feed_archive(verifier: Verifier, folder: Path, advance: Callable[[int], None] = lambda _: None) -> list[Finding]:
    """Give every value of an archive to the verifier, in order.

    Args:
        verifier: takes them.
        folder: the archive.
        advance: told how many bytes of the files were read since last.

    Returns:
        A finding for each file that is missing, or not what the manifest says.

    Raises:
        DanganError: DG-AUD-062 when the manifest cannot be read.
    """
    manifest = read_manifest(folder)
    broken = damaged(folder, manifest)
    found = [
        Finding(Kind.ALTERED, None, -1, -1, Place(str(folder / name), 0), "the file is not what the manifest says")
        for name in broken
    ]
    for segment in manifest.segments:
        try:
            feed_file(verifier, folder / segment.name, advance)
        except DanganError:
            if segment.name not in broken:
                raise
    return found


def without_pruned(
    kept: Iterable[KeptCheckpoint], archive: Path | None, trust: Trust, *, now: float
) -> list[KeptCheckpoint]:
    """The kept checkpoints whose events must be there: all but those of writers that ``audit prune`` took away.

    The manifest alone is not believed, since whoever can delete a segment can write there too: the writer's
    certificate, kept with the checkpoint and signed by Vault, must be older than anything that may be pruned.

    Args:
        kept: what the database keeps.
        archive: the folder; None when nothing was archived.
        trust: the public keys that certify writers.
        now: UNIX seconds.

    Raises:
        DanganError: DG-AUD-062 when the manifest cannot be read.
    """
    gone = read_manifest(archive).pruned_writers() if archive else frozenset[str]()
    return [one for one in kept if one.writer not in gone or not _may_be_pruned(one, trust, now)]


def _may_be_pruned(one: KeptCheckpoint, trust: Trust, now: float) -> bool:
    try:
        writer = certified_writer(one.cert, trust=trust, at=None)
    except DanganError:
        return False
    return writer.id == one.writer and writer.not_before < now - LEAST_YEARS * YEAR_MS / 1000


def size_of(folder: Path) -> int:
    """How many bytes :func:`feed_archive` reads."""
    return sum(one.size for one in read_manifest(folder).segments)


async def after_archive(topic: TopicReader, archive: Path | None) -> AsyncIterator[list[Entry]]:
    """What an open topic holds that is not in the archive, up to its end."""
    first = (read_manifest(archive) if archive else _NOTHING).next_offsets()
    async for entries in topic.to_the_end():
        yield [entry for entry in entries if entry.offset >= first.get(entry.partition, 0)]


async def feed_stream(
    verifier: Verifier, kafka: Kafka, archive: Path | None, advance: Callable[[int], None] = lambda _: None
) -> list[Finding]:
    """Give the verifier the whole stream: the archive, then what the topic holds after it.

    Args:
        verifier: takes the values.
        kafka: the cluster.
        archive: the folder; None when nothing was archived.
        advance: told how many records of the topic were read since last.

    Returns:
        What is wrong with the archive's files.

    Raises:
        DanganError: DG-AUD-062 when the archive cannot be read.
        Transient: DG-AUD-004 when the topic cannot be read.
    """
    from streams.audit.reader import open_topic  # noqa: PLC0415 - see above

    found = await asyncio.to_thread(feed_archive, verifier, archive) if archive else []
    async with open_topic(kafka, AUDIT) as topic:
        async for entries in after_archive(topic, archive):
            for entry in entries:
                verifier.feed(entry.value, f"partition {entry.partition}", entry.offset)
            advance(len(entries))
    return found
