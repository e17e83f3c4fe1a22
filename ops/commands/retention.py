"""``dangan retention``: what falls due when, and why; facts, extensions, the list of expired records."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from consumers.retention.assess import Assessed, assess, assess_with
from consumers.rules import Rules
from ops.audited import Desk, stored_digest
from ops.commands.archive_views import Csv, Json, Limit
from ops.commands.arranging import As, Home, Policies, as_arranger
from ops.commands.keys import PassphraseFile
from ops.listing import Form, put_out
from ops.printable import plain
from ops.retention import acts
from ops.retention.plan import Plan, Preview
from schemas.errors import DanganError
from schemas.retention import ExtendRetention
from schemas.rule_tables.retention import Retention
from schemas.working_days import CHINA
from store.retention import Fact

DUE: Final = ("record", "class", "due", "days over", "limited by", "kept by")
_BAR: Final = 40
AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As of this day; today by default.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan retention`` with its subcommands to the command line."""
    group = typer.Typer(help="Retention periods (保存期限): what falls due when, and why.", no_args_is_help=True)
    for name, command in (
        ("plan", plan),
        ("run", run),
        ("due", due),
        ("show", show),
        ("fact", fact),
        ("facts", facts),
        ("retract", retract),
        ("extend", extend),
    ):
        group.command(name)(command)
    app.add_typer(group, name="retention")


