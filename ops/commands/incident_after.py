"""``dangan incident scope``, ``notices``, ``told``, ``rectify`` and ``close``: what follows the containment."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from consumers.rules import Rules
from ops.audited import Desk
from ops.commands.archive_views import Csv, Json, Limit
from ops.commands.arranging import Home, Policies
from ops.commands.audit_view import since_ms
from ops.commands.incident_acts import As, Incident, as_responsible, told
from ops.commands.keys import PassphraseFile, read_key_file
from ops.detect.source import events_on_topic
from ops.incidents import closing, notices
from ops.incidents.handling import Incidents
from ops.incidents.scope import COLUMNS, Line, Question, digest_of_scope, question, scope, summed
from ops.listing import Form, put_out
from ops.reports import write_report
from schemas.errors import DanganError
from schemas.locales import Locale
from schemas.registers import Entry, Said
from store.principals import Principals
from streams.kafka import kafka_of


def register(group: typer.Typer) -> None:
    """Add the commands to ``dangan incident``."""
    group.command("scope", no_args_is_help=True)(find_scope)
    group.command("notices", no_args_is_help=True)(list_notices)
    group.command("told", no_args_is_help=True)(record_told)
    group.command("rectify", no_args_is_help=True)(rectify)
    group.command("close", no_args_is_help=True)(close)


def find_scope(
    incident: Incident,
    key: As,
    since: Annotated[str, typer.Option(help="Reads from then on: 2h, 30d, an ISO time, or start.")] = "start",
    until: Annotated[datetime | None, typer.Option(help="Reads until then; now by default.")] = None,
    record: Annotated[list[str] | None, typer.Option(help="Look at this record too; repeatable.")] = None,
    reader: Annotated[list[str] | None, typer.Option(help="Look at this reader too; repeatable.")] = None,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Find out who read what, from the audit stream: about all that the incident names and froze.

    The result's digest is kept, so that it can be worked out again and compared.
    """
    now = time.time()
    begin, end = since_ms(since, now), int((until.timestamp() if until else now) * 1000)

    async def act(at: Desk, rules: Rules) -> int:
        incidents = Incidents(at, rules)
        named = {"records": tuple(record or ()), "readers": tuple(reader or ())}
        asked = await _question(incidents, incident, begin, end, **named)
        lines = await _scope(at, asked)
        said: dict[str, Said] = {
            **summed(lines),
            "digest": digest_of_scope(lines),
            "since": str(begin or 0),
            "until": str(end),
        }
        said |= {f"more_{name}": listed for name, listed in named.items() if listed}
        await incidents.step(incident, "scope", said, now=int(now))
        return await put_out(
            Console(),
            f"{incident}: who read what",
            COLUMNS,
            _stream(line.as_dict() for line in lines),
            Form(as_json, file, limit),
        )

    as_responsible(home, key, passphrase_file, act, policies)


