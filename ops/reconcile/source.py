"""Where what we tell comes from: the audit topic, or exports."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ops.audit_files import values_in
from ops.reconcile.told import LONGEST_RUN_MS, Told
from schemas.topics import AUDIT
from streams.audit.reader import open_topic
from streams.kafka import Kafka


async def told_on_topic(kafka: Kafka, since_ms: int) -> Told:
    """What the topic tells; from a day before ``since_ms`` (UNIX milliseconds), for runs that had begun by then.

    Raises:
        Transient: DG-AUD-004 when it cannot be read.
    """
    told = Told()
    async with open_topic(kafka, AUDIT, since_ms=max(0, since_ms - LONGEST_RUN_MS)) as topic:
        async for entries in topic.to_the_end():
            told.feed(entry.value for entry in entries)
    return told


def told_in(files: Iterable[Path]) -> Told:
    """What exports tell, whole.

    Raises:
        DanganError: DG-AUD-005 when one cannot be read.
    """
    told = Told()
    told.feed(values_in(files))
    return told
