"""Inspections as reports that a regulator can be handed: one declaration for terminal, HTML, PDF and JSON.

Every inspection has the same first page: what was checked, for what time, by whom, the figures that matter, and a
judgement. What is particular to one kind stands behind (ops/inspections/papers_of_kinds.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from ops.inspections.phrases import phrase
from ops.reports import (
    Block,
    Chart,
    Column,
    Fact,
    Facts,
    Figure,
    Figures,
    Paragraph,
    Report,
    Section,
    Series,
    Signatory,
    Table,
    Words,
    say,
)
from schemas.inspections import RunKind
from schemas.working_days import day_of
from store.inspections import Run

#: Which figures stand large on the first page.
_LARGE: Final[Mapping[RunKind, tuple[str, ...]]] = {
    "inventory": ("held", "came-in", "went-out", "borrowed", "key-slots"),
    "full_check": ("records", "fields", "held", "backups"),
    "integrity": ("records", "fields"),
    "sample": ("population", "sampled", "incomplete"),
    "access_review": ("reads", "refused", "door-entries"),
    "timeliness": ("handed-over-in-time", "handed-over-late", "waiting", "backlog-overdue"),
    "secrecy": ("uses", "users", "copies-of-uses", "media-outside"),
    "evaluation": ("evaluations", "customers-with-terms"),
}


def run_report(run: Run, *, organisation: str = "", more: Sequence[Section] = ()) -> Report:
    """The report of a run.

    Args:
        run: what was found.
        organisation: whose archive it is.
        more: sections of its kind.
    """
    name = run.kind.replace("_", "-")
    return Report(
        name=name,
        title=say(f"inspect-title-{name}"),
        organisation=organisation,
        generated_at=datetime.fromtimestamp(run.at, UTC),
        period=(day_of(run.since or run.until), day_of(run.until)),
        sections=(_summary(run), *more, _findings(run), _counted(run)),
        signatures=(Signatory(say("inspect-inspector"), run.by), Signatory(say("inspect-head"))),
        footnotes=(say(f"inspect-note-{name}"), say("inspect-note-digest")),
    )


def _summary(run: Run) -> Section:
    findings = sum(run.total.values())
    figures = tuple(Figure(counted(name), run.counts.get(name, 0)) for name in _LARGE[run.kind])
    verdict = (
        Paragraph(say("inspect-findings-some", count=findings), "bad")
        if findings
        else Paragraph(say("inspect-findings-none"), "good")
    )
    return Section(
        say("inspect-summary"),
        (
            Figures((*figures, Figure(say("inspect-findings"), findings, "bad" if findings else "good"))),
            verdict,
            Facts(
                (
                    Fact(say("inspect-run"), run.id, "reference"),
                    Fact(say("inspect-by"), run.by, "reference"),
                    Fact(say("inspect-made"), datetime.fromtimestamp(run.at, UTC), "date"),
                    Fact(say("inspect-covers"), _covers(run)),
                    Fact(say("inspect-digest"), run.digest, "reference"),
                )
            ),
        ),
    )


def _covers(run: Run) -> Words:
    until = day_of(run.until).isoformat()
    if not run.since:
        return say("inspect-covers-all", until=until)
    return say("inspect-covers-time", since=day_of(run.since).isoformat(), until=until)


def _findings(run: Run) -> Section:
    blocks: list[Block] = []
    if run.total:
        labels = sorted(run.total, key=lambda kind: (-run.total[kind], kind))
        values = tuple(run.total[kind] for kind in labels)
        series = Series(say("inspect-findings"), values)
        blocks.append(Chart("bar", say("inspect-by-kind"), tuple(map(found, labels)), (series,)))
    columns = (
        Column(say("inspect-kind"), width=3),
        Column(say("inspect-about"), "reference", 3),
        Column(say("inspect-detail"), width=4),
    )
    rows = [(found(each.kind), each.about, phrase(each.detail)) for each in run.findings]
    left = sum(run.total.values()) - len(rows)
    blocks.append(Table(say("inspect-findings-list"), columns, tuple(rows), more=max(0, left)))
    return Section(say("inspect-findings"), tuple(blocks))


def _counted(run: Run) -> Section:
    columns = (Column(say("inspect-what"), width=3), Column(say("inspect-number"), "number"))
    rows = tuple((counted(name), number) for name, number in sorted(run.counts.items()))
    return Section(say("inspect-counts"), (Table(say("inspect-counts-list"), columns, rows),))


def found(kind: str) -> Words:
    """The words for a kind of finding."""
    return say(f"inspect-finding-{kind}")


def counted(name: str) -> Words:
    """The words for what was counted: ``held``, or ``refused:DG-ACC-001``."""
    what, _, value = name.partition(":")
    return say(f"inspect-count-{what}-of", value=phrase(value)) if value else say(f"inspect-count-{what}")