def plan(
    key: As,
    rules_file: Annotated[
        Path | None, typer.Option("--rules", help="A rules.toml to look at: what would it change? Nothing is changed.")
    ] = None,
    as_of: AsOf = None,
    as_json: Json = False,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Show what falls due when, by month and class. Nothing is executed."""
    today = _day(as_of)

    async def act(at: Desk, rules: Rules) -> tuple[Plan, Preview | None]:
        await at.record("query", verb="list", digest=stored_digest({"list": "retention plan"}))
        other = None if rules_file is None else other_rules(rules_file, rules)
        counted, preview = Plan(today), None if other is None else Preview()
        with _progress() as told:
            async with aclosing(assess(at.database, rules)) as batches:
                async for batch in batches:
                    for each in batch:
                        counted.take(each)
                    told(counted.records)
            if other is not None and preview is not None:
                async with aclosing(assess_with(at.database, rules, other)) as both:
                    async for pairs in both:
                        for now, then in pairs:
                            preview.take(now, then, today)
        return counted, preview

    counted, preview = as_arranger(home, key, passphrase_file, act, policies)
    if as_json:
        found = counted.as_dict() | ({} if preview is None else {"with_other_rules": preview.as_dict()})
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    _show_plan(Console(), counted)
    if preview is not None:
        _show_preview(Console(), preview)


def run(
    key: As,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be listed; change nothing.")] = False,
    as_of: AsOf = None,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Put every record whose period has ended on the list for destruction or sealing. Run it daily."""

    async def act(at: Desk, rules: Rules) -> acts.Run:
        with _progress() as told:
            return await acts.run(at, rules, today=_day(as_of), now=int(time.time()), dry_run=dry_run, on_progress=told)

    found = as_arranger(home, key, passphrase_file, act, policies)
    would = "would be " if dry_run else ""
    console = Console(soft_wrap=True)
    console.print(f"{found.records} records could be due; {found.due} are, {found.new} of them {would}new on the list")
    console.print(f"{found.held} kept by a legal hold; {found.gone} {would}taken off the list")
    if found.due:
        console.print("next: dangan retention due, then dangan destroy prepare")


def due(
    key: As,
    as_of: AsOf = None,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """List expired records that are still there, with their age; also those that a hold keeps."""
    today = _day(as_of)

    async def act(at: Desk, rules: Rules) -> int:
        await at.record("query", verb="list", digest=stored_digest({"list": "retention due"}))
        return await put_out(Console(), "expired", DUE, _expired(at, rules, today), Form(as_json, file, limit))

    as_arranger(home, key, passphrase_file, act, policies)


def show(
    record: Annotated[str, typer.Argument(help="The record.")],
    key: As,
    as_of: AsOf = None,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Show one record's class, what its period rests on, when it began, when it ends, and what is to happen then."""

    async def act(at: Desk, rules: Rules) -> tuple[Assessed, str] | None:
        await at.record("query", verb="list", record=record, digest=stored_digest({"list": "retention"}))
        async with aclosing(assess(at.database, rules, records=[record])) as batches:
            async for batch in batches:
                for found in batch:
                    return found, rules.book.expiry.action(found.retention_class or "")
        return None

    known = as_arranger(home, key, passphrase_file, act, policies)
    if known is None:
        raise DanganError("DG-OPS-031", detail=record)
    for name, value in _said(*known, _day(as_of)).items():
        Console().print(plain(f"{name}: {value}"), soft_wrap=True)


def fact(
    subject: Annotated[str, typer.Argument(help="The customer's reference.")],
    event: Annotated[str, typer.Argument(help=f"What happened: {', '.join(acts.EVENTS)}.")],
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="When it happened.")],
    evidence: Annotated[str, typer.Option(help="Reference of the proof.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """State what begins a customer's retention periods: the end of business, the last transaction and so on."""

    async def act(at: Desk, _: Rules) -> None:
        await acts.state(at, [Fact(subject, event, day.date(), evidence, at.operator, int(time.time()))])

    as_arranger(home, key, passphrase_file, act)
    Console().print(plain(f"{subject}: {event} on {day.date()}"))


def retract(
    subject: Annotated[str, typer.Argument(help="The customer's reference.")],
    event: Annotated[str, typer.Argument(help="What was stated and has not happened.")],
    evidence: Annotated[str, typer.Option(help="Reference of the proof that it has not.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Take back a fact that was stated wrongly. The next run takes the customer's records off the list."""

    async def act(at: Desk, _: Rules) -> None:
        await acts.retract(at, subject, event, evidence=evidence, at=int(time.time()))

    as_arranger(home, key, passphrase_file, act)
    Console().print(plain(f"{subject}: {event} taken back; run dangan retention run to renew the list"))


def facts(
    file: Annotated[Path, typer.Argument(help="CSV with the columns subject, event, day and evidence.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """State many facts from a file, as a business system writes it."""

    async def act(at: Desk, _: Rules) -> int:
        with _progress() as told:
            return await acts.state_all(at, acts.facts_in(file, by=at.operator, at=int(time.time())), told)

    Console().print(f"{as_arranger(home, key, passphrase_file, act)} facts stated")


def extend(
    request: Annotated[Path, typer.Argument(help="The signed request as JSON: records, until, reason, approvals.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Keep records longer than the rules say. Write the request with a new UUID as its id, have it signed, send it:

    {"type": "extend_retention", "id": "...", "records": ["rec-1"], "until": "2031-01-01", "reason": "...",
    "approvals": ["what dangan approve printed", "..."]}
    """
    try:
        asked = ExtendRetention.model_validate_json(request.read_bytes())
    except (OSError, ValidationError) as error:
        place = error.errors()[0]["loc"] if isinstance(error, ValidationError) else type(error).__name__
        raise DanganError("DG-OPS-035", field=str(request), detail=str(place)) from None

    async def act(at: Desk, rules: Rules) -> tuple[str, ...]:
        return await acts.extend(at, asked, rules, now=int(time.time()))

    approvers = as_arranger(home, key, passphrase_file, act, policies)
    told = f"{len(asked.records)} records are kept until {asked.until}, approved by {', '.join(approvers) or 'nobody'}"
    Console().print(plain(told), soft_wrap=True)


def other_rules(file: Path, rules: Rules) -> Retention:
    """The table ``[retention]`` as another rule file would make it.

    Raises:
        DanganError: DG-RET-005 naming what is wrong.
    """
    try:
        table = tomllib.loads(file.read_text("utf-8")).get("retention", {})
        return Retention.model_validate(rules.book.retention.model_dump() | table)
    except (OSError, ValueError) as error:
        raise DanganError("DG-RET-005", field=str(file), detail=str(error).splitlines()[0]) from None


async def _expired(at: Desk, rules: Rules, today: date) -> AsyncGenerator[Mapping[str, str]]:
    async with aclosing(assess(at.database, rules)) as batches:
        async for batch in batches:
            for each in batch:
                if each.expired(today) and each.term is not None and each.term.due is not None:
                    yield {
                        "record": each.record,
                        "class": each.retention_class,
                        "due": each.term.due.isoformat(),
                        "days over": str((today - each.term.due).days),
                        "limited by": each.term.limit,
                        "kept by": "legal hold" if each.held else "sealed" if each.sealed else "",
                    }


def _said(found: Assessed, action: str, today: date) -> dict[str, str]:
    said = {"record": found.record, "class": found.retention_class or "none"}
    if found.term is None:
        return said | {"period": "none: the rules have no period for this class"}
    period = found.term
    return said | {
        "period": f"{period.years} years, resting on {period.basis}",
        "counted from": f"{period.event}: {period.start or 'has not happened yet'}",
        "due": f"{period.due} (limited by: {period.limit})" if period.due else "not before that happens",
        "at the end": action,
        "legal hold": "yes: it is kept whatever its period" if found.held else "no",
        "expired": "yes" if found.expired(today) else "no",
    }


def _show_plan(console: Console, counted: Plan) -> None:
    console.print(f"{counted.records} records as of {counted.today}")
    table = Table("", *counted.classes, "in all", "", title="What falls due when")
    rows = [
        ("overdue", dict(counted.overdue), "red"),
        ("expired, on hold", dict(counted.held), "yellow"),
        *((month, counts, "green") for month, counts in counted.by_month()),
        ("period not begun", dict(counted.waiting), "dim"),
    ]
    largest = max((sum(counts.values()) for _, counts, _ in rows), default=0) or 1
    for name, counts, style in rows:
        total = sum(counts.values())
        if total or name in ("overdue", "period not begun"):
            bar = f"[{style}]{'█' * -(-total * _BAR // largest)}[/]"
            table.add_row(name, *(str(counts.get(each, 0)) for each in counted.classes), str(total), bar)
    console.print(table)
    if counted.classless:
        console.print(f"{counted.classless} records have no period in the rules: add their class", style="red")


def _show_preview(console: Console, preview: Preview) -> None:
    console.print(
        f"with the other rules: {preview.earlier} earlier, {preview.later} later or not any more, {preview.same} the"
        f" same; {preview.due_at_once} would be due at once, {preview.lose_class} would lose their class",
        soft_wrap=True,
    )
    table = Table("record", "due", "would be", title="for instance")
    for record, before, after in preview.examples:
        table.add_row(plain(record), str(before or "not begun"), str(after or "not begun"))
    if preview.examples:
        console.print(table)


class _progress:  # noqa: N801 - used as a function
    """A count of records on the standard error, which ends with the work."""

    def __init__(self) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.completed} records looked at"))
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)

    def __enter__(self) -> _progress:
        self._progress.start()
        self._task = self._progress.add_task("", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, done: int) -> None:
        self._progress.update(self._task, completed=done)


def _day(given: datetime | None) -> date:
    return given.date() if given else datetime.now(CHINA).date()
