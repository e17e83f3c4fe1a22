"""The events of what was read: one for each archive, and for each part of it that was opened (clause AUD-01)."""

from __future__ import annotations

from consumers.reading.leases import Lease
from consumers.reading.opening import Sources
from consumers.reading.refusals import R, action_of
from consumers.reading.shelf import Asked
from consumers.received import Received, fact
from schemas.audit import Fact
from store.record import Record


def events_of(received: Received[R], asked: Asked, read: Sources) -> tuple[Fact, ...]:
    """The events of one record's reading, whether it was asked for alone or stands on a page among others.

    Who has read a record, and which records somebody read, is asked of the audit stream by record: a page of a bulk
    read leaves an event for each of its records (docs/adr/0028-answers.md).
    """
    record = asked.record
    if not record.parts:  # nearly always
        return (_event(received, asked.lease, record, asked.lease.fields),)
    fields: dict[str, tuple[str, ...]] = {}
    for name, source in read.items():
        if source is not record:
            fields[source.id] = (*fields.get(source.id, ()), name)
    opened = {source.id: source for source in read.values()}
    parts = (_event(received, asked.lease, opened[part], names) for part, names in fields.items())
    return (_event(received, asked.lease, record, asked.lease.fields), *parts)


def _event(received: Received[R], lease: Lease, of: Record, fields: tuple[str, ...]) -> Fact:
    command = received.command
    return fact(
        received,
        action_of(command),
        record=of.id,
        subject=of.subject,
        fields=fields,
        level=lease.level,
        purpose=command.purpose,
        grant=command.grant,
        version=of.version,
    )
