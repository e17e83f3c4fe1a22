"""When a record falls due (期限届满; clauses STO-10, STO-11, DES-02): pure calendar arithmetic, no clock.

Nothing here is stored: a due date is worked out anew each time, so that changed rules and new facts count at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from schemas.errors import Refusal
from schemas.rule_tables.retention import Basis, Retention, StartEvent

#: What the period is limited by: the rules, the period told to the customer, the law's minimum, an approved extension.
Limit = Literal["rule", "told", "law", "extension"]
_RULE: Final[Limit] = "rule"
_TOLD: Final[Limit] = "told"
_LAW: Final[Limit] = "law"
_EXTENSION: Final[Limit] = "extension"


@dataclass(frozen=True, slots=True)
class Kind:
    """What of a record decides its period.

    Attributes:
        retention_class: of its purpose.
        item: its kind of item, if it says one.
        collected: the day of the collection.
        told_months: the period that the customer was told, if one was.
    """

    retention_class: str
    item: str | None
    collected: date
    told_months: int | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """A record's period.

    Attributes:
        years: by the rules.
        basis: what they rest on.
        event: what it is counted from.
        start: when that was; None while it has not happened, and then nothing falls due.
        due: the first day on which the record is to be destroyed or sealed.
        limit: what set that day.
    """

    years: int
    basis: Basis
    event: StartEvent
    start: date | None
    due: date | None
    limit: Limit


def term(kind: Kind, facts: Mapping[str, date], rules: Retention, *, extended: date | None = None) -> Term:
    """A record's period by the rules and by what happened.

    Args:
        kind: what of the record decides.
        facts: event -> the day on which it happened at the customer.
        rules: table ``[retention]``.
        extended: the last approved extension's end, if there is one.

    Raises:
        Refusal: DG-RET-001 for a class without a period.
    """
    years = years_of(kind.retention_class, kind.item, rules)
    basis = rules.basis_by_class.get(kind.retention_class, "business")
    event = rules.start_of(kind.retention_class)
    start = _start(event, kind.collected, facts)
    if start is None:
        return Term(years, basis, event, None, None, _RULE)
    due, limit = after(start, years=years), _RULE
    if rules.within_told and basis != "law" and kind.told_months is not None:
        told = after(start, months=kind.told_months)
        if told < due:
            due, limit = told, _TOLD
    lawful = statutory_end(kind, facts, rules)
    if lawful is not None and lawful > due:  # a shorter period was told than law allows to keep to
        due, limit = lawful, _LAW
    if extended is not None and extended > due:
        due, limit = extended, _EXTENSION
    return Term(years, basis, event, start, due, limit)


def years_of(retention_class: str, item: str | None, rules: Retention) -> int:
    """How many years such a record is kept: the class's, or its kind of item's if that is more.

    Raises:
        Refusal: DG-RET-001.
    """
    years = rules.years_by_class.get(retention_class)
    if years is None:
        raise Refusal("DG-RET-001", detail=retention_class)
    return max(years, rules.years_by_item.get(item, 0)) if item is not None else years


def statutory_end(kind: Kind, facts: Mapping[str, date], rules: Retention) -> date | None:
    """The day before which law forbids to destroy, whoever asks (法定最低期限); None when no law does.

    ``date.max`` while the period has not begun: business goes on, so the law's period is ahead.
    """
    years = rules.statutory_minimum.get(kind.retention_class)
    if years is None:
        return None
    start = _start(rules.start_of(kind.retention_class), kind.collected, facts)
    return date.max if start is None else after(start, years=years)


def after(start: date, *, years: int = 0, months: int = 0) -> date:
    """The same day so many years and months later; the month's last day where it has no such day."""
    whole = start.month - 1 + months + 12 * years
    year, month = start.year + whole // 12, whole % 12 + 1
    if year > date.max.year:
        return date.max
    for day in range(start.day, start.day - 4, -1):
        try:
            return date(year, month, day)
        except ValueError:
            continue
    raise AssertionError("every month has a 28th")


def _start(event: StartEvent, collected: date, facts: Mapping[str, date]) -> date | None:
    if event == "collection":
        return collected
    happened = facts.get(event)
    if event == "last_transaction":  # a customer who never traded: the collection was the last dealing
        return collected if happened is None else max(collected, happened)
    # What is collected after the end of a business belongs to another one, or to settling it.
    return None if happened is None else max(collected, happened)
