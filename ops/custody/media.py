"""The ledger of media and copies (存储介质台账, clauses STO-12, DES-12): who keeps what where, who has borrowed it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from datetime import date
from typing import Final

from ops.audited import Desk
from ops.registers import Book
from schemas.custody import MEDIA, methods_for
from schemas.errors import Refusal
from schemas.registers import Entry, Said
from store.database import Database
from store.registers import Register

Line = Mapping[str, str]
#: Who keeps media; a custodian is a dedicated keeper (专人).
KEEPERS: Final = ("archivist", "custodian")
LISTED: Final = (
    "medium",
    "kind",
    "state",
    "location",
    "responsible",
    "condition",
    "encrypted",
    "since",
    "borrower",
    "due",
)
OVERDUE: Final = ("medium", "kind", "what", "who", "since")


class Media:
    """The ledger, kept by somebody of the archive department."""

    def __init__(self, desk: Desk) -> None:
        self._book = Book(desk, MEDIA)

    async def register(
        self, medium: str, kind: str, said: Mapping[str, Said], *, now: int, records: Collection[str] = ()
    ) -> Entry:
        """Enter a medium with its location, its responsible person and its condition.

        A witness video says which of the two targets it stands at.

        Raises:
            Refusal: DG-MED-002 for a video without its target; else as :class:`ops.registers.Book`.
        """
        if kind == "video" and "target" not in said:
            raise Refusal("DG-MED-002", field="target")
        if records:
            said = {**said, "records": tuple(sorted(records))}
        return await self._book.begin(medium, kind, said, now=now, records=records)

    async def step(self, medium: str, verb: str, said: Mapping[str, Said], *, now: int) -> Entry:
        """Do the next step: lend, take back, inspect, discard, destroy and so on (schemas/custody.MEDIA).

        A medium is destroyed by a method that leaves nothing to recover, on a day that has come, before a second
        person.

        Raises:
            Refusal: DG-MED-001 for another method; else as :class:`ops.registers.Book`.
        """
        if verb == "destroy":
            known = await self._book.entry(medium)
            method = said.get("method")
            if method not in methods_for(known.kind):
                raise Refusal("DG-MED-001", field="method", detail=", ".join(sorted(methods_for(known.kind))))
        return await self._book.follow(medium, verb, said, now=now)

    async def show(self, medium: str) -> Entry:
        """The medium with its whole life.

        Raises:
            DanganError: DG-REG-001.
        """
        return await self._book.entry(medium)


async def listed(database: Database, *, state: str | None = None, kind: str | None = None) -> AsyncGenerator[Line]:
    """The media as lines of :data:`LISTED`."""
    states = None if state is None else [state]
    async with aclosing(Register(database, MEDIA.name).all(states=states, kind=kind)) as entries:
        async for entry in entries:
            yield _line(entry)


async def overdue(database: Database, *, today: date, inspection_months: int) -> AsyncGenerator[Line]:
    """Loans that are not back in time, discarded media without proof of their end, paper whose inspection is due.

    Args:
        database: the archive's.
        today: the day it is.
        inspection_months: how long an inspection holds (storage.inspection_months).
    """
    async with aclosing(Register(database, MEDIA.name).all()) as entries:
        async for entry in entries:
            if late := _late(entry, today, inspection_months):
                what, who, since = late
                yield {"medium": entry.id, "kind": entry.kind, "what": what, "who": who, "since": since}


def _late(entry: Entry, today: date, months: int) -> tuple[str, str, str] | None:
    if entry.state == "on_loan" and entry.text("due") < today.isoformat():
        return "loan overdue", entry.text("borrower"), entry.text("due")
    if entry.state == "discarded":
        return "discarded, no proof of its end", entry.text("responsible"), _day(entry)
    if entry.state == "lost":
        return "lost", entry.text("responsible"), _day(entry)
    if entry.kind == "paper" and entry.state in ("in_store", "faulty"):
        last = entry.text("inspected_on") or _day(entry, first=True)
        if _months_between(date.fromisoformat(last), today) >= months:
            return "inspection due", entry.text("keeper") or entry.text("responsible"), last
    return None


def _months_between(start: date, end: date) -> int:
    whole = (end.year - start.year) * 12 + end.month - start.month
    return whole - (end.day < start.day)


def _day(entry: Entry, *, first: bool = False) -> str:
    at = entry.steps[0].at if first else entry.since
    return date.fromtimestamp(at).isoformat()  # noqa: DTZ012 - a day for people, where they are


def _line(entry: Entry) -> Line:
    lent = entry.state == "on_loan"
    return {
        "medium": entry.id,
        "kind": entry.kind,
        "state": entry.state,
        "location": entry.text("location"),
        "responsible": entry.text("responsible"),
        "condition": entry.text("condition"),
        "encrypted": "yes" if entry.facts.get("encrypted") else "no" if "encrypted" in entry.facts else "",
        "since": _day(entry),
        "borrower": entry.text("borrower") if lent else "",
        "due": entry.text("due") if lent else "",
    }
