"""What outside the system belongs to records, and has to go with them (clause DES-08).

A destruction is not over while a paper or a copy of one of its records still stands somewhere: its result is
recorded, or that there is none is stated.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from ops.audited import Desk
from ops.registers import Book
from schemas.custody import ABSENCES, MEDIA
from schemas.registers import Entry, Lifecycle
from store.archive_entries import NO_PAPER
from store.database import Database
from store.papers import Papers
from store.records import Records
from store.registers import Register, absence_id, record_entries

Kind = Literal["medium", "paper", "unknown"]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that belongs to a record.

    Attributes:
        record: the record.
        kind: a registered medium, a paper that is known but in no ledger, or nothing known about any paper.
        reference: what it is filed under; empty for ``unknown``.
        state: of a medium its state; else ``not registered`` or ``absence not stated``.
        done: whether nothing is left to do about it.
    """

    record: str
    kind: Kind
    reference: str
    state: str
    done: bool


async def checklist(database: Database, records: Collection[str]) -> list[Item]:
    """Everything outside the system that belongs to the records, done or not.

    Papers are known from the media ledger, from the register of papers, and from what the intake of a record said,
    while it lives. After a destruction the ledger and the register still know them, so ask before it, or have them
    entered with :func:`enter_papers`.
    """
    media = await _entries(database, MEDIA, records)
    stated = await _entries(database, ABSENCES, records)
    papers = await _papers(database, records)
    items: list[Item] = []
    for record in sorted(set(records)):
        of_record = media.get(record, [])
        items += (Item(record, "medium", each.id, each.state, MEDIA.is_over(each)) for each in of_record)
        registered = {each.id for each in of_record} | {each.text("paper") for each in of_record}
        named = papers.get(record, set())
        items += (
            Item(record, "paper", each, "not registered", done=False)
            for each in sorted(named - registered - {NO_PAPER})
        )
        on_paper = any(each.kind == "paper" for each in of_record)
        if not named and not on_paper and record not in stated:
            items.append(Item(record, "unknown", "", "absence not stated", done=False))
    return items


async def open_items(database: Database, records: Collection[str]) -> list[Item]:
    """What still has to be done before a destruction of the records is over."""
    return [item for item in await checklist(database, records) if not item.done]


async def enter_papers(desk: Desk, records: Collection[str], *, now: int) -> list[Entry]:
    """Enter papers that are known but in no ledger, so that they are known after their record is gone.

    Returns:
        The entries made, or found made.
    """
    book = Book(desk, MEDIA)
    made = []
    for item in await checklist(desk.database, records):
        if item.kind == "paper":
            said = {"location": "unknown", "responsible": desk.operator, "condition": "intact", "paper": item.reference}
            made.append(await book.begin(item.reference, "paper", said, now=now, records=[item.record]))
    return made


async def state_absence(desk: Desk, record: str, *, reason: str, witness: str, now: int) -> Entry:
    """State before a second person that a record has no paper counterpart.

    Raises:
        Refusal: as :class:`ops.registers.Book`.
    """
    said = {"reason": reason, "witness": witness}
    return await Book(desk, ABSENCES).begin(absence_id(record), "absence", said, now=now, records=[record])


async def _entries(database: Database, of: Lifecycle, records: Collection[str]) -> dict[str, list[Entry]]:
    tied = await record_entries(database, of.name).of_many(records)
    found = await Register(database, of.name).get({each for named in tied.values() for each in named})
    return {record: [found[each] for each in sorted(named) if each in found] for record, named in tied.items()}


async def _papers(database: Database, records: Collection[str]) -> dict[str, set[str]]:
    named: dict[str, set[str]] = {}
    for record in (await Records(database).get(records)).values():
        if record.intake and record.intake.get("paper"):
            named.setdefault(record.id, set()).add(record.intake["paper"])
    for paper in await Papers(database).of(records):
        if paper.record is not None:
            named.setdefault(paper.record, set()).add(paper.reference)
    return named
