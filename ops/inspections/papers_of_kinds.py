"""The sections that only one kind of inspection has: movements, departments, uses, duties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final

from ops.inspections.paper import counted
from ops.inspections.phrases import phrase
from ops.inspections.schedule import Duty
from ops.inspections.timeliness import Departments
from ops.reports import (
    Cell,
    Chart,
    Column,
    Fact,
    Facts,
    Figure,
    Figures,
    Level,
    Report,
    Section,
    Series,
    Status,
    Table,
    Words,
    say,
)
from ops.use.register import Loan
from schemas.registers import Entry
from schemas.working_days import CHINA

_LEVELS: Final[Mapping[str, Level]] = {"overdue": "bad", "due soon": "attention", "in time": "good"}
_SHOWN: Final = 60


def movements(counts: Mapping[str, int], lines: Sequence[Mapping[str, str]]) -> tuple[Section, ...]:
    """Of an inventory: opening + in - out = closing, and the archives with location, state and last access."""
    names = ("opening", "came-in", "went-out", "expected", "held")
    difference = counts["held"] - counts["expected"]
    columns = (
        Column(say("inspect-archive"), "reference", 3),
        Column(say("inspect-location"), width=3),
        Column(say("inspect-paper"), width=3),
        Column(say("inspect-condition"), width=2),
        Column(say("inspect-last-access"), width=3),
    )
    rows = [
        (
            " ".join(filter(None, (line["code"], line["record"]))),
            line["electronic"],
            " ".join(filter(None, (line["paper"], line["paper location"]))),
            phrase(line["condition"]),
            " ".join(filter(None, (_china(line["last retrieval"]), line["by"]))),
        )
        for line in lines
    ]
    listed = counts.get("archives-listed", len(rows))
    return (
        Section(
            say("inspect-movements"),
            (
                Chart(
                    "bar",
                    say("inspect-movements-chart"),
                    tuple(counted(name) for name in names),
                    (Series(say("inspect-archives"), tuple(max(0, counts[name]) for name in names)),),
                    say("inspect-archives"),
                ),
                Facts(
                    (
                        *(Fact(counted(name), counts[name], "number") for name in names),
                        Fact(
                            say("inspect-difference"),
                            Status("bad", str(difference)) if difference else Status("good", "0"),
                            "status",
                        ),
                    )
                ),
            ),
        ),
        Section(
            say("inspect-holdings"),
            (Table(say("inspect-holdings-list"), columns, tuple(rows), more=max(0, listed - len(rows))),),
        ),
    )


def departments(counted_by: Departments) -> tuple[Section, ...]:
    """Of a report on timeliness: a chart and a table by department."""
    kinds = (
        ("handed-over-in-time", counted_by.in_time),
        ("handed-over-late", counted_by.late),
        ("waiting", counted_by.waiting),
        ("backlog-overdue", counted_by.overdue),
    )
    names = counted_by.names
    shown = names[:_SHOWN]
    series = tuple(Series(counted(name), tuple(each[one] for one in shown)) for name, each in kinds)
    columns = (
        Column(say("inspect-department"), width=2),
        *(Column(counted(name), "number") for name, _ in kinds),
        Column(say("inspect-share-late"), "number"),
    )
    rows: list[tuple[Cell, ...]] = []
    for name in names:
        done = counted_by.in_time[name] + counted_by.late[name]
        share = f"{100 * counted_by.late[name] // done} %" if done else "-"
        rows.append((name, *(each[name] for _, each in kinds), share))
    return (
        Section(
            say("inspect-departments"),
            (
                Chart("stacked", say("inspect-departments-chart"), tuple(shown), series, say("inspect-files")),
                Table.of(say("inspect-departments"), columns, rows),
            ),
        ),
    )


def uses(current: Sequence[Loan], copies: Sequence[Entry]) -> tuple[Section, ...]:
    """Of the supervision of secrecy: who uses what, and the copies that are out."""
    using = (
        Column(say("inspect-grant"), "reference", 3),
        Column(say("inspect-user"), "reference", 2),
        Column(say("inspect-purpose"), width=2),
        Column(say("inspect-due"), "date", 2),
        Column(say("inspect-copies"), "number"),
    )
    held = (
        Column(say("inspect-medium"), "reference", 2),
        Column(say("inspect-kind")),
        Column(say("inspect-location"), width=2),
        Column(say("inspect-responsible"), "reference", 2),
        Column(say("inspect-state")),
    )
    rows = [(each.grant, each.borrower, each.purpose, _moment(each.due), each.copies) for each in current]
    kept = [(e.id, e.kind, e.text("location"), e.text("responsible"), e.state.replace("_", " ")) for e in copies]
    return (
        Section(say("inspect-uses"), (Table.of(say("inspect-uses-list"), using, rows),)),
        Section(say("inspect-copies-out"), (Table.of(say("inspect-copies-list"), held, kept),)),
    )


def refusals(counts: Mapping[str, int], door_digest: str) -> tuple[Section, ...]:
    """Of an access review: who was refused how often with which code, and which door log was looked at."""
    codes = {name.partition(":")[2]: count for name, count in counts.items() if name.startswith("refused:")}
    columns = (Column(say("inspect-code")), Column(say("inspect-number"), "number"))
    door = Fact(say("inspect-door-log"), door_digest or say("inspect-door-log-none"), "reference")
    ordered = sorted(codes.items(), key=lambda each: (-each[1], each[0]))
    table = Table.of(say("inspect-refusals-list"), columns, ordered)
    return (Section(say("inspect-refusals"), (Facts((door,)), table)),)


def drawing(entry: Entry) -> tuple[Section, ...]:
    """Of a sample: what anybody needs to check that nobody chose it."""
    names = ("commitment", "seed", "population", "size", "share", "sha256")
    facts = tuple(Fact(say(f"inspect-sample-{name}"), entry.text(name), "reference") for name in names)
    return (Section(say("inspect-drawing"), (Facts((Fact(say("inspect-sample-id"), entry.id, "reference"), *facts)),)),)


def duties_report(duties: Sequence[Duty], today: date, now: datetime, organisation: str = "") -> Report:
    """What is due and overdue, as a report of its own."""
    states = [duty.state(today) for duty in duties]
    columns = (
        Column(say("inspect-what"), width=3),
        Column(say("inspect-last"), "date", 2),
        Column(say("inspect-due"), "date", 2),
        Column(say("inspect-state"), "status", 2),
        Column(say("inspect-detail"), "reference", 3),
    )
    rows = [
        (_duty(duty.what), _moment(duty.last).date() if duty.last else None, duty.due, _status(state), duty.about)
        for duty, state in zip(duties, states, strict=True)
    ]
    labels = tuple(_status(state).words for state in _LEVELS)
    values = tuple(states.count(state) for state in _LEVELS)
    return Report(
        name="inspections-due",
        title=say("inspect-title-due"),
        organisation=organisation,
        generated_at=now,
        sections=(
            Section(
                say("inspect-summary"),
                (
                    Figures(
                        tuple(
                            Figure(label, count, _LEVELS[state] if count else "neutral")
                            for state, label, count in zip(_LEVELS, labels, values, strict=True)
                        )
                    ),
                    Chart("donut", say("inspect-duties-chart"), labels, (Series(say("inspect-duties"), values),)),
                ),
            ),
            Section(say("inspect-duties"), (Table.of(say("inspect-duties-list"), columns, rows),)),
        ),
        footnotes=(say("inspect-note-due"),),
    )


def _status(state: str) -> Status:
    return Status(_LEVELS[state], say(f"inspect-state-{state.replace(' ', '-')}"))


def _duty(what: str) -> Words:
    kind, _, about = what.partition(" ")
    if about:
        return say(f"inspect-duty-{kind}", what=phrase(about))
    return say(f"inspect-duty-{kind.replace('_', '-')}")


def _china(moment: str) -> str:
    """A moment of the custody ledger in the zone of the report."""
    return datetime.fromisoformat(moment).astimezone(CHINA).strftime("%Y-%m-%d %H:%M") if moment else ""


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
