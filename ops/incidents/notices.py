"""Who must be told of an incident, by when (告知客户、报告监管): a register of its own, each notice told or waived."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Final

from ops.audited import Desk
from ops.incidents.handling import Incidents
from ops.incidents.scope import Line
from ops.registers import Book
from schemas.errors import DanganError
from schemas.incidents import NOTICES
from schemas.registers import Entry
from schemas.rule_tables.incident import Told
from store.database import Database
from store.registers import Register

LISTED: Final = ("notice", "to", "who", "due", "state", "overdue", "how", "evidence")


def notice_reference(incident: str, to: str) -> str:
    """The notice to somebody about an incident: the same however often it is listed."""
    return f"ntc-{hashlib.sha256(f'{incident} {to}'.encode()).hexdigest()[:16]}"


def due_at(incident: Entry, hours: int) -> str:
    """By when: so many hours after the report, as RFC 3339."""
    return datetime.fromtimestamp(incident.steps[0].at + 3600 * hours, UTC).isoformat()


async def owe(
    incidents: Incidents, incident: str, lines: Collection[Line], *, now: int, on_progress: Callable[[int], None]
) -> int:
    """List who must be told: the customers whose records were read, and the authorities of the rule book.

    Args:
        incidents: the register, in the name of who lists.
        incident: its number.
        lines: the scope.
        now: UNIX seconds.
        on_progress: told how many notices are listed so far.

    Returns:
        How many notices there are.

    Raises:
        DanganError: DG-INC-012 when the scope was not worked out.
    """
    entry, book = await incidents.entry(incident), incidents.rules.book.incident
    if entry.step("scope") is None:
        raise DanganError("DG-INC-012", field=incident)
    whom: dict[str, Told] = dict.fromkeys(sorted({line.subject for line in lines if line.subject}), "customer")
    whom |= dict.fromkeys(book.authorities, "authority")
    notices = Book(incidents.desk, NOTICES)
    for count, (to, kind) in enumerate(whom.items(), 1):
        said = {"incident": incident, "to": to, "due": due_at(entry, book.notice_hours[kind])}
        await notices.begin(notice_reference(incident, to), kind, said, now=now)
        on_progress(count)
    first = min(due_at(entry, book.notice_hours[kind]) for kind in ("customer", "authority"))
    await incidents.step(incident, "notices", {"due": first, "count": len(whom)}, now=now)
    return len(whom)


async def tell(desk: Desk, notice: str, *, manner: str, evidence: str, now: int) -> Entry:
    """Record that somebody was told, how, and where the proof is.

    Raises:
        Refusal, DanganError: as :class:`ops.registers.Book`.
    """
    return await Book(desk, NOTICES).follow(notice, "tell", {"manner": manner, "evidence": evidence}, now=now)


async def waive(desk: Desk, notice: str, *, evidence: str, now: int) -> Entry:
    """Record that a notice is not owed, and where the reason stands."""
    return await Book(desk, NOTICES).follow(notice, "waive", {"evidence": evidence}, now=now)


async def of_incident(database: Database, incident: str) -> list[Entry]:
    """The notices of an incident, the most urgent first."""
    async with aclosing(Register(database, NOTICES.name).all()) as entries:
        found = [entry async for entry in entries if entry.facts["incident"] == incident]
    return sorted(found, key=lambda each: (each.text("due"), each.id))


def line_of(entry: Entry, *, now: int) -> dict[str, str]:
    """A notice as it is listed: :data:`LISTED`."""
    late = entry.state == "owed" and datetime.fromisoformat(entry.text("due")).timestamp() < now
    return {
        "notice": entry.id,
        "to": entry.text("to"),
        "who": entry.kind,
        "due": entry.text("due"),
        "state": entry.state,
        "overdue": "yes" if late else "",
        "how": entry.text("manner"),
        "evidence": entry.text("evidence"),
    }
