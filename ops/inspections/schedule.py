"""What is due and overdue of all inspections (到期检查): pure, of what was done when; and where that is looked up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from ops.archive_lists import months_later
from ops.backups.schedule import missed_backups, missed_drill
from schemas.inspections import RECTIFICATIONS, REVIEWS, SAMPLES, RunKind
from schemas.rulebook import RuleBook
from schemas.working_days import CHINA, day_of
from store.backups import Backups
from store.database import Database
from store.inspections import Inspections
from store.registers import Register

#: Due within so many days is told beforehand.
SOON_DAYS: Final = 14
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that is done regularly.

    Attributes:
        what: a kind of run or review, ``backup``, ``drill`` or ``rectification``.
        last: when it was last done, UNIX seconds; 0 for never.
        due: the last day that is in time.
        about: more: a notice's id, a month.
    """

    what: str
    last: int
    due: date
    about: str = ""

    def state(self, today: date) -> str:
        """``overdue``, ``due soon`` or ``in time``."""
        left = (self.due - today).days
        return "overdue" if left < 0 else "due soon" if left <= SOON_DAYS else "in time"


def periods(book: RuleBook) -> dict[str, int]:
    """What is done again after how many months, by the rule book; the yearly full check has its window instead."""
    rules = book.inspection
    return {
        "inventory": book.inventory.period_months,
        "integrity": rules.integrity_months,
        "sample": rules.sample_months,
        "access_review": rules.access_review_months,
        "timeliness": rules.timeliness_months,
        "secrecy": rules.secrecy_months,
        "evaluation": rules.evaluation_months,
        "special_audit": book.audit.special_period_months,
        "internal_review": rules.internal_review_months,
        "risk_assessment": rules.risk_assessment_months,
    }


def duties(done: Mapping[str, int], book: RuleBook, *, began: int) -> list[Duty]:
    """Every regular inspection with its deadline, the most urgent first.

    Args:
        done: kind -> when it was last done, UNIX seconds.
        book: the rule book.
        began: when the archive began: what was never done is due one period after that (UNIX seconds).
    """
    found = [
        Duty(what, done.get(what, 0), day_of(months_later(done.get(what) or began, months)))
        for what, months in periods(book).items()
    ]
    found.append(full_check(done.get("full_check", 0), book, began=began))
    return sorted(found, key=lambda duty: (duty.due, duty.what))


def full_check(last: int, book: RuleBook, *, began: int) -> Duty:
    """The full check of the year (年初全面检查, AUD-04): in its window each year, whatever was inventoried besides.

    A year in which it was not made stays overdue until it is made; an archive that began after the window of a year
    is checked first in the next.
    """
    first = _year(began) + (datetime.fromtimestamp(began, CHINA).month > book.inspection.last_month)
    year = max(first, _year(last) + 1) if last else first
    return Duty("full_check", last, _end_of_month(year, book.inspection.last_month), str(year))


def _year(at: int) -> int:
    return datetime.fromtimestamp(at, CHINA).year


def _end_of_month(year: int, month: int) -> date:
    return date(year, 12, 31) if month == 12 else date.fromordinal(date(year, month + 1, 1).toordinal() - 1)


async def due(database: Database, book: RuleBook, *, now: int) -> list[Duty]:
    """Every duty of an archive: inspections, reviews, backups, drills and open rectification notices."""
    done = await last_done(database)
    found = duties(done, book, began=await _began(database, now))
    backups = Backups(database)
    known = await backups.all()
    found += [
        Duty(f"backup {each.what}", each.since, day_of(now - _DAY), each.about)
        for each in missed_backups(known, book.backup.schedule, now=now)
    ]
    first = min((each.made_at for each in known if each.usable), default=None)
    if missed := missed_drill(await backups.drills(), book.backup.drill_months, now=now, first_backup=first):
        found.append(Duty("drill", missed.since, day_of(now - _DAY)))
    async with aclosing(Register(database, RECTIFICATIONS.name).all(states=["answered", "open"])) as notices:
        async for entry in notices:
            due_on = date.fromisoformat(entry.text("due"))
            found.append(Duty("rectification", entry.steps[0].at, due_on, f"{entry.id}: {entry.text('owner')}"))
    return sorted(found, key=lambda duty: (duty.due, duty.what, duty.about))


async def last_done(database: Database) -> dict[str, int]:
    """Kind of run or review -> when it was last done, UNIX seconds.

    A check of secrecy counts when its result was recorded (``dangan inspect review``), not when the list was made.
    """
    found: dict[str, int] = {}
    inspections = Inspections(database)
    kinds: tuple[RunKind, ...] = (
        "inventory", "full_check", "integrity", "sample", "access_review", "timeliness", "evaluation",
    )  # fmt: skip
    for kind in kinds:
        if run := await inspections.last(kind):
            found[kind] = run.at
    async with aclosing(Register(database, REVIEWS.name).all()) as reviews:
        async for entry in reviews:
            found[entry.kind] = max(found.get(entry.kind, 0), _morning(entry.text("on")))
    return found


def _morning(day: str) -> int:
    return int(datetime.combine(date.fromisoformat(day), time(), CHINA).timestamp())


async def open_samples(database: Database) -> list[str]:
    """Samples that are not closed."""
    return [entry.id async for entry in Register(database, SAMPLES.name).all(states=["committed", "drawn"])]


async def _began(database: Database, now: int) -> int:
    first = await database["records"].find({}, {"at": 1}).sort("at", 1).limit(1).to_list()
    return int(first[0]["at"] // 1000) if first else now


def overdue(found: Iterable[Duty], today: date) -> Iterator[Duty]:
    """Those that are overdue."""
    return (duty for duty in found if duty.state(today) == "overdue")
