"""Works out every record's term as of a day; nothing is executed (clauses STO-10, STO-11, DES-02)."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

from consumers.retention.due import Kind, Term, term
from consumers.retention.ripe import ripe
from consumers.rules import Rules
from schemas.errors import Refusal
from schemas.rule_tables.retention import Retention
from schemas.working_days import CHINA
from store.database import Database
from store.holds import Holds
from store.retention import Extensions, Held, RetentionFacts, held_records, ripe_records

#: Stages of what is no archive of its own: a part falls due with its archive.
_NOT_ALONE: Final = frozenset({"merged"})


@dataclass(frozen=True, slots=True)
class Assessed:
    """A live record with its term.

    Attributes:
        retention_class: of its purpose; empty when the catalogue has no such purpose any more.
        term: its period; None where the rules have none for its class (``no_class``).
        held: whether a legal hold keeps it, whatever its term.
        sealed: whether it is sealed (封存): its expiry has been answered by that (DES-11).
    """

    record: str
    subject: str
    retention_class: str
    term: Term | None
    held: bool
    sealed: bool = False

    def expired(self, today: date) -> bool:
        """Whether its period has ended."""
        return self.term is not None and self.term.due is not None and self.term.due <= today

    def due(self, today: date) -> bool:
        """Whether it is to be destroyed or sealed: its period has ended, and no hold keeps it."""
        return self.expired(today) and not self.held and not self.sealed


_Both = tuple[Assessed, Assessed]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known besides the records; ``facts`` is None where they are looked up for each batch."""

    facts: Mapping[str, Mapping[str, date]] | None
    extensions: Mapping[str, date]
    held: frozenset[str]


async def assess(
    database: Database, rules: Rules, *, records: Collection[str] | None = None, now: float | None = None
) -> AsyncGenerator[list[Assessed]]:
    """Every live record, or some, with its term, in batches.

    Args:
        database: the archive's.
        rules: the periods, and the purposes' classes.
        records: only these.
        now: UNIX seconds, for the holds.
    """
    known = await _known(database, records, now)
    async with aclosing(held_records(database, records)) as batches:
        async for batch in batches:
            yield await _assessed(database, batch, known, rules, rules.book.retention)


async def assess_ripe(
    database: Database, rules: Rules, *, today: date, now: float | None = None
) -> AsyncGenerator[list[Assessed]]:
    """As :func:`assess`, of the live records that may be due on a day: all that are, and some more."""
    bounds = ripe(rules, today)
    known = await _known(database, (), now)
    subjects = await RetentionFacts(database).subjects(bounds.facts)
    found = ripe_records(
        database, by_fact=bounds.by_fact, subjects=subjects, collected=bounds.collected, told=bounds.told
    )
    async with aclosing(found) as batches:
        async for batch in batches:
            yield await _assessed(database, batch, known, rules, rules.book.retention)


async def assess_with(database: Database, rules: Rules, other: Retention) -> AsyncGenerator[list[_Both]]:
    """Every live record under the rules and under others, in batches: what would these change?"""
    known = await _known(database, None, None)
    async with aclosing(held_records(database)) as batches:
        async for batch in batches:
            now = await _assessed(database, batch, known, rules, rules.book.retention)
            yield list(zip(now, await _assessed(database, batch, known, rules, other), strict=True))


async def _known(database: Database, records: Collection[str] | None, now: float | None) -> _Known:
    moment = time.time() if now is None else now
    facts = await RetentionFacts(database).all() if records is None else None
    extensions = {record: each.until for record, each in (await Extensions(database).all()).items()}
    holds = await Holds(database).all()
    held = frozenset(hold.record for hold in holds if hold.until is None or hold.until > moment)
    return _Known(facts, extensions, held)


async def _assessed(
    database: Database, batch: list[Held], known: _Known, rules: Rules, by: Retention
) -> list[Assessed]:
    facts = known.facts
    if facts is None:
        facts = await RetentionFacts(database).of({each.subject for each in batch})
    return [
        Assessed(
            each.id,
            each.subject,
            retention_class(each, rules),
            term_of(each, facts.get(each.subject, {}), rules, by, known.extensions.get(each.id)),
            each.id in known.held,
            each.sealed,
        )
        for each in batch
        if each.stage not in _NOT_ALONE
    ]


def retention_class(record: Held, rules: Rules) -> str:
    """The class of a record's purpose; that of its cohort when the catalogue has the purpose no more."""
    purpose = rules.catalogue.purposes.get(record.purpose)
    return purpose.retention_class if purpose else record.cohort.split("/")[-2]


def kind_of(record: Held, rules: Rules) -> Kind:
    """What of a record decides its period."""
    return Kind(retention_class(record, rules), record.item, _collected(record), record.told_months)


def term_of(record: Held, facts: Mapping[str, date], rules: Rules, by: Retention, extended: date | None) -> Term | None:
    """A record's term, or None where the rules have no period for its class."""
    try:
        return term(kind_of(record, rules), facts, by, extended=extended)
    except Refusal:
        return None  # listed as a record without a class


def _collected(record: Held) -> date:
    """The day of the collection; the last day of its quarter where a later version hides it: never too early."""
    if record.happened_at is not None:
        return _day_of(record.happened_at)
    if record.collected_ms is not None:
        return _day(record.collected_ms // 86_400_000)
    return _last_of(record.cohort.rpartition("/")[2])


@lru_cache(maxsize=4096)
def _day_of(moment: str) -> date:
    return datetime.fromisoformat(moment).astimezone(CHINA).date()


@lru_cache(maxsize=4096)
def _day(days: int) -> date:
    # The day that it was in UTC, or the one after: the later one, so that nothing falls due a day early.
    return datetime.fromtimestamp(days * 86_400 + 86_399, CHINA).date()


@lru_cache(maxsize=512)
def _last_of(quarter: str) -> date:
    year, _, number = quarter.partition("Q")
    # The quarter is UTC's: its last hours are the next day in China.
    return date(int(year), 3 * int(number), 30 if number in ("2", "3") else 31) + timedelta(days=1)
