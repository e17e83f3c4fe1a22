"""``dangan rectify``: rectification notices (整改通知书), tracked until somebody else has confirmed the result."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from consumers.rules import Rules
from ops.audited import Desk, stored_digest
from ops.commands.archive_views import Csv, Json, Limit
from ops.commands.arranging import Home, Policies
from ops.commands.inspect_runs import SUPERVISORS, As, Asked, Language, Organisation, To, act, now
from ops.commands.keys import PassphraseFile
from ops.commands.register_reports import write_register
from ops.commands.use_acts import in_own_name
from ops.inspections import rectify as notices
from ops.inspections.rectify import Notices
from ops.listing import Form, put_out
from ops.printable import plain
from ops.registers import Book
from ops.reports.register import NOTICES
from schemas.inspections import RECTIFICATIONS
from schemas.registers import Entry
from schemas.working_days import CHINA, day_of

Notice = Annotated[str, typer.Argument(help="The notice's id.")]
Owner = Annotated[str, typer.Option(help="Who has to put it right: a principal's id.")]
Due = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Until when; by default inspection.rectify_days.")
]
Reason = Annotated[str, typer.Option(help="Why: a word or a file reference, nothing personal.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan rectify`` with its subcommands to the command line."""
    group = typer.Typer(help="Rectification notices (整改通知书): opened, answered, confirmed.", no_args_is_help=True)
    for name, command in (
        ("open", open_notices),
        ("list", list_notices),
        ("show", show),
        ("answer", answer),
        ("close", close),
        ("return", send_back),
        ("extend", extend),
        ("reassign", reassign),
    ):
        group.command(name, no_args_is_help=name != "list")(command)
    app.add_typer(group, name="rectify")


def open_notices(
    owner: Owner,
    key: As,
    notice: Annotated[str | None, typer.Option(help="The new notice's id.")] = None,
    problem: Annotated[str | None, typer.Option(help="What is wrong: nothing personal.")] = None,
    subject: Annotated[str, typer.Option(help="What it is about: a reference.")] = "",
    inspection: Annotated[str | None, typer.Option(help="Open a notice for each finding of this inspection.")] = None,
    due: Due = None,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Open a notice to a named owner with a deadline, or one for each finding of an inspection.

    Again for the same inspection: nothing happens. Where an inspection found very much, one for each kind of finding.
    """
    single = notice is not None and problem is not None
    if single == (inspection is not None):
        raise typer.BadParameter("either --notice with --problem, or --inspection", param_hint="--notice")

    async def run(desk: Desk, rules: Rules) -> list[Entry]:
        book, at = Notices(desk), now()
        until = due.date() if due else notices.default_due(at, rules.book.inspection.rectify_days)
        if inspection is not None:
            found = await notices.of_run(desk.database, inspection)
            return await book.open_from(found, owner=owner, due=until, now=at)
        return [await book.open(notice or "", owner=owner, due=until, problem=problem or "", subject=subject, now=at)]

    made = act(Asked(home, key, passphrase_file, policies), run, roles=SUPERVISORS)
    _say(f"{len(made)} notices to {owner}: {', '.join(each.id for each in made[:5])}{'...' if made[5:] else ''}")


def list_notices(
    key: As,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are closed.")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those whose deadline has passed.")] = False,
    owner: Annotated[str | None, typer.Option(help="Only this owner's.")] = None,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    report: To = None,
    language: Language = None,
    organisation: Organisation = "",
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """List open notices, with their age and how long they are over."""
    kept: list[Mapping[str, str]] = []

    async def look(desk: Desk, _: Rules) -> int:
        await desk.record("query", verb="list", digest=stored_digest({"list": "rectifications"}))
        lines = notices.listed(desk.database, today=_today(), everything=everything, owner=owner, overdue=overdue)
        if report is not None:
            kept.extend([line async for line in lines])
            return len(kept)
        return await put_out(Console(), "rectification notices", notices.LISTED, lines, Form(as_json, file, limit))

    act(Asked(home, key, passphrase_file), look, roles=SUPERVISORS)
    if report is not None:
        write_register(NOTICES, kept, report, language, organisation)


def show(notice: Notice, key: As, passphrase_file: PassphraseFile = None, home: Home = None) -> None:
    """Show a notice's whole life."""

    async def look(desk: Desk) -> Entry:
        await desk.record("query", verb="list", record=notice, digest=stored_digest({"list": "rectifications"}))
        return await Book(desk, RECTIFICATIONS).entry(notice)

    entry = in_own_name(home, key, passphrase_file, look)
    table = Table("when", "step", "by", "said", title=plain(f"{entry.id}: {entry.state}"))
    for step in entry.steps:
        when = datetime.fromtimestamp(step.at, CHINA).isoformat(timespec="seconds")
        table.add_row(when, step.verb, plain(step.by), plain(", ".join(f"{n}: {v}" for n, v in step.said.items())))
    Console().print(table)


def answer(
    notice: Notice,
    result: Annotated[str, typer.Option(help="What was done about it: nothing personal.")],
    key: Annotated[Path, typer.Option("--as", help="Your key file: of the notice's owner.")],
    evidence: Annotated[str, typer.Option(help="Reference of the proof.")] = "",
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Record the result of a notice, as its owner."""
    _told(
        in_own_name(home, key, passphrase_file, lambda desk: Notices(desk).answer(notice, result, evidence, now=now()))
    )


def close(
    notice: Notice,
    confirmed: Annotated[str, typer.Option(help="What confirms the result: a word or a file reference.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Confirm the result of an answered notice and close it; neither its owner nor who answered may."""

    async def run(desk: Desk, _: Rules) -> Entry:
        return await Notices(desk).settle(notice, confirmed=confirmed, now=now())

    _told(act(Asked(home, key, passphrase_file), run, roles=SUPERVISORS))


def send_back(
    notice: Notice, reason: Reason, key: As, passphrase_file: PassphraseFile = None, home: Home = None
) -> None:
    """Return an answered notice to its owner, because the result does not do."""

    async def run(desk: Desk, _: Rules) -> Entry:
        return await Notices(desk).settle(notice, reason=reason, now=now())

    _told(act(Asked(home, key, passphrase_file), run, roles=SUPERVISORS))


def extend(
    notice: Notice,
    due: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The new deadline.")],
    reason: Reason,
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Give a notice more time, with a reason."""

    async def run(desk: Desk, _: Rules) -> Entry:
        return await Notices(desk).extend(notice, due.date(), reason, now=now())

    _told(act(Asked(home, key, passphrase_file), run, roles=SUPERVISORS))


def reassign(
    notice: Notice, owner: Owner, reason: Reason, key: As, passphrase_file: PassphraseFile = None, home: Home = None
) -> None:
    """Give a notice to another owner, with a reason."""

    async def run(desk: Desk, _: Rules) -> Entry:
        return await Notices(desk).reassign(notice, owner, reason, now=now())

    _told(act(Asked(home, key, passphrase_file), run, roles=SUPERVISORS))


def _told(entry: Entry) -> None:
    _say(f"{entry.id} is {entry.state}")


def _say(text: str) -> None:
    Console().print(plain(text), soft_wrap=True)


def _today() -> date:
    return day_of(now())
