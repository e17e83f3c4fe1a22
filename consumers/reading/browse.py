"""Bulk reads (批量查阅): pages of records under one grant, each decided, opened and masked as a single read is.

The grant is read anew for each page: one that is recalled ends the reading with the next page. What cannot be shown is
counted, not named. What the reader must not know of is not even counted: a page that comes upon it looks further, and
tells as a token where it ends (keys/cursors.py). Each record of a page has its own audit event, durable before the page
leaves (clause AUD-01), so that who read what is asked the same way of every read.
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
from keys.cursors import Cursors, Hmac, cursors_from
from keys.pages import Page as KeyPage
from schemas.audit import Fact
from schemas.errors import DanganError, Refusal
from schemas.principals import Grant
from schemas.replies import Result
from schemas.use import Browse
from store.portions import Listed
from store.reads import Reads
from store.record import Record
from store.requests import Requests

#: JSON bytes of one page's rows; the reader goes on behind the last one. A message takes somewhat more.
MAX_PAGE_JSON: Final = 640 * 1024
#: Refusals of a record that the reader does not learn of: not there, or not theirs; and of one shown with its archive.
_HIDDEN: Final = frozenset({"DG-ACC-001", "DG-ACC-007"})
_SILENT: Final = _HIDDEN | {"DG-MRG-004"}
#: Records that a page looks at beyond its limit for some to show, and how many at a time at least.
MAX_FURTHER: Final = 2_000
_FURTHER: Final = 24


@dataclass(slots=True)
class Page:
    """What one page of ``limit`` records holds so far.

    Rows and their JSON bytes, events, fields shown unmasked, ids of the records that cannot be shown, whether some must
    not be known of, the last one that was looked at; the ids where the reading goes on and where the next pages end.
    """

    limit: int
    rows: list[dict[str, object]] = field(default_factory=list)
    events: list[Fact] = field(default_factory=list)
    clear: set[str] = field(default_factory=set)
    withheld: list[str] = field(default_factory=list)
    hidden: bool = False
    last: str | None = None
    after: str | None = None
    next: list[str] = field(default_factory=list)
    size: int = 0

    @property
    def room(self) -> int:
        """How many records more it may tell of."""
        return self.limit - len(self.rows) - len(self.withheld)


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
    ends = [ids[at - 1] for at in range(count + limit, len(ids) + 1, limit) if until is None or ids[at - 1] > until]
    return count, ids[count - 1] if more else None, ends


class Browser:
    """Answers bulk reads, one page after the other: each is large.

    Args:
        reads, grants, requests: the stores.
        shelf: opens what may be read.
        rules: catalogue and policies.
        vault: gives the key of the tokens, once for the life of this process.
    """

    def __init__(
        self, reads: Reads, grants: NamedGrants, requests: Requests, shelf: Shelf, rules: Rules, vault: Hmac
    ) -> None:
        self._reads = reads
        self._grants = grants
        self._requests = requests
        self._shelf = shelf
        self._rules = rules
        self._vault = vault
        self._cursors: Cursors | None = None

    async def apply(self, batch: Sequence[Received[Browse]], now: float) -> list[Outcome]:
        """Decide and read; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer, Vault included; apply the same batch again.
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
        if self._cursors is None:
            self._cursors = await cursors_from(self._vault)
        cursors, who = self._cursors, (received.sender.id, command.grant)
        after = cursors.record(command.after, *who) if command.after else ""
        until = cursors.record(command.until, *who) if command.until else None
        page = await self._page(received, grant, lease, after, until)
        if not page.events:  # an empty page is an answer too
            page.events.append(
                fact(received, "access", fields=lease.fields, purpose=command.purpose, grant=command.grant)
            )
        values: dict[str, object] = {
            "rows": page.rows,
            "withheld": len(page.withheld),
            "after": page.after and cursors.token(page.after, *who),
            "next": [cursors.token(end, *who) for end in page.next],
        }
        result = Result(command.id, "accepted", values=values, clear=tuple(sorted(page.clear)) or None)
        return Outcome(result, tuple(page.events))

    async def _page(
        self, received: Received[Browse], grant: Grant, lease: Lease, after: str, until: str | None
    ) -> Page:
        every = "*" in grant.records
        names, condition = (None, having(grant.selection)) if every else (grant.records, {})
        limit = received.command.limit
        page, at, size, looked, ahead = Page(limit), after, limit, 0, list[str]()
        while True:
            listed = await self._reads.listed(names, condition, after=at, limit=size)
            now, behind, ends = pages_of([each.id for each in listed], size, until)
            full = await self._look(page, listed[:now], received, grant, lease)
            page.after, ahead, looked = full or behind, ahead if looked else ends, looked + now
            # Without this, a page that is short would tell how many records there are that the reader must not know of.
            further = (page.hidden or page.room == limit) and page.room and looked < limit + MAX_FURTHER
            if full or behind is None or not further:
                break
            at, size = behind, max(page.room, _FURTHER)
        if not page.hidden and (page.after or until):  # for the same reason nothing is told of what lies ahead
            page.next = [end for end in ahead if end > (page.after or "")]
        return page

    async def _look(
        self, page: Page, listed: Sequence[Listed], received: Received[Browse], grant: Grant, lease: Lease
    ) -> str | None:
        """Add what is listed; return the id that the page ends at if it is full before the last one."""
        levels = {self._rules.catalogue.field(name).level for name in lease.fields}
        async with aclosing(self._reads.portions(listed, levels)) as portions:
            async for found, keys in portions:
                asked, full = self._readable(page, found, received, grant, lease)
                last = await self._fill(page, received, asked, keys) or full
                if last:
                    return last
        return None

    def _readable(
        self, page: Page, found: Sequence[Record], received: Received[Browse], grant: Grant, lease: Lease
    ) -> tuple[list[Asked], str | None]:
        """Those records that the reader may read, others that it may know of are counted; where the page is full."""
        sender, purpose = received.sender, received.command.purpose
        known = (self._rules.authorizer, self._rules.book.use)
        asked: list[Asked] = []
        for record in found:
            if len(asked) >= page.room:
                return asked, page.last
            page.last = record.id
            try:
                check_record(record, grant, sender, lease.level, purpose, *known)
            except Refusal as refusal:
                page.hidden |= refusal.code in _HIDDEN
                if refusal.code not in _SILENT:
                    page.withheld.append(record.id)
            else:
                asked.append(Asked(record, lease, purpose, sender))
        return asked, None

    async def _fill(
        self, page: Page, received: Received[Browse], asked: Sequence[Asked], keys: Mapping[str, KeyPage]
    ) -> str | None:
        """Add the rows; return the id of the last one if the page is full before the last."""
        for each, shown in zip(asked, await self._shelf.open(asked, keys), strict=True):
            if isinstance(shown, DanganError):
                if not isinstance(shown, Refusal) and shown.code not in OF_THE_RECORD:
                    raise shown
                page.withheld.append(each.record.id)
                if not isinstance(shown, Refusal):  # a stored value that does not open is told, whoever comes upon it
                    page.events.append(_broken(received, each, shown.code))
                continue
            row = {"record": each.record.id, "version": each.record.version, "values": shown.values}
            page.size += len(orjson.dumps(row))
            if page.rows and page.size > MAX_PAGE_JSON:
                last = str(page.rows[-1]["record"])
                page.withheld = [name for name in page.withheld if name <= last]  # others are the next page's
                return last
            page.rows.append(row)
            page.clear.update(shown.clear)
            page.events += events_of(received, each, shown.read)
        return None


def _broken(received: Received[Browse], asked: Asked, code: str) -> Fact:
    """The event of a record whose stored values do not open (clause STO-05)."""
    command, record, lease = received.command, asked.record, asked.lease
    return fact(
        received, "access", record=record.id, subject=record.subject, allowed=False, code=code,
        fields=lease.fields, purpose=command.purpose, grant=command.grant,
    )  # fmt: skip
