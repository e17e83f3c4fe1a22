"""Goes through the audit stream for the last read of each record (clause STO-13).

Its archive is read too, for events that are no longer on the topic. How far it got is noted only at the end: partitions
are read one after the other, so a pass that was interrupted has seen one up to now and another not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from ops.audit_archive.manifest import read_manifest
from ops.audit_files import values_in
from ops.detect.seen import Seen, see
from schemas.topics import AUDIT
from store.database import Database
from store.retrievals import Retrieval, Retrievals
from streams.audit.reader import open_topic
from streams.kafka import Kafka

#: Events come a little out of order; the stream is gone through again from so long before, milliseconds.
_OVERLAP_MS: Final = 10 * 60 * 1000
_AT_ONCE: Final = 5_000
_READS: Final = frozenset({"access", "unseal"})


async def refresh(database: Database, kafka: Kafka, archive: Path | None = None) -> int:
    """Note the reads since the last time; return how many records were read. Repeatable.

    Args:
        database: takes them.
        kafka: the cluster.
        archive: the audit stream's, for what was trimmed from the topic; None when nothing was archived.

    Raises:
        DanganError: DG-AUD-005 or -062 when the archive cannot be read.
        Transient: DG-AUD-004 when the stream cannot be read.
    """
    retrievals = Retrievals(database)
    done = await retrievals.read_up_to()
    since = None if done is None else max(0, done - _OVERLAP_MS)
    touched = 0

    async def take(values: Iterable[bytes]) -> None:
        nonlocal done, touched
        found, newest = last_reads([event for value in values if (event := see(value)) is not None])
        if newest is not None:
            done = newest if done is None else max(done, newest)
            await retrievals.note(found)
            touched += len(found)

    async with open_topic(kafka, AUDIT, since_ms=since) as topic:
        async for entries in topic.to_the_end():
            await take(entry.value for entry in entries)
    # The archive after the topic: what is moved over meanwhile is seen at least once.
    old = archived_since(archive, since)
    while batch := await asyncio.to_thread(lambda: list(islice(old, _AT_ONCE))):
        await take(batch)
    if done is not None:
        await retrievals.went_up_to(done)
    return touched


def archived_since(archive: Path | None, since_ms: int | None) -> Iterator[bytes]:
    """The values of an archive's segments that reach up to that time or later, whole segments; None is all."""
    if archive is None:
        return iter(())
    segments = read_manifest(archive).segments
    return values_in(archive / one.name for one in segments if since_ms is None or one.last_ms >= since_ms)


def last_reads(events: Sequence[Seen]) -> tuple[dict[str, Retrieval], int | None]:
    """The last allowed read of each record among the events, and the newest event's time."""
    found: dict[str, Retrieval] = {}
    newest: int | None = None
    for event in events:
        newest = event.at_ms if newest is None else max(newest, event.at_ms)
        if not event.allowed or event.action not in _READS or not event.record:
            continue
        known = found.get(event.record)
        if known is None or known.at_ms < event.at_ms:
            found[event.record] = Retrieval(event.at_ms, event.actor, event.grant)
    return found, newest
