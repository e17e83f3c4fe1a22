"""``dangan inspect``: the checks that the regulations ask for, each kept, audited and reported (检查)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from consumers.rules import Rules
from ops.archive_lists import months_later
from ops.audited import Desk, stored_digest
from ops.commands import inspect_evidence, inspect_registers, inspect_samples
from ops.commands.archive_views import Csv, Json, Limit
from ops.commands.arranging import Home, Policies
from ops.commands.inspect_runs import (
    SUPERVISORS,
    As,
    Asked,
    Bar,
    Language,
    Organisation,
    To,
    act,
    kept,
    now,
    put_out,
    tell,
)
from ops.commands.keys import PassphraseFile
from ops.inspections import access, doors, papers_of_kinds, schedule
from ops.inspections.evaluation import evaluation as evaluate
from ops.inspections.full_check import full_check as check_all
from ops.inspections.integrity import integrity as sweep
from ops.inspections.inventory import inventory as take_inventory
from ops.inspections.rectify import of_run
from ops.inspections.secrecy import secrecy as supervise
from ops.inspections.timeliness import timeliness as judge
from ops.listing import Form
from ops.listing import put_out as put_list
from ops.reports import Section
from schemas.errors import DanganError
from schemas.inspections import RUN_KINDS, RunKind
from schemas.working_days import day_of
from store.inspections import Inspections, Run

RUNS = ("inspection", "kind", "made", "by", "covers from", "until", "findings", "digest")
Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From that day on; by default the period.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan inspect`` with its subcommands to the command line."""
    group = typer.Typer(
        help="Inspections (检查): inventory, integrity, samples, reviews; what is due; evidence for auditors.",
        no_args_is_help=True,
    )
    for name, command in (
        ("due", due),
        ("inventory", inventory),
        ("full-check", full_check),
        ("integrity", integrity),
        ("access-review", access_review),
        ("timeliness", timeliness),
        ("secrecy", secrecy),
        ("evaluation", evaluation),
        ("list", list_runs),
        ("show", show),
    ):
        group.command(name)(command)
    inspect_samples.register(group)
    inspect_registers.register(group)
    inspect_evidence.register(group)
    app.add_typer(group, name="inspect")


