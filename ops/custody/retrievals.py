"""Goes through the audit stream for the last read of each record (clause STO-13)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ops.detect.seen import Seen, see
from schemas.topics import AUDIT
from store.database import Database
from store.retrievals import Retrieval, Retrievals
from streams.audit.reader import open_topic

#: Events come a little out of order; the stream is gone through again from so long before, milliseconds.
_OVERLAP_MS: Final = 10 * 60 * 1000
_READS: Final = frozenset({"access", "unseal"})


async def refresh(database: Database, bootstrap: str) -> int:
    """Note the reads since the last time; return how many records were read. Repeatable.

    Raises:
        Transient: DG-AUD-004 when the stream cannot be read.
    """
    retrievals = Retrievals(database)
    done = await retrievals.read_up_to()
    since = None if done is None else max(0, done - _OVERLAP_MS)
    touched = 0
    async with open_topic(bootstrap, AUDIT, since_ms=since) as topic:
        async for entries in topic.to_the_end():
            found, newest = last_reads([event for entry in entries if (event := see(entry.value)) is not None])
            if newest is not None:
                done = newest if done is None else max(done, newest)
                await retrievals.note(found, up_to_ms=done)
                touched += len(found)
    return touched


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
