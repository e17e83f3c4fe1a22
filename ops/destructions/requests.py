"""Customers' requests for deletion (客户要求删除, clause DES-03) and recorded needs to keep records (DES-01)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from datetime import date
from typing import Final

from consumers.calendars import calendar
from ops.audited import Desk
from ops.destructions.jobs import by_name, jobs
from ops.references import refuse_personal
from ops.registers import Book
from schemas.errors import DanganError
from schemas.needs import ERASURES, NEEDS
from schemas.registers import Entry, Said
from schemas.rulebook import RuleBook
from schemas.working_days import deadline
from store.custody import states
from store.database import Database
from store.ledger import Ledger
from store.registers import Register

NEEDED: Final = ("need", "state", "department", "reason", "until", "by")
ASKED: Final = ("request", "customer", "state", "received", "due", "overdue days", "ground", "reference")


async def receive(
    desk: Desk, request: str, subject: str, received: date, book: RuleBook, *, records: Collection[str], now: int
) -> Entry:
    """Enter a customer's request; its answer is due destroy.subject_request_working_days later."""
    refuse_personal(subject=subject)
    due = deadline(received, book.destroy.subject_request_working_days, calendar(book.handover.working_calendar))
    said: dict[str, Said] = {"subject": subject, "received": received.isoformat(), "due": due.isoformat()}
    if records:
        said["records"] = tuple(sorted(records))
    return await Book(desk, ERASURES).begin(request, "erasure", said, now=now)


async def answer(desk: Desk, request: str, verb: str, said: Mapping[str, Said], *, now: int) -> Entry:
    """Refuse a request with its ground, or note the destruction that it asked for.

    Raises:
        DanganError: DG-DES-040 when there is no such destruction.
    """
    if verb == "begin":
        order = str(said.get("order", ""))
        if not await jobs(desk.database, paper_required=False, orders={order}):
            raise DanganError("DG-DES-040", detail=order)
    return await Book(desk, ERASURES).follow(request, verb, said, now=now)


async def need(desk: Desk, reference: str, said: Mapping[str, Said], *, records: Collection[str], now: int) -> Entry:
    """Record a need to keep records: none of them is destroyed while it stands.

    The ledger is looked at after the need is durable, and a forget looks at the needs after its entry is: one of the
    two sees the other.

    Raises:
        DanganError: DG-DES-044 when one of them does not live, or its destruction has begun: the need is lifted again.
    """
    known = await states(desk.database, records)
    if gone := [record for record in records if known.get(record) != "live"]:
        raise DanganError("DG-DES-044", detail=min(gone))
    book = Book(desk, NEEDS)
    kept = await book.begin(reference, "need", said, now=now, records=records)
    if begun := await Ledger(desk.database).get(records):
        await book.follow(reference, "lift", {"reason": "destruction-has-begun"}, now=now)
        raise DanganError("DG-DES-044", detail=min(begun))
    return kept


async def lift(desk: Desk, reference: str, reason: str, *, now: int) -> Entry:
    """Lift a need."""
    return await Book(desk, NEEDS).follow(reference, "lift", {"reason": reason}, now=now)


async def needed(database: Database) -> AsyncGenerator[Mapping[str, str]]:
    """The needs as lines of :data:`NEEDED`."""
    async with aclosing(Register(database, NEEDS.name).all()) as entries:
        async for entry in entries:
            line = {name: entry.text(name) for name in ("department", "reason", "until")}
            yield {"need": entry.id, "state": entry.state, **line, "by": entry.steps[0].by}


async def asked(database: Database, *, today: date, paper_required: bool) -> AsyncGenerator[Mapping[str, str]]:
    """The customers' requests as lines of :data:`ASKED`, with how long an open one is overdue."""
    register = Register(database, ERASURES.name)
    async with aclosing(register.all()) as entries:
        begun = {entry.text("order") async for entry in entries if entry.state == "begun"}
    # The ledger is gone through once for all of them.
    done = by_name(await jobs(database, paper_required=paper_required, orders=begun) if begun else ())
    async with aclosing(register.all()) as entries:
        async for entry in entries:
            due = date.fromisoformat(entry.text("due"))
            late = (today - due).days if entry.state == "open" else 0
            job = done.get(entry.text("order")) if entry.state == "begun" else None
            state = entry.state if job is None else f"destruction {job.state}"
            yield {
                "request": entry.id,
                "customer": entry.text("subject"),
                "state": state,
                "received": entry.text("received"),
                "due": due.isoformat(),
                "overdue days": str(late) if late > 0 else "",
                "ground": entry.text("ground"),
                "reference": entry.text("reference") or entry.text("order"),
            }