def list_notices(
    incident: Incident,
    key: As,
    owe: Annotated[bool, typer.Option("--owe", help="First list everybody who must be told, from the scope.")] = False,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """List which customers and authorities must be told, by when, and who has been."""

    async def act(at: Desk, rules: Rules) -> int:
        incidents = Incidents(at, rules)
        if owe:
            lines = await _again(incidents, incident)
            with Progress(console=Console(stderr=True), transient=True) as bar:
                task = bar.add_task("notices", total=len({line.subject for line in lines}) + 1)
                await notices.owe(
                    incidents, incident, lines, now=_now(), on_progress=lambda done: bar.update(task, completed=done)
                )
        await incidents.entry(incident)
        found = [notices.line_of(each, now=_now()) for each in await notices.of_incident(at.database, incident)]
        return await put_out(
            Console(), f"{incident}: notices", notices.LISTED, _stream(found), Form(as_json, file, limit)
        )

    as_responsible(home, key, passphrase_file, act, policies)


def record_told(
    notice: Annotated[str, typer.Argument(help="The notice, as dangan incident notices lists it.")],
    evidence: Annotated[str, typer.Option(help="Reference of the letter, or of the decision that none is owed.")],
    key: As,
    manner: Annotated[str, typer.Option(help="letter, telephone, meeting or the like.")] = "letter",
    waived: Annotated[bool, typer.Option("--waived", help="Nothing is owed; the evidence says why.")] = False,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Record that somebody was told of the incident, or that it is not owed."""

    async def act(at: Desk, _: Rules) -> Entry:
        if waived:
            return await notices.waive(at, notice, evidence=evidence, now=_now())
        return await notices.tell(at, notice, manner=manner, evidence=evidence, now=_now())

    entry = as_responsible(home, key, passphrase_file, act, policies)
    told(f"{entry.id} is {entry.state}")


def rectify(
    incident: Incident,
    measure: Annotated[str, typer.Option(help="What was mended: a word or a reference, without personal data.")],
    evidence: Annotated[str, typer.Option(help="Reference of the proof.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Record the rectification (整改)."""

    async def act(at: Desk, rules: Rules) -> Entry:
        said = {"measure": measure, "evidence": evidence}
        return await Incidents(at, rules).step(incident, "rectify", said, now=_now())

    entry = as_responsible(home, key, passphrase_file, act, policies)
    told(f"{entry.id} is {entry.state}")


def close(
    incident: Incident,
    out: Annotated[Path, typer.Option(help="A folder, or a file ending in .html, .pdf or .json.")],
    key: As,
    language: Annotated[Locale | None, typer.Option(help="en or zh-CN.")] = None,
    organisation: Annotated[str, typer.Option(help="Its name, for the report's head.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the report; close nothing.")] = False,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Close an incident with a report that you sign; its reporter cannot.

    Before that everybody who must be told is told, nothing is frozen, and it is mended.
    """
    signing = read_key_file(key, passphrase_file).signing

    async def act(at: Desk, rules: Rules) -> list[Path]:
        incidents, now = Incidents(at, rules), _now()
        lines = await _again(incidents, incident)
        report = await closing.closing_report(incidents, incident, lines, now=now, organisation=organisation)
        written = write_report(report, out, language=language)
        if not dry_run:
            await closing.close(incidents, incident, report, signing, now=now)
        return written

    written = as_responsible(home, key, passphrase_file, act, policies)
    told(f"{incident} is {'not closed' if dry_run else 'closed'}; wrote {', '.join(map(str, written))}")


async def _again(incidents: Incidents, incident: str) -> list[Line]:
    """The scope as it was worked out, from the audit stream again.

    Raises:
        DanganError: DG-INC-012 when it was not.
    """
    step = (await incidents.entry(incident)).step("scope")
    if step is None:
        raise DanganError("DG-INC-012", field=incident)
    more = {name: _names(step.said.get(f"more_{name}")) for name in ("records", "readers")}
    asked = await _question(
        incidents, incident, int(str(step.said["since"])) or None, int(str(step.said["until"])), **more
    )
    return await _scope(incidents.desk, asked)


async def _question(
    incidents: Incidents,
    incident: str,
    begin: int | None,
    end: int,
    *,
    records: Sequence[str] = (),
    readers: Sequence[str] = (),
) -> Question:
    entry = await incidents.entry(incident)
    everybody = await Principals(incidents.desk.database).all()
    return question(entry, everybody, since_ms=begin, until_ms=end, records=records, readers=readers)


async def _scope(at: Desk, asked: Question) -> list[Line]:
    events = await events_on_topic(kafka_of(at.settings), asked.since_ms, wanted=asked.concerns)
    return scope(events, asked)


def _names(said: object) -> tuple[str, ...]:
    return tuple(map(str, said)) if isinstance(said, tuple) else ()


async def _stream(lines: Iterable[Mapping[str, str]]) -> AsyncGenerator[Mapping[str, str]]:
    for line in lines:
        yield line


def _now() -> int:
    return int(time.time())
