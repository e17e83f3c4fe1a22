"""Correction as the archive department sees it: what is open, overdue, due again, and the acts that settle it.

Everything here goes by references, versions and times: no value is read. Each act is audited before it is done.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final

from consumers.calendars import calendar
from ops.audited import CONSOLE, Desk, stored_digest
from ops.registry import refuse_personal
from schemas.audit import Fact
from schemas.errors import DanganError
from schemas.rulebook import RuleBook
from schemas.working_days import CHINA, IsWorked, day_of, deadline
from store.notices import Notice, Notices
from store.proposals import Proposal, Proposals
from store.revisions import Cause, Deed, Due, Revisions, Watched

#: Who settles corrections.
KEEPERS: Final = ("custodian",)
_DAY_MS: Final = 86_400_000
#: How many times as many transactions as in the period before make a customer fast-growing, and how many at least.
_GROWTH, _FEW = 2, 3


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open proposal; ``due`` is the last day for a data subject's own request, ``age`` counts whole days."""

    proposal: Proposal
    age: int
    due: date | None
    overdue: bool


def due_day(proposal: Proposal, book: RuleBook, is_worked: IsWorked) -> date | None:
    """The last day on which a data subject's request may be decided; None for anybody else's proposal."""
    if not proposal.by_subject:
        return None
    return deadline(day_of(proposal.at_ms / 1000), book.correction.subject_request_working_days, is_worked)


