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
    """

    by_fact: frozenset[str]
    facts: Mapping[str, date]
    collected: date


def ripe(rules: Rules, today: date) -> Ripe:
    """The bounds as of a day. A class without a period has none: nothing of it falls due."""
    by = rules.book.retention
    last = {name: _last_start(name, by, today) for name in by.years_by_class}
    facts: dict[str, date] = {}
    for name, day in last.items():
        event = by.start_of(name)
        if event not in _COLLECTED:
            facts[event] = max(day, facts.get(event, day))
    waiting = {
        name
        for name, purpose in rules.catalogue.purposes.items()
        if by.start_of(purpose.retention_class) not in _COLLECTED
    }
    # A record whose purpose is not in the catalogue any more may be of any class.
    return Ripe(frozenset(waiting), facts, max(last.values(), default=date.min))


def _last_start(retention_class: str, by: Retention, today: date) -> date:
    """The last day from which a period of the class can have ended; items and law only make it longer."""
    if by.within_told and by.basis_by_class.get(retention_class, "business") != "law":
        return today  # the customer may have been told any shorter one
    year = today.year - by.years_by_class[retention_class]
    # A day more: a period from 29 February ends on the 28th where there is no other.
    return date(year, today.month, min(today.day, 28)) + timedelta(days=max(today.day - 28, 0) + 1)
