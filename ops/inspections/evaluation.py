"""Evaluation of customers' archives and sign-off of terms (客户档案评估、签字程序; clause AUD-14).

Terms of trade are a register of their own (``dangan inspect terms``): the archive's fields are encrypted, and a list
that had to open them all would be an access to everybody's dealings. What is told here is opaque references and words.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import aclosing
from typing import Final

from ops.inspections.runs import Found
from schemas.inspections import EVALUATIONS, TERMS
from schemas.registers import Entry
from store.database import Database
from store.inspections import Finding
from store.registers import Register

_DAY: Final = 86_400


async def evaluation(database: Database, *, days: int, now: int) -> Found:
    """What is open: results that did not reach the marketing manager in time, terms that nobody signed.

    Args:
        database: the archive's.
        days: within how many days a result is passed on.
        now: UNIX seconds.
    """
    found = Found()
    async with aclosing(Register(database, EVALUATIONS.name).all()) as entries:
        async for entry in entries:
            found.counts["evaluations"] += 1
            found.counts[f"evaluations:{entry.state}"] += 1
            found.add(not_passed_on([entry], days=days, now=now))
    async with aclosing(Register(database, TERMS.name).all()) as entries:
        async for entry in entries:
            found.counts["customers-with-terms"] += 1
            found.counts[f"terms:{entry.text('terms')}"] += 1
            found.add(not_signed([entry]))
    return found


def not_passed_on(entries: Iterable[Entry], *, days: int, now: int) -> Iterable[Finding]:
    """Results that should have reached the marketing manager by now. Pure."""
    for entry in entries:
        if entry.state == "evaluated" and now >= entry.since + days * _DAY:
            yield Finding("evaluation-not-passed-on", entry.text("customer"), entry.id)


def not_signed(entries: Iterable[Entry]) -> Iterable[Finding]:
    """Customers on other terms than cash without a recorded signature. Pure."""
    for entry in entries:
        if entry.state == "stated" and entry.text("terms") != "cash":
            yield Finding("terms-not-signed", entry.id, entry.text("terms"))
