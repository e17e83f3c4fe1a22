"""The end of an incident (结案): a report that one who answers for it signs, and who is not its reporter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from keys.signer import Signer
from ops.incidents import notices
from ops.incidents.handling import Incidents
from ops.incidents.scope import Line
from ops.reports import Column, Fact, Facts, Figure, Figures, Paragraph, Report, Section, Status, Table, digest, say
from schemas.errors import DanganError
from schemas.incidents import INCIDENTS, NOTICES
from schemas.registers import Entry

_STATEMENT: Final = "dangan-incident-closed\n{incident}\n{digest}"
_STATES: Final = {"owed": "bad", "told": "good", "waived": "neutral"}


async def closing_report(
    incidents: Incidents, incident: str, lines: Sequence[Line], *, now: int, organisation: str = ""
) -> Report:
    """The report of an incident that may be closed.

    Raises:
        DanganError: DG-INC-010 (a notice is owed), 011 (something is frozen), 012 (no scope); DG-REG-002 (it was not
            mended yet), 004 (its reporter would close it).
    """
    entry = await incidents.entry(incident)
    if entry.step("scope") is None or entry.step("notices") is None:
        raise DanganError("DG-INC-012", field=incident)
    owed = await notices.of_incident(incidents.desk.database, incident)
    if waiting := [each for each in owed if not NOTICES.is_over(each)]:
        raise DanganError("DG-INC-010", field=waiting[0].id)
    if still := await incidents.frozen(incident):
        raise DanganError("DG-INC-011", field=still[0].target)
    if not INCIDENTS.is_over(entry):
        INCIDENTS.follow(entry, "close", {"report": "0"}, by=incidents.desk.operator, at=now)
    return report_of(entry, lines, owed, now=now, organisation=organisation)


async def close(incidents: Incidents, incident: str, report: Report, key: Signer, *, now: int) -> Entry:
    """Close an incident with its report: the register keeps the digest and the signature under it.

    Raises:
        DanganError: as :func:`closing_report`, and as :meth:`ops.incidents.handling.Incidents.step`.
    """
    said = digest(report)
    signature = key.sign(_STATEMENT.format(incident=incident, digest=said).encode()).hex()
    return await incidents.step(incident, "close", {"report": said, "signature": signature, "key": key.kid}, now=now)


def report_of(
    entry: Entry, lines: Sequence[Line], owed: Sequence[Entry], *, now: int, organisation: str = ""
) -> Report:
    """The report: what happened, what was done when, who read what, who was told. Pure."""
    first = entry.steps[0]
    told = sum(each.state == "told" for each in owed)
    figures = Figures(
        (
            Figure(say("incident-reads"), sum(line.reads for line in lines)),
            Figure(say("incident-readers"), len({line.reader for line in lines})),
            Figure(say("incident-records"), len({line.record for line in lines})),
            Figure(say("incident-told"), told),
        )
    )
    plan = f"{entry.text('plan')} {entry.text('plan_version')}".strip()
    facts = Facts(
        (
            Fact(say("incident-number"), entry.id, "reference"),
            Fact(say("incident-kind"), say(f"incident-kind-{entry.kind}")),
            Fact(say("incident-certainty"), say(f"incident-{entry.text('certainty')}")),
            Fact(say("incident-reporter"), first.by, "reference"),
            Fact(say("incident-reported"), _time(first.at), "date"),
            Fact(say("incident-addressees"), entry.text("addressees") or None),
            Fact(say("incident-responsible"), entry.text("responsible") or None),
            Fact(say("incident-plan"), plan or Status("bad", say("incident-no-plan"))),
            Fact(say("incident-measure"), entry.text("measure") or None),
            Fact(say("incident-evidence"), entry.text("evidence") or None, "reference"),
        )
    )
    return Report(
        name=f"incident-{entry.id.lower().replace('.', '-').replace(':', '-').replace('_', '-')}",
        title=say("incident-title", incident=entry.id),
        organisation=organisation,
        generated_at=_time(now),
        sections=(
            Section(say("incident-what"), (figures, facts)),
            Section(say("incident-course"), (_steps(entry),)),
            Section(say("incident-scope"), (Paragraph(say("incident-scope-note")), _scope(lines))),
            Section(say("incident-notices"), (_notices(owed),)),
        ),
    )


def _steps(entry: Entry) -> Table:
    columns = (
        Column(say("incident-when"), "date", 2),
        Column(say("incident-step"), "text", 1),
        Column(say("incident-by"), "reference", 2),
    )
    rows = [
        (_time(step.at), say(f"incident-step-{step.verb}"), step.by) for step in entry.steps if step.verb != "close"
    ]
    return Table.of(say("incident-course"), columns, rows)


def _scope(lines: Sequence[Line]) -> Table:
    columns = (
        Column(say("incident-reader"), "reference", 2),
        Column(say("incident-record"), "reference", 2),
        Column(say("incident-reads"), "number", 1),
        Column(say("incident-first"), "date", 2),
        Column(say("incident-last"), "date", 2),
        Column(say("incident-fields"), "text", 2),
    )
    rows = (
        (
            line.reader,
            line.record,
            line.reads,
            _time(line.first_ms // 1000),
            _time(line.last_ms // 1000),
            " ".join(sorted(line.fields)),
        )
        for line in lines
    )
    return Table.of(say("incident-scope"), columns, rows)


def _notices(owed: Sequence[Entry]) -> Table:
    columns = (
        Column(say("incident-to"), "reference", 2),
        Column(say("incident-who"), "text", 1),
        Column(say("incident-due"), "date", 2),
        Column(say("incident-state"), "status", 1),
        Column(say("incident-how"), "text", 1),
        Column(say("incident-evidence"), "reference", 2),
    )
    rows = (
        (
            each.text("to"),
            say(f"incident-{each.kind}"),
            datetime.fromisoformat(each.text("due")),
            Status(_STATES[each.state], say(f"incident-state-{each.state}")),  # type: ignore[arg-type] # a Level
            each.text("manner") or None,
            each.text("evidence") or None,
        )
        for each in owed
    )
    return Table.of(say("incident-notices"), columns, rows)


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
