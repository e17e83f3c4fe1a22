"""The events of what was read: one for each archive, and for each part of it that was opened (clause AUD-01)."""

from __future__ import annotations

from consumers.reading.opening import Sources
from consumers.reading.refusals import R, action_of
from consumers.reading.shelf import Asked
from consumers.received import Received, fact
from schemas.audit import Fact


def events_of(received: Received[R], asked: Asked, read: Sources) -> tuple[Fact, ...]:
    """The events of one record's reading, whether it was asked for alone or stands on a page among others.

    Who has read a record, and which records somebody read, is asked of the audit stream by record: a page of a bulk
    read leaves an event for each of its records (docs/adr/0028-answers.md).
    """
    command, record, lease = received.command, asked.record, asked.lease
    fields: dict[str, tuple[str, ...]] = {}
    for name, source in read.items():
        if source is not record:
            fields[source.id] = (*fields.get(source.id, ()), name)
    opened = {source.id: source for source in read.values()}
    return tuple(
        fact(
            received,
            action_of(command),
            record=each.id,
            subject=each.subject,
            fields=names,
            level=lease.level,
            purpose=command.purpose,
            grant=command.grant,
            version=each.version,
        )
        for each, names in ((record, lease.fields), *((opened[part], names) for part, names in fields.items()))
    )