async def waiting(desk: Desk, book: RuleBook, *, now: float) -> list[Waiting]:
    """The proposals that are not decided, oldest first; each that is overdue is audited once (clause UPD-01).

    Args:
        now: UNIX seconds.
    """
    proposals, is_worked = Proposals(desk.database), calendar(book.handover.working_calendar)
    found: list[Waiting] = []
    async for proposal in proposals.undecided():
        due = due_day(proposal, book, is_worked)
        overdue = due is not None and day_of(now) > due
        if overdue and not proposal.overdue:
            await desk.audit.publish([overdue_fact(proposal, now=now)])
            await proposals.mark_overdue(proposal.id)
        found.append(Waiting(proposal, int(now * 1000 - proposal.at_ms) // _DAY_MS, due, overdue))
    return found


def overdue_fact(proposal: Proposal, *, now: float) -> Fact:
    """The event of an overdue proposal: of the proposal, not of who looked, so that it has one id for ever."""
    fields = tuple(sorted(proposal.levels))
    return Fact(
        proposal.id, "correction", True, None, CONSOLE, int(now * 1000), record=proposal.record, fields=fields,
        verb="overdue",
    )  # fmt: skip


async def confirm_paper(desk: Desk, record: str, version: int) -> None:
    """Confirm that the paper counterpart was changed as that version says (同步更新, clause UPD-05).

    Raises:
        DanganError: DG-OPS-036; DG-COR-009 when it is not open.
    """
    refuse_personal(record=record)
    revisions = Revisions(desk.database)
    if not await revisions.paper_is_open(record, version):
        raise DanganError("DG-COR-009", detail=f"{record}, version {version}")
    await desk.record("correction", verb="paper", record=record, version=version)
    await revisions.close_paper(record, version, by=desk.operator, at_ms=_now_ms())


async def note(desk: Desk, deed: Deed, records: Sequence[str]) -> None:
    """Note that records were validated (clause UPD-08) or revised (clause UPD-09); all of them, or none.

    Raises:
        DanganError: DG-OPS-036; DG-COR-011 for one that is not live.
    """
    await _check_live(desk, records)
    for record in records:
        await desk.record("correction", verb="validate" if deed == "validated" else "revise", record=record)
        await Revisions(desk.database).done(record, deed, by=desk.operator, at_ms=_now_ms())


async def watch(desk: Desk, record: str, cause: Cause, note_ref: str) -> None:
    """Put a growing or lost customer's record under watch, with where the analysed cause is written (clause UPD-09).

    Raises:
        DanganError: DG-OPS-036; DG-COR-011 when the record is not live.
    """
    refuse_personal(note=note_ref)
    await _check_live(desk, [record])
    watched = Watched(record, cause, note_ref, desk.operator, _now_ms())
    await desk.record("correction", verb="watch", record=record, digest=stored_digest(asdict(watched)))
    await Revisions(desk.database).watch(watched)


async def unwatch(desk: Desk, record: str) -> None:
    """End the watch.

    Raises:
        DanganError: DG-OPS-036; DG-COR-011 when the record is not live.
    """
    await _check_live(desk, [record])
    await desk.record("correction", verb="unwatch", record=record)
    await Revisions(desk.database).unwatch(record)


async def not_validated(desk: Desk, book: RuleBook, *, now: float) -> list[Due]:
    """The records whose validation is longer ago than the interval, the longest first (clause UPD-08)."""
    before = months_back(day_of(now), book.revision.revalidation_months)
    return await _by_age(Revisions(desk.database).due("validated", before_ms=ms_of(before)))


async def not_revised(desk: Desk, book: RuleBook, *, now: float) -> list[Due]:
    """The archives not yet revised in the current period (全面修订, clause UPD-09); new ones were just made."""
    return await _by_age(Revisions(desk.database).due("revised", before_ms=ms_of(period_start(day_of(now), book))))


async def candidates(desk: Desk, book: RuleBook, *, now: float) -> list[tuple[str, Cause]]:
    """Customers that the count of their new transactions calls growing or lost: whom to analyse (clause UPD-09).

    The last whole period is held against the one before it. Only the events' times are looked at.
    """
    this = period_start(day_of(now), book)
    last, before = (months_back(this, count * book.revision.period_months) for count in (1, 2))
    found = Revisions(desk.database).events("new_transaction", since_ms=ms_of(before))
    judged = [(record, trend(times, last=ms_of(last), this=ms_of(this))) async for record, times in found]
    return sorted((record, cause) for record, cause in judged if cause is not None)


def trend(times: Sequence[int], *, last: int, this: int) -> Cause | None:
    """Whether a customer looks growing, or lost, by the transactions of the last whole period and the one before.

    Args:
        times: of new transactions since the beginning of the period before the last, UNIX milliseconds.
        last: when the last whole period began, UNIX milliseconds.
        this: when it ended.
    """
    earlier = sum(1 for at in times if at < last)
    later = sum(1 for at in times if last <= at < this)
    if later >= _FEW and later >= _GROWTH * earlier:
        return "growing"
    return "lost" if earlier and not later else None


async def notices(desk: Desk, reader: str, *, seen: bool) -> list[Notice]:
    """A reader's notices of updates (clause UPD-06); with ``seen`` they are not shown again."""
    store = Notices(desk.database)
    found = await store.of(reader)
    if seen and found:
        await store.acknowledge(reader, found)
    return found


def period_start(today: date, book: RuleBook) -> date:
    """The first day of the current period of revision: periods are counted from January of year 1."""
    months = today.year * 12 + today.month - 1
    months -= months % book.revision.period_months
    return date(months // 12, months % 12 + 1, 1)


def months_back(day: date, months: int) -> date:
    """The day so many months before, or the month's last day where it has no such day."""
    count = day.year * 12 + day.month - 1 - months
    for back in range(4):
        try:
            return date(count // 12, count % 12 + 1, day.day - back)
        except ValueError:
            continue
    raise ValueError("a month has at least 28 days")


def ms_of(day: date) -> int:
    """The beginning of a day in China, UNIX milliseconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=CHINA).timestamp() * 1000)


async def _check_live(desk: Desk, records: Sequence[str]) -> None:
    for record in records:
        refuse_personal(record=record)
    if missing := set(records) - await Revisions(desk.database).live(records):
        raise DanganError("DG-COR-011", detail=", ".join(sorted(missing)))


async def _by_age(found: AsyncIterator[Due]) -> list[Due]:
    return sorted([each async for each in found], key=lambda each: (each.since_ms, each.record))


def _now_ms() -> int:
    return int(time.time() * 1000)
