"""Bulk reads (批量查阅): pages of records under one grant, each decided, opened and masked as a single read is.

The grant is read anew for each page: one that is recalled ends the reading with the next page. What cannot be shown is
counted, not named; what the reader must not know of is not even counted. Each record of a page has its own audit event,
durable before the page leaves (clause AUD-01), so that who read what is asked the same way of every read.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

import orjson

from consumers.reading.answers import events_of
from consumers.reading.grants import NamedGrants
from consumers.reading.leases import Lease, lease_of
from consumers.reading.readable import check_record, having
from consumers.reading.refusals import refusal_of
from consumers.reading.shelf import Asked, Shelf
from consumers.received import OF_THE_RECORD, Outcome, Received, fact
from consumers.rules import Rules
from keys.pages import Page as KeyPage
from schemas.audit import Fact
from schemas.errors import DanganError, Refusal
from schemas.principals import Grant
from schemas.replies import Result
from schemas.use import Browse
from store.reads import Reads
from store.records import Record
from store.requests import Requests

#: JSON bytes of one page's rows; the reader goes on behind the last one. A message takes somewhat more.
MAX_PAGE_JSON: Final = 640 * 1024
#: Refusals of a record that the reader does not learn of: not there, not theirs, or shown with its archive.
_SILENT: Final = frozenset({"DG-ACC-001", "DG-ACC-007", "DG-MRG-004"})


@dataclass(slots=True)
class Page:
    """What one page holds so far: rows and their JSON bytes, events, fields shown unmasked, records that cannot be."""

    rows: list[dict[str, object]] = field(default_factory=list)
    events: list[Fact] = field(default_factory=list)
    clear: set[str] = field(default_factory=set)
    withheld: int = 0
    after: str | None = None
    next: list[str] = field(default_factory=list)
    size: int = 0


def pages_of(ids: Sequence[str], limit: int, until: str | None) -> tuple[int, str | None, list[str]]:
    """How many of the ids that come next are this page's, where the next page begins, where those behind end. Pure.

    Args:
        ids: in ascending order.
        limit: of a page.
        until: the last id that this page may hold, or None.

    Returns:
        How many; the id behind which the reading of what was asked for goes on, None at its end; and the last ids of
        the full pages behind this one, as far as they are known.
    """
    count = min(limit, len(ids) if until is None else bisect_right(ids, until))
    more = count == limit and (until is None or ids[count - 1] < until)
    ends = [ids[at - 1] for at in range(count + limit, len(ids) + 1, limit)]
    return count, ids[count - 1] if more else None, ends


class Browser:
    """Answers bulk reads, one page after the other: each is large.

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

    async def apply(self, batch: Sequence[Received[Browse]], now: float) -> list[Outcome]:
        """Decide and read; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        return [await self._one(received, now) for received in batch]

    async def _one(self, received: Received[Browse], now: float) -> Outcome:
        command = received.command
        place = {command.id: f"{received.place}/{received.at}"}
        noting = asyncio.create_task(self._requests.replayed(place, now=now))  # beside the reading, as for one record
        try:
            outcome = await self._read(received, now)
        except Refusal as refusal:
            outcome = refusal_of(received, refusal, self._rules.catalogue)
        finally:
            replayed = await noting
        if replayed and outcome.result.code != "DG-COL-007":
            return refusal_of(received, Refusal("DG-CMD-003"), self._rules.catalogue)
        return outcome

    async def _read(self, received: Received[Browse], now: float) -> Outcome:
        command = received.command
        grant = await self._grants.one(received, now)
        lease = lease_of(received, grant, self._rules.catalogue, self._rules.authorizer, now)
        if grant is None:  # lease_of has refused it
            raise Refusal("DG-ACC-001")
        page = await self._page(received, grant, lease)
        if not page.events:  # an empty page is an answer too
            page.events.append(
                fact(received, "access", fields=lease.fields, purpose=command.purpose, grant=command.grant)
            )
        values: dict[str, object] = {
            "rows": page.rows, "withheld": page.withheld, "after": page.after, "next": page.next,
        }  # fmt: skip
        result = Result(command.id, "accepted", values=values, clear=tuple(sorted(page.clear)) or None)
        return Outcome(result, tuple(page.events))

    async def _page(self, received: Received[Browse], grant: Grant, lease: Lease) -> Page:
        command = received.command
        every = "*" in grant.records
        levels = {self._rules.catalogue.field(name).level for name in lease.fields}
        listed = await self._reads.listed(
            None if every else grant.records,
            having(grant.selection) if every else {},
            after=command.after or "",
            limit=command.limit,
        )
        now, behind, ends = pages_of([each.id for each in listed], command.limit, command.until)
        page = Page(after=behind, next=ends)
        async with aclosing(self._reads.portions(listed[:now], levels)) as portions:
            async for found, keys in portions:
                last = await self._fill(page, received, self._readable(page, found, received, grant, lease), keys)
                if last:
                    page.after = last
                    break
        return page

    def _readable(
        self, page: Page, found: Sequence[Record], received: Received[Browse], grant: Grant, lease: Lease
    ) -> list[Asked]:
        """Those records that the reader may read; others that it may know of are counted."""
        sender, purpose = received.sender, received.command.purpose
        known = (self._rules.authorizer, self._rules.book.use)
        asked: list[Asked] = []
        for record in found:
            try:
                check_record(record, grant, sender, lease.level, purpose, *known)
            except Refusal as refusal:
                page.withheld += refusal.code not in _SILENT
            else:
                asked.append(Asked(record, lease, purpose, sender))
        return asked

    async def _fill(
        self, page: Page, received: Received[Browse], asked: Sequence[Asked], keys: Mapping[str, KeyPage]
    ) -> str | None:
        """Add the rows; return the id of the last one if the page is full before the last."""
        for each, shown in zip(asked, await self._shelf.open(asked, keys), strict=True):
            if isinstance(shown, DanganError):
                if not isinstance(shown, Refusal) and shown.code not in OF_THE_RECORD:
                    raise shown
                page.withheld += 1
                if not isinstance(shown, Refusal):  # a stored value that does not open is told, whoever comes upon it
                    page.events.append(_broken(received, each, shown.code))
                continue
            row = {"record": each.record.id, "version": each.record.version, "values": shown.values}
            page.size += len(orjson.dumps(row))
            if page.rows and page.size > MAX_PAGE_JSON:
                return str(page.rows[-1]["record"])
            page.rows.append(row)
            page.clear.update(shown.clear)
            page.events += events_of(received, each, shown.read)
        return None


def _broken(received: Received[Browse], asked: Asked, code: str) -> Fact:
    """The event of a record whose stored values do not open (clause STO-05)."""
    command, record, lease = received.command, asked.record, asked.lease
    return fact(
        received,
        "access",
        record=record.id,
        subject=record.subject,
        allowed=False,
        code=code,
        fields=lease.fields,
        purpose=command.purpose,
        grant=command.grant,
    )
