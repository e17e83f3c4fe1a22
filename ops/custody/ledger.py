"""The custody ledger (档案保管台账, STO-13): where every archive is, in what condition, when it was last read."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Final

from schemas.custody import MEDIA
from schemas.registers import Entry
from store.archive_entries import NO_PAPER, Row
from store.archive_index import ArchiveIndex
from store.backups import Backups
from store.database import Database
from store.registers import Register, record_entries
from store.retrievals import Retrieval, Retrievals

Line = Mapping[str, str]
LEDGER: Final = (
    "code", "record", "customer", "electronic", "paper", "paper location", "condition", "keeper", "last retrieval", "by"
)  # fmt: skip
_PAGE: Final = 200


async def ledger(database: Database, *, record: str | None = None) -> AsyncGenerator[Line]:
    """Every archive that is in the index as a line of :data:`LEDGER`; those that are not: ``dangan archive number``."""
    places = await _places(database)
    equal = {"record": record} if record is not None else {}
    page: list[Row] = []
    async with aclosing(ArchiveIndex(database).rows(**equal)) as rows:
        async for row in rows:
            page.append(row)
            if len(page) == _PAGE:
                async for line in _lines(database, page, places):
                    yield line
                page = []
    async for line in _lines(database, page, places):
        yield line


async def _places(database: Database) -> str:
    """The electronic places: the archive itself, and where its newest usable backup was verified."""
    usable = [each for each in await Backups(database).all() if each.usable]
    return " ".join(["archive", *sorted(usable[-1].verified)]) if usable else "archive"


async def _lines(database: Database, rows: Sequence[Row], places: str) -> AsyncGenerator[Line]:
    ids = [row.entry.record for row in rows]
    tied = await record_entries(database, MEDIA.name).of_many(ids)
    media = await Register(database, MEDIA.name).get({each for named in tied.values() for each in named})
    read = await Retrievals(database).last(ids)
    for row in rows:
        of_record = [media[each] for each in sorted(tied.get(row.entry.record, [])) if each in media]
        yield _line(row, of_record, read.get(row.entry.record), places)


def _line(row: Row, media: Sequence[Entry], read: Retrieval | None, places: str) -> Line:
    paper = [each for each in media if each.kind == "paper" and not MEDIA.is_over(each)]
    copies = [
        f"{each.text('location')}({each.kind})" for each in media if each.kind != "paper" and not MEDIA.is_over(each)
    ]
    named = row.entry.paper if row.entry.paper not in (None, NO_PAPER) else ""
    return {
        "code": row.entry.code or "",
        "record": row.entry.record,
        "customer": row.entry.customer,
        "electronic": " ".join([places, *copies]),
        "paper": " ".join(each.id for each in paper) or named or ("" if row.entry.paper is None else NO_PAPER),
        "paper location": " ".join(_where(each) for each in paper) or ("not registered" if named else ""),
        "condition": " ".join(sorted({each.text("condition") for each in [*paper, *media] if each.text("condition")})),
        "keeper": " ".join(sorted({each.text("keeper") or each.text("responsible") for each in paper})),
        "last retrieval": datetime.fromtimestamp(read.at_ms / 1000, UTC).isoformat(timespec="seconds") if read else "",
        "by": read.by if read else "",
    }


def _where(entry: Entry) -> str:
    return f"on loan to {entry.text('borrower')}" if entry.state == "on_loan" else entry.text("location")
