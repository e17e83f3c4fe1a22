"""The half-yearly report on timeliness (时效性检查, clause AUD-09): what was late and what waits, by department."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from ops.inspections.runs import Found
from ops.intakes import hand_over_due, late
from schemas.rulebook import RuleBook
from schemas.working_days import day_of
from store.database import Database
from store.inspections import Finding
from store.intakes import Filed, Intakes
from store.principals import Principals

#: Of a department that nobody knows any more.
UNKNOWN: Final = "-"


@dataclass(slots=True)
class Departments:
    """How many files of each department were handed over in time and late, and wait: not due yet, and overdue."""

    in_time: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    overdue: Counter[str] = field(default_factory=Counter)

    @property
    def names(self) -> list[str]:
        """Every department, the one with most that is late first."""
        every = {*self.in_time, *self.late, *self.waiting, *self.overdue}
        return sorted(every, key=lambda name: (-self.late[name] - self.overdue[name], name))


def judge_handed_over(
    filed: Collection[Filed], at: Mapping[str, int], of: Mapping[str, str], book: RuleBook, into: Departments
) -> list[Finding]:
    """Count files that were handed over, and name the late ones. Pure.

    Args:
        filed: the records.
        at: record -> when it was handed over, UNIX seconds.
        of: sender -> department.
        book: for the deadline and the calendar.
        into: what is counted into.
    """
    found = []
    for each in filed:
        department, due, done = of.get(each.sender, UNKNOWN), hand_over_due(each, book), day_of(at[each.id])
        (into.late if done > due else into.in_time)[department] += 1
        if done > due:
            found.append(Finding("handed-over-late", each.id, f"{department}: due {due}, handed over {done}"))
    return found


async def timeliness(database: Database, book: RuleBook, *, since: int, now: int) -> tuple[Found, Departments]:
    """Judge hand-overs since then, and what waits now. A record that was destroyed since is no more counted.

    Args:
        database: the archive's.
        book: for deadlines; they are shown also where hand-over is not required.
        since, now: UNIX seconds.
    """
    found, counted, intakes = Found(), Departments(), Intakes(database)
    of = {one.id: one.department for one in await Principals(database).all()}
    handed: dict[str, int] = {}
    async for act in database["intakes"].find({"kind": "hand_over", "state": {"$ne": "claimed"}}, _WANTED):
        at = act["document"]["at"]
        if since < at <= now:
            handed |= {record: min(at, handed.get(record, at)) for record in act["records"]}
    filed = await intakes.filed(handed)
    found.add(judge_handed_over(filed.values(), handed, of, book, counted))
    today = day_of(now)
    async for each in intakes.waiting():
        department, overdue = of.get(each.sender, UNKNOWN), late(each, book, today)
        (counted.overdue if overdue else counted.waiting)[department] += 1
        if overdue:
            found.add([Finding("not-filed", each.id, f"{department}: due {overdue.due}, {overdue.stage}")])
    found.counts.update(
        {
            "handed-over-in-time": counted.in_time.total(),
            "handed-over-late": counted.late.total(),
            "waiting": counted.waiting.total(),
            "backlog-overdue": counted.overdue.total(),
        }
    )
    return found, counted


_WANTED: Final = {"records": 1, "document.at": 1}
