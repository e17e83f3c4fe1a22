"""Supervision of secrecy (保密监督, clause AUD-13): who uses what now, which copies are out, what is overdue."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import aclosing
from datetime import date
from typing import Final

from ops.audited import Desk
from ops.inspections.runs import Found
from ops.use.register import Loan, loans
from schemas.custody import MEDIA
from schemas.registers import Entry
from schemas.rulebook import RuleBook
from schemas.working_days import day_of
from store.inspections import Finding
from store.registers import Register

#: Kinds of media that are copies outside the archive.
_COPIES: Final = frozenset({"copy", "optical", "drive", "tape"})


async def secrecy(desk: Desk, book: RuleBook, *, now: int) -> tuple[Found, list[Loan], list[Entry]]:
    """The list of current uses and copies.

    Returns:
        What was found; the uses that run or are not given back; the copies that stand outside the archive.
    """
    current = [loan for loan in await loans(desk, book, now=now) if is_current(loan, now)]
    async with aclosing(Register(desk.database, MEDIA.name).all()) as entries:
        copies = [entry async for entry in entries if entry.kind in _COPIES and not MEDIA.is_over(entry)]
    found = Found()
    found.counts.update(
        {
            "uses": len(current),
            "users": len({loan.borrower for loan in current}),
            "copies-of-uses": sum(loan.copies for loan in current),
            "media-outside": len(copies),
        }
    )
    found.add(use_findings(current, now))
    found.add(copy_findings(copies, day_of(now)))
    return found, current, copies


def is_current(loan: Loan, now: float) -> bool:
    """Whether a use runs, or left something behind. Pure."""
    return loan.copies > 0 or (loan.back is None and loan.standing not in ("recalled", "closed") and loan.out <= now)


def use_findings(current: Iterable[Loan], now: float) -> Iterable[Finding]:
    """What is wrong with uses: not given back in time, or copies that nobody accounts for. Pure."""
    for loan in current:
        if loan.back is None and now >= loan.due:
            yield Finding("use-not-given-back", loan.grant, loan.borrower)
        if loan.copies:
            yield Finding("copies-outstanding", loan.grant, f"{loan.borrower}: {loan.copies}")


def copy_findings(copies: Iterable[Entry], today: date) -> Iterable[Finding]:
    """What is wrong with copies outside: lost, not encrypted, on loan for too long. Pure."""
    for entry in copies:
        if entry.state == "lost":
            yield Finding("copy-lost", entry.id, entry.text("responsible"))
        if entry.facts.get("encrypted") is not True:
            yield Finding("copy-not-encrypted", entry.id, entry.text("responsible"))
        if entry.state == "on_loan" and entry.text("due") < today.isoformat():
            yield Finding("copy-overdue", entry.id, entry.text("borrower"))
