"""What falls due when (``dangan retention plan``): counts by month and class; what other rules would change. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from consumers.retention.assess import Assessed

#: Examples of what other rules would change.
_EXAMPLES: Final = 20


@dataclass(slots=True)
class Plan:
    """Counts of records.

    Attributes:
        today: as of when.
        months: (``2030-04``, class) -> how many fall due in that month.
        overdue: class -> how many should be gone already.
        held: class -> how many of those a hold keeps.
        waiting: class -> how many have not begun their period.
        classless: how many have no period in the rules.
        records: in all.
    """

    today: date
    months: Counter[tuple[str, str]] = field(default_factory=Counter)
    overdue: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    classless: int = 0
    records: int = 0

    def take(self, record: Assessed) -> None:
        """Count a record."""
        self.records += 1
        if record.term is None:
            self.classless += 1
        elif record.term.due is None:
            self.waiting[record.retention_class] += 1
        elif not record.expired(self.today):
            self.months[record.term.due.strftime("%Y-%m"), record.retention_class] += 1
        elif record.held:
            self.held[record.retention_class] += 1
        else:
            self.overdue[record.retention_class] += 1

    @property
    def classes(self) -> list[str]:
        """The classes that there are records of."""
        named = {name for _, name in self.months} | self.overdue.keys() | self.held.keys() | self.waiting.keys()
        return sorted(named)

    def by_month(self) -> list[tuple[str, dict[str, int]]]:
        """Each month in which something falls due, with counts by class."""
        months = sorted({month for month, _ in self.months})
        return [(month, {name: self.months[month, name] for name in self.classes}) for month in months]

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "as_of": self.today.isoformat(),
            "records": self.records,
            "overdue": dict(sorted(self.overdue.items())),
            "held": dict(sorted(self.held.items())),
            "period_not_begun": dict(sorted(self.waiting.items())),
            "without_class": self.classless,
            "months": {month: {name: n for name, n in counts.items() if n} for month, counts in self.by_month()},
        }


@dataclass(slots=True)
class Preview:
    """What other rules would change: how many fall due earlier, later, at once, or not any more; some examples."""

    earlier: int = 0
    later: int = 0
    due_at_once: int = 0
    lose_class: int = 0
    same: int = 0
    examples: list[tuple[str, date | None, date | None]] = field(default_factory=list)

    def take(self, now: Assessed, then: Assessed, today: date) -> None:
        """Compare a record under both rules."""
        before = now.term.due if now.term else None
        after = then.term.due if then.term else None
        if then.term is None and now.term is not None:
            self.lose_class += 1
        elif before == after:
            self.same += 1
            return
        elif after is not None and (before is None or after < before):
            self.earlier += 1
        else:
            self.later += 1
        if then.due(today) and not now.due(today):
            self.due_at_once += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append((now.record, before, after))

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "earlier": self.earlier,
            "later": self.later,
            "due_at_once": self.due_at_once,
            "lose_their_class": self.lose_class,
            "same": self.same,
            "examples": [
                {"record": record, "due": before and before.isoformat(), "would_be": after and after.isoformat()}
                for record, before, after in self.examples
            ],
        }