def due(
    key: As,
    report: To = None,
    language: Language = None,
    organisation: Organisation = "",
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """What is due and overdue: inspections, reviews, backups, drills, rectification notices.

    Exit status 1 when something is overdue.
    """
    asked = Asked(home, key, passphrase_file, policies, report, language, organisation)

    async def look(desk: Desk, rules: Rules) -> list[schedule.Duty]:
        await desk.record("query", verb="list", digest=stored_digest({"list": "inspections due"}))
        return await schedule.due(desk.database, rules.book, now=now())

    found, today = act(asked, look, roles=SUPERVISORS), day_of(now())
    put_out(asked, papers_of_kinds.duties_report(found, today, datetime.fromtimestamp(now(), UTC), organisation))
    if any(schedule.overdue(found, today)):
        raise typer.Exit(1)


def inventory(
    key: As,
    report: To = None,
    language: Language = None,
    organisation: Organisation = "",
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Inventory the archives held (每季度清查): against index, codes, keys, destruction and custody ledgers.

    Movements since the last inventory must add up; every difference is listed. Exit status 1 when there is one.
    """
    asked = Asked(home, key, passphrase_file, policies, report, language, organisation)

    async def run(desk: Desk, rules: Rules) -> tuple[Run, tuple[Section, ...]]:
        until = now()
        with Bar("comparing") as told:
            found, lines, since = await take_inventory(desk, rules.book, now=until, told=told)
        made = await kept(desk, "inventory", found, since=since, until=until)
        return made, papers_of_kinds.movements(made.counts, lines)

    tell(asked, *act(asked, run))


def full_check(
    key: As,
    report: To = None,
    language: Language = None,
    organisation: Organisation = "",
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Check everything at the start of the year (年初全面检查): holdings, every record opened, storage.

    Uses the Vault role inspector. Goes on where it was interrupted.
    """
    asked = Asked(home, key, passphrase_file, policies, report, language, organisation)

    async def run(desk: Desk, rules: Rules) -> Run:
        until = now()
        with Bar("checking") as told:
            async with desk.attempt("register", record="full-check"):
                found = await check_all(desk, rules, now=until, told=told)
        return await kept(desk, "full_check", found, since=0, until=until)

    tell(asked, act(asked, run, vault_role="inspector"))


def integrity(
    key: As,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many records, to go on later.")] = None,
    report: To = None,
    language: Language = None,
    organisation: Organisation = "",
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Check that every record is there, encrypted, decrypts, verifies and is complete (定期检查).

    Values are opened in memory alone. Uses the Vault role inspector. Goes on where it was interrupted.
    """
    asked = Asked(home, key, passphrase_file, policies, report, language, organisation)

    async def run(desk: Desk, rules: Rules) -> Run | None:
        until = now()
        with Bar("opening") as told:
            async with desk.attempt("register", record="integrity"):
                found = await sweep(desk.database, desk.transit, rules, told=told, limit=limit)
        return None if found is None else await kept(desk, "integrity", found, since=0, until=until)

    made = act(asked, run, vault_role="inspector")
    if made is None:
        raise DanganError("DG-INS-002")
    tell(asked, made)


def access_review(
    key: As,
    since: Since = None,
    door_log: Annotated[
        Path | None, typer.Option(help="Door log of the archive room: CSV with at, person, door, grant.")
    ] = None,
    report: To = None,
    language: Language = None,
    organisation: Organisation = "",
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Review access logs and the archive room's door log (访问日志检查): what had no valid application."""
    asked = Asked(home, key, passphrase_file, policies, report, language, organisation)
    log = doors.read_door_log(door_log) if door_log else None

    async def run(desk: Desk, rules: Rules) -> Run:
        until = now()
        begin = _begin(since, rules.book.inspection.access_review_months, until)
        found = await access.access_review(desk, since=begin, door_log=log)
        return await kept(desk, "access_review", found, since=begin, until=until)

    made = act(asked, run, roles=("compliance", "auditor"))
    tell(asked, made, papers_of_kinds.refusals(made.counts, log.sha256 if log else ""))


def timeliness(
    key: As,
    since: Since = None,
    report: To = None,
    language: Language = None,
    organisation: Organisation = "",
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Report by department what was handed over late and what is not filed yet (时效性检查)."""
    asked = Asked(home, key, passphrase_file, policies, report, language, organisation)

    async def run(desk: Desk, rules: Rules) -> tuple[Run, tuple[Section, ...]]:
        until = now()
        begin = _begin(since, rules.book.inspection.timeliness_months, until)
        found, by_department = await judge(desk.database, rules.book, since=begin, now=until)
        made = await kept(desk, "timeliness", found, since=begin, until=until)
        return made, papers_of_kinds.departments(by_department)

    tell(asked, *act(asked, run))


def secrecy(
    key: As,
    report: To = None,
    language: Language = None,
    organisation: Organisation = "",
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """List current uses and copies for the supervision of secrecy (保密监督).

    The result of the check is recorded with: dangan inspect review secrecy.
    """
    asked = Asked(home, key, passphrase_file, policies, report, language, organisation)

    async def run(desk: Desk, rules: Rules) -> tuple[Run, tuple[Section, ...]]:
        until = now()
        found, current, copies = await supervise(desk, rules.book, now=until)
        made = await kept(desk, "secrecy", found, since=0, until=until)
        return made, papers_of_kinds.uses(current, copies)

    tell(asked, *act(asked, run, roles=SUPERVISORS))


def evaluation(
    key: As,
    report: To = None,
    language: Language = None,
    organisation: Organisation = "",
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """List evaluations that did not reach the marketing manager, and terms without a signature (签字程序)."""
    asked = Asked(home, key, passphrase_file, policies, report, language, organisation)

    async def run(desk: Desk, rules: Rules) -> Run:
        until = now()
        found = await evaluate(desk.database, days=rules.book.inspection.evaluation_days, now=until)
        return await kept(desk, "evaluation", found, since=0, until=until)

    tell(asked, act(asked, run, roles=SUPERVISORS))


def list_runs(
    key: As,
    kind: Annotated[str | None, typer.Option(help="Only this kind: inventory, integrity, sample and so on.")] = None,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """List the inspections made so far, newest first."""
    wanted = _kind(kind)

    async def look(desk: Desk, _: Rules) -> int:
        await desk.record("query", verb="list", digest=stored_digest({"list": "inspections"}))
        runs = await Inspections(desk.database).all(kind=wanted)
        return await put_list(Console(), "inspections", RUNS, _lines(runs), Form(as_json, file, limit))

    act(Asked(home, key, passphrase_file), look, roles=SUPERVISORS)


def show(
    inspection: Annotated[str, typer.Argument(help="The inspection's id.")],
    key: As,
    report: To = None,
    language: Language = None,
    organisation: Organisation = "",
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Show an inspection again, as it was kept, or write its report."""
    asked = Asked(home, key, passphrase_file, None, report, language, organisation)

    async def look(desk: Desk, _: Rules) -> Run:
        await desk.record("query", verb="list", record=inspection, digest=stored_digest({"list": "inspections"}))
        return await of_run(desk.database, inspection)

    tell(asked, act(asked, look, roles=SUPERVISORS))


async def _lines(runs: list[Run]) -> AsyncGenerator[Mapping[str, str]]:
    for run in runs:
        yield {
            "inspection": run.id,
            "kind": run.kind,
            "made": datetime.fromtimestamp(run.at, UTC).isoformat(timespec="seconds"),
            "by": run.by,
            "covers from": day_of(run.since).isoformat() if run.since else "the beginning",
            "until": day_of(run.until).isoformat(),
            "findings": str(sum(run.total.values())),
            "digest": run.digest,
        }


def _kind(kind: str | None) -> RunKind | None:
    if kind is None:
        return None
    for known in RUN_KINDS:
        if known == kind.replace("-", "_"):
            return known
    raise typer.BadParameter(f"one of {', '.join(RUN_KINDS)}", param_hint="--kind")


def _begin(since: datetime | None, months: int, until: int) -> int:
    """From when on: a day that was named, or one period ago; UNIX seconds."""
    if since is not None:
        return int(since.replace(tzinfo=UTC).timestamp())
    return months_later(until, -months)
