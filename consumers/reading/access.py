"""Use (使用): a read of one record under a grant, masked unless the grant says clear.

The values leave this module inside an outcome; streams/ releases them only after the outcome's audit event
is durable (clause AUD-01).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from consumers.authorize import Authorizer
from consumers.reading.answers import events_of
from consumers.reading.grants import NamedGrants
from consumers.reading.leases import Lease, lease_of
from consumers.reading.readable import check_record
from consumers.reading.refusals import refusal_of
from consumers.reading.shelf import Asked, Found, Shelf
from consumers.received import Outcome, Received
from consumers.rules import Rules
from schemas.catalogue import Catalogue
from schemas.commands import Access
from schemas.errors import DanganError, Refusal
from schemas.principals import Grant
from schemas.replies import Result
from schemas.rule_tables.use import Use
from store.reads import Reads
from store.record import Record
from store.requests import Requests

_STRICTEST: Final = Use()


def decide(
    received: Received[Access],
    record: Record | None,
    grant: Grant | None,
    catalogue: Catalogue,
    authorizer: Authorizer,
    now: float,
    use: Use = _STRICTEST,
) -> Lease:
    """Check one read against policies and grant.

    Whether the record exists shows only to those whose grant covers it: every other case is answered
    with the same code.

    Raises:
        Refusal: as :func:`consumers.reading.leases.lease_of`, then as
            :func:`consumers.reading.readable.check_record`; DG-ACC-007 for no live record.
    """
    lease = lease_of(received, grant, catalogue, authorizer, now)
    if record is None:
        raise Refusal("DG-ACC-007")
    check_record(record, grant, received.sender, lease.level, received.command.purpose, authorizer, use)
    return lease


class Reader:
    """Answers batches of access commands.

    Args:
        reads, grants, requests: the stores.
        shelf: opens what may be read.
        rules: catalogue and policies.
    """

    def __init__(self, reads: Reads, grants: NamedGrants, requests: Requests, shelf: Shelf, rules: Rules) -> None:
        self._reads = reads
        self._grants = grants
        self._requests = requests
        self._shelf = shelf
        self._rules = rules
        self._catalogue = rules.catalogue

    async def apply(self, batch: Sequence[Received[Access]], now: float) -> list[Outcome]:
        """Decide and read; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        seen: dict[str, str] = {}
        twice: set[int] = set()
        for at, received in enumerate(batch):
            place = f"{received.place}/{received.at}"
            if seen.setdefault(received.command.id, place) != place:
                twice.add(at)
        # Noting the requests is one durable write: it runs beside the reads, and is awaited before any answer.
        noting = asyncio.create_task(self._requests.replayed(seen, now=now))
        try:
            outcomes = await self._decided(batch, now)
        finally:
            replayed = await noting
        for at, received in enumerate(batch):
            personal = outcomes[at].result.code == "DG-COL-007"  # its event names nothing, and stays so
            if not personal and (at in twice or received.command.id in replayed):
                outcomes[at] = refusal_of(received, Refusal("DG-CMD-003"), self._catalogue)
        return outcomes

    async def _decided(self, batch: Sequence[Received[Access]], now: float) -> list[Outcome]:
        fields = self._catalogue.fields
        levels = {fields[name].level for received in batch for name in received.command.fields if name in fields}
        grants, (records, pages) = await asyncio.gather(
            self._grants.of(batch, now),
            self._reads.fetch({received.command.record for received in batch}, levels),
        )
        asked: dict[int, Asked] = {}
        outcomes: dict[int, Outcome] = {}
        known = (self._catalogue, self._rules.authorizer)
        for at, received in enumerate(batch):
            record, grant = records.get(received.command.record), grants[at]
            try:
                lease = decide(received, record, grant, *known, now, self._rules.book.use)
            except Refusal as refusal:
                outcomes[at] = refusal_of(received, refusal, self._catalogue, record)
            else:
                asked[at] = Asked(records[received.command.record], lease, received.command.purpose, received.sender)
        for (at, each), found in zip(asked.items(), await self._shelf.open(list(asked.values()), pages), strict=True):
            if isinstance(found, DanganError):
                outcomes[at] = refusal_of(batch[at], found, self._catalogue, each.record)
            else:
                outcomes[at] = _answered(batch[at], each, found)
        return [outcomes[at] for at in range(len(batch))]


def _answered(received: Received[Access], asked: Asked, found: Found) -> Outcome:
    result = Result(
        id=received.command.id,
        status="accepted",
        version=asked.record.version,
        values=found.values,
        clear=found.clear or None,
    )
    return Outcome(result, events_of(received, asked, found.read))
