"""Exact search (检索) by a blind index token under a grant: the same rules as for reading, and no value in the answer.

Whether nothing matches, or only records outside the grant, is answered alike and after the same look-ups. The event
names the field and each record that was named in the answer, never the value. A part of a merged archive is found as
its archive (合并, ARR-13).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from consumers.authorize import may_open
from consumers.reading.grants import NamedGrants
from consumers.reading.leases import Lease, lease_of, names_it
from consumers.reading.purposes import Purposes
from consumers.reading.readable import check_record
from consumers.reading.refusals import refusal_of
from consumers.received import Outcome, Received, fact
from consumers.rules import Rules
from keys.index import BlindIndex
from schemas.audit import Fact
from schemas.errors import Refusal
from schemas.principals import Grant
from schemas.replies import Result
from schemas.use import Search
from schemas.values import normalise
from store.reads import Reads
from store.record import Record
from store.requests import Requests

#: Records with the value that are looked at, and named, at most: an identity number or a telephone has few.
MAX_LOOKED_AT, MAX_NAMED = 200, 50


class Searcher:
    """Answers searches, one after the other.

    Args:
        reads, grants, requests: the stores.
        index: makes the tokens, of every living epoch.
        purposes: what records may be used for.
        rules: catalogue and policies.
    """

    def __init__(
        self, reads: Reads, grants: NamedGrants, requests: Requests, index: BlindIndex, purposes: Purposes, rules: Rules
    ) -> None:
        self._reads = reads
        self._grants = grants
        self._requests = requests
        self._index = index
        self._purposes = purposes
        self._rules = rules

    async def apply(self, batch: Sequence[Received[Search]], now: float) -> list[Outcome]:
        """Decide and search; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        return [await self._one(received, now) for received in batch]

    async def _one(self, received: Received[Search], now: float) -> Outcome:
        command = received.command
        place = {command.id: f"{received.place}/{received.at}"}
        noting = asyncio.create_task(self._requests.replayed(place, now=now))
        try:
            outcome = await self._searched(received, now)
        except Refusal as refusal:
            outcome = refusal_of(received, refusal, self._rules.catalogue)
        finally:
            replayed = await noting
        if replayed and outcome.result.code != "DG-COL-007":
            return refusal_of(received, Refusal("DG-CMD-003"), self._rules.catalogue)
        return outcome

    async def _searched(self, received: Received[Search], now: float) -> Outcome:
        command = received.command
        grant = await self._grants.one(received, now)
        lease = lease_of(received, grant, self._rules.catalogue, self._rules.authorizer, now)
        spec = self._rules.catalogue.field(command.field)
        if grant is None or not spec.index:
            raise Refusal("DG-ACC-021", field=command.field)
        value = str(normalise(command.field, spec, command.value))
        tokens = await self._index.search(command.field, value)
        matching = await self._reads.with_token(command.field, tokens, limit=MAX_LOOKED_AT)
        # Asked for in any case: a search that finds nothing takes as long as one that finds what it must not tell.
        wanted = {record.part_of or record.id for record in matching if _counts(record)}
        archives, _ = await self._reads.fetch(wanted, {spec.level})
        by_archive = {
            each: [one for one in matching if (one.part_of or one.id) == each and _counts(one)] for each in wanted
        }
        found = await self._within(received, grant, lease, [archives[each] for each in sorted(archives)], by_archive)
        values: dict[str, object] = {
            "records": [record.id for record in found[:MAX_NAMED]],
            "more": len(found) > MAX_NAMED,  # of those within the grant: of others nothing is told
        }
        named = _events(received, lease, found[:MAX_NAMED])
        return Outcome(Result(command.id, "accepted", values=values), named)

    async def _within(
        self,
        received: Received[Search],
        grant: Grant,
        lease: Lease,
        archives: Sequence[Record],
        matching: Mapping[str, Sequence[Record]],
    ) -> list[Record]:
        """Those that the reader could read under this grant, and in them the value that was searched for."""
        command, readable = received.command, list[Record]()
        known = (self._rules.authorizer, self._rules.book.use)
        for record in archives:
            try:
                if names_it(grant.records, record.id):
                    check_record(record, grant, received.sender, lease.level, command.purpose, *known)
                    readable.append(record)
            except Refusal:  # found, but not to be read: as if it had not been found
                continue
        asked = [*readable, *(one for record in readable for one in matching[record.id])]
        consented = await self._purposes.consented((record, command.purpose) for record in asked)

        def answers(record: Record, one: Record) -> bool:
            """Whether a read of the archive would show the value that this record has."""
            if one.id == record.id:
                return True
            hidden = command.field in record.fields or one.id in record.dropped.get(command.field, ())
            may = may_open(one, received.sender, lease.level, command.purpose, self._rules.authorizer)
            return not hidden and may and self._purposes.open(one, command.purpose, consented)

        return [
            record
            for record in readable
            if self._purposes.open(record, command.purpose, consented)
            and any(answers(record, one) for one in matching[record.id])
        ]


def _counts(record: Record) -> bool:
    """Whether what a part holds may be found; an archive's own state is checked with the archive."""
    return record.part_of is None or (record.consent_state is None and not record.objected)


def _events(received: Received[Search], lease: Lease, found: Sequence[Record]) -> tuple[Fact, ...]:
    """One event for each record that is named, or one that says that none was."""
    command = received.command
    about = {"fields": lease.fields, "level": lease.level, "purpose": command.purpose, "grant": command.grant}
    if not found:
        return (fact(received, "query", **about),)  # type: ignore[arg-type] # each has its own type
    return tuple(
        fact(received, "query", record=record.id, subject=record.subject, version=record.version, **about)  # type: ignore[arg-type]
        for record in found
    )
