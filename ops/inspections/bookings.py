"""Goes through the audit stream for movements in and out of the archive (出入库登记, clause AUD-05)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ops.detect.seen import Seen, see
from schemas.topics import AUDIT
from store.database import Database
from store.movements import Movements
from streams.audit.reader import open_topic
from streams.kafka import Kafka

#: Events come a little out of order; the stream is gone through again from so long before, milliseconds.
_OVERLAP_MS: Final = 10 * 60 * 1000


async def book(database: Database, kafka: Kafka) -> int:
    """Book the movements since the last time; return how many there were. Repeatable.

    Raises:
        Transient: DG-AUD-004 when the stream cannot be read.
    """
    movements = Movements(database)
    done = await movements.read_up_to()
    since = None if done is None else max(0, done - _OVERLAP_MS)
    moved = 0
    async with open_topic(kafka, AUDIT, since_ms=since) as topic:
        async for entries in topic.to_the_end():
            moved += await _booked(movements, [one for each in entries if (one := see(each.value)) is not None])
    return moved


async def book_events(database: Database, events: Sequence[Seen]) -> int:
    """Book the movements that exports of older events tell of; return how many there were."""
    return await _booked(Movements(database), events)


async def _booked(movements: Movements, events: Sequence[Seen]) -> int:
    if not events:
        return 0
    came, went = movements_in(events)
    newest = max((*(event.at_ms for event in events), await movements.read_up_to() or 0))
    await movements.book(came, went, up_to_ms=newest)
    return len(came) + len(went)


def movements_in(events: Iterable[Seen]) -> tuple[dict[str, int], dict[str, int]]:
    """What came in and what went out, by record, with the time (UNIX milliseconds). Pure."""
    came: dict[str, int] = {}
    went: dict[str, int] = {}
    for event in events:
        if not event.allowed or not event.record:
            continue
        if event.action == "collect":
            came[event.record] = min(event.at_ms, came.get(event.record, event.at_ms))
        elif event.action == "destroy" and not event.verb:
            went[event.record] = max(event.at_ms, went.get(event.record, event.at_ms))
    return came, went
