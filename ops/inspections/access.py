"""The half-yearly review of access logs (每半年检查访问日志, AUD-08): reads, and the archive room's door."""

from __future__ import annotations

from typing import Final

from ops.audit_review import concerns, review
from ops.audited import Desk
from ops.detect.seen import Seen
from ops.detect.source import events_on_topic
from ops.inspections.doors import DoorLog, doors
from ops.inspections.runs import Found
from store.inspections import Finding
from store.principals import Grants, Principals
from streams.kafka import kafka_of

#: Who may enter the archive room by post.
KEEPERS: Final = frozenset({"archivist", "custodian"})


def _judged(event: Seen) -> bool:
    """Whether a review needs the event: lists of operators, which open no record's content, are no reads."""
    return concerns(event) and not (event.action == "query" and event.verb in ("list", "count"))


async def access_review(desk: Desk, *, since: int, door_log: DoorLog | None) -> Found:
    """Every access since then without a valid application or outside its scope.

    Args:
        desk: of who reviews.
        since: UNIX seconds.
        door_log: of the archive room, if there is one.
    """
    grants = {grant.id: grant for grant in await Grants(desk.database).all()}
    events = await events_on_topic(kafka_of(desk.settings), None, _judged)
    done, found = review(events, since * 1000, grants), Found()
    found.counts.update({"reads": done.reads, "refused": sum(done.attempts.values())})
    found.add(
        Finding("read-without-application", event.actor, f"{event.record or '-'}: {reason} ({event.uid})")
        for event, reason in done.misreads
    )
    for attempt, times in done.attempts.items():
        found.counts[f"refused:{attempt.code}"] += times
    if door_log is not None:
        everyone = await Principals(desk.database).all()
        keepers = {one.id for one in everyone if not KEEPERS.isdisjoint(one.roles)}
        doors(found, door_log, grants, keepers)
    else:
        found.add([Finding("door-log-missing", "archive-room")])
    return found
