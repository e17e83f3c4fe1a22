"""The quarterly inventory (每季度清查, AUD-03): holdings against registers; movements add up (AUD-05)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from itertools import islice
from typing import Final

from ops.audit_archive.reading import archive_of
from ops.audited import Desk
from ops.custody.ledger import ledger
from ops.custody.retrievals import refresh
from ops.inspections.bookings import book
from ops.inspections.differences import differences, was_held
from ops.inspections.runs import Found, Progress, silent
from ops.use.register import loans
from schemas.rulebook import RuleBook
from store.database import Database
from store.holdings import Holding, holdings, holdings_of, slots_of
from store.inspections import Finding, Inspections
from streams.kafka import kafka_of

_BATCH: Final = 200
_PAGES: Final = 4_000
#: Archives that the report lists by name.
LISTED: Final = 2_000
Line = dict[str, str]


class Slots:
    """The slots of key pages, the newest few thousand kept: records of one time share pages, records by id do not."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[str, bytes] = OrderedDict()

    async def of(self, held: Iterable[Holding]) -> dict[str, bytes]:
        """The slots of every page that the records name."""
        wanted = {ref.page for each in held for ref in (each.keys or {}).values()}
        fresh = await slots_of(self._database, wanted - self._known.keys())
        found = {page: self._known[page] for page in wanted & self._known.keys()} | fresh
        self._known.update(fresh)
        while len(self._known) > _PAGES:
            self._known.popitem(last=False)
        return found


async def compare(database: Database, book_: RuleBook, found: Found, *, since: int, until: int, told: Progress) -> None:
    """Compare the holdings with index, codes, destruction ledger, key slots and movements; count the movements.

    What differs is looked at a second time: a record may be on its way from one part of the store to another.
    """
    slots, until_ms, since_ms = Slots(database), until * 1000, since * 1000
    expected = await database["records"].estimated_document_count()
    done = 0
    async with aclosing(holdings(database)) as every:
        async for batch in _batches(every):
            known = await slots.of(batch)
            for held in batch:
                found.add(differences(held, known, book_.arrange, until_ms=until_ms))
                found.counts["held"] += was_held(held, until_ms)
                found.counts["slots-named"] += len(held.keys or ())
                came, went = held.booked.came, held.booked.went
                found.counts["came-in"] += came is not None and since_ms < came <= until_ms
                found.counts["went-out"] += went is not None and since_ms < went <= until_ms
            done += len(batch)
            told(done, max(done, expected))


async def look_again(desk: Desk, book_: RuleBook, found: Found, *, until: int) -> None:
    """Keep only those differences of records that are still there at a second look."""
    await book(desk.database, kafka_of(desk.settings))
    slots = Slots(desk.database)
    names = iter(sorted({each.about for each in found.findings}))
    while part := list(islice(names, _BATCH)):
        held = await holdings_of(desk.database, part)
        known = await slots.of(held.values())
        still = {
            each for one in held.values() for each in differences(one, known, book_.arrange, until_ms=until * 1000)
        }
        found.take_back([each for each in found.findings if each.about in held and each not in still])


async def balance(database: Database, found: Found, *, opening: int) -> None:
    """Opening and what came in, less what went out, are the holdings; or a finding says by how much they are not."""
    counts = found.counts
    counts["opening"] = opening
    counts["expected"] = opening + counts["came-in"] - counts["went-out"]
    if counts["expected"] != counts["held"]:
        found.add([Finding("movements-do-not-add-up", "holdings", f"{counts['held']}, not {counts['expected']}")])
    counts["key-slots"] = 0
    async for doc in database["pages"].find({}, {"slots": 1}, batch_size=1000):
        counts["key-slots"] += len(doc["slots"])


async def listed(database: Database, found: Found) -> list[Line]:
    """Location, state and last retrieval of the archives, the first of them by name; papers in no ledger are found."""
    lines: list[Line] = []
    async with aclosing(ledger(database)) as every:
        async for line in every:
            found.counts["archives-listed"] += 1
            found.counts["read-once"] += bool(line["last retrieval"])
            found.counts["with-paper"] += line["paper"] not in ("", "none")
            if line["paper location"] == "not registered":
                found.add([Finding("paper-not-registered", line["record"], line["paper"])])
            if "damaged" in line["condition"]:
                found.add([Finding("paper-damaged", line["record"], line["paper"])])
            if len(lines) < LISTED:
                lines.append(dict(line))
    return lines


async def inventory(desk: Desk, book_: RuleBook, *, now: int, told: Progress = silent) -> tuple[Found, list[Line], int]:
    """Make an inventory.

    Args:
        desk: of who makes it.
        book_: the rule book.
        now: UNIX seconds; it covers the time from the last inventory until then.
        told: told how far it is.

    Returns:
        What was found, the archives held, and since when it covers (UNIX seconds; 0 for the beginning).
    """
    database, found = desk.database, Found()
    last = await Inspections(database).last("inventory")
    since = last.until if last else 0
    await book(database, kafka_of(desk.settings))
    await refresh(database, kafka_of(desk.settings), archive_of(desk.settings))
    await compare(database, book_, found, since=since, until=now, told=told)
    await look_again(desk, book_, found, until=now)
    await balance(database, found, opening=last.counts.get("held", 0) if last else 0)
    for loan in await loans(desk, book_, now=now):
        found.counts["borrowed"] += since < loan.out <= now
        found.counts["given-back"] += loan.back is not None and since < loan.back <= now
    return found, await listed(database, found), since


async def _batches(every: AsyncIterator[Holding]) -> AsyncIterator[list[Holding]]:
    batch: list[Holding] = []
    async for each in every:
        batch.append(each)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
