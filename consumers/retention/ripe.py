"""Which records may be due on a day: a run reads those and no others, however many the archive holds (DES-02).

Never too few: whatever is due by consumers/retention/due.py meets these bounds. Some that meet them are not due yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from consumers.rules import Rules
from schemas.rule_tables.retention import Retention

#: Events without which a period begins all the same: with the collection.
_COLLECTED: Final = frozenset({"collection", "last_transaction"})


@dataclass(frozen=True, slots=True)
class Ripe:
    """What a record must meet to be due on a day.

    Attributes:
        by_fact: purposes whose records fall due by a fact alone.
        facts: event -> the last day on which it can have happened at the customer of such a record.
        collected: the last day on which any other record can have been collected.
        told: whether one of these whose customer was told a period may be due whenever it was collected.
    """

    by_fact: frozenset[str]
    facts: Mapping[str, date]
    collected: date
    told: bool


def ripe(rules: Rules, today: date) -> Ripe:
    """The bounds as of a day. A class without a period has none: nothing of it falls due."""
    by = rules.book.retention
    facts: dict[str, date] = {}
    for name in by.years_by_class:
        event = by.start_of(name)
        if event not in _COLLECTED:  # any period may have been told, unless law comes first
            day = today if _may_be_told(name, by) else _last_start(name, by, today)
            facts[event] = max(day, facts.get(event, day))
    waiting = {
        name
        for name, purpose in rules.catalogue.purposes.items()
        if by.start_of(purpose.retention_class) not in _COLLECTED
    }
    # A record whose purpose is not in the catalogue any more may be of any class.
    collected = max((_last_start(name, by, today) for name in by.years_by_class), default=date.min)
    return Ripe(frozenset(waiting), facts, collected, any(_may_be_told(name, by) for name in by.years_by_class))


def _may_be_told(retention_class: str, by: Retention) -> bool:
    return by.within_told and by.basis_by_class.get(retention_class, "business") != "law"


def _last_start(retention_class: str, by: Retention, today: date) -> date:
    """The last day from which the rules' period of the class can have ended; items and law only make it longer."""
    year = today.year - by.years_by_class[retention_class]
    if year < date.min.year:
        return date.min
    # A day more: a period from 29 February ends on the 28th where there is no other.
    first = date(year, today.month, min(today.day, 28))
    return first + timedelta(days=min(max(today.day - 28, 0) + 1, (date.max - first).days))
