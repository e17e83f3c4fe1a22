"""``dangan drill``: a simulated restore every quarter, its signed report, and whether one is overdue."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
import uuid
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ops.audit_replay import told_by_audit
from ops.audited import desk
from ops.backups.alerts import tell
from ops.backups.drill import DrillReport, Rehearsal
from ops.backups.opening import find_chain, opened
from ops.backups.places import known_places
from ops.backups.schedule import missed_drill
from ops.backups.showing import OnProgress, Told, bars, show_missed, utc
from ops.config import load_settings
from ops.private_files import write_private
from ops.rules import rules_of
from schemas.errors import DanganError
from schemas.settings import Settings
from store.backups import Backups
from store.database import connect
from streams.kafka import kafka_of

Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]
Sample = Annotated[
    int, typer.Option(min=1, max=100_000, help="How many records are read, and how many destroyed tried.")
]
_SAMPLE = 500

drills = typer.Typer(help="Simulated restores: what is in the backups can be read, and what was destroyed cannot.")


def register(app: typer.Typer) -> None:
    """Add ``dangan drill`` to the command line."""
    app.add_typer(drills, name="drill")


@drills.callback(invoke_without_command=True)
def drill(context: typer.Context, sample: Sample = _SAMPLE, home: Home = None) -> None:
    """Restore the newest backup to a scratch database, read a sample, and remove it again; dangan drill run."""
    if context.invoked_subcommand is None:
        run(sample, home)


@drills.command("run")
def run(sample: Sample = _SAMPLE, home: Home = None) -> None:
    """Restore the newest backup to a scratch database, read a sample of survivors, try the destroyed, remove it again.

    Nothing that is read is shown or kept. The report is signed, kept in the archive and written to HOME/drills. Exit
    status 1 when a survivor cannot be read or a destroyed record can.
    """
    settings = load_settings(home)
    with bars() as shown:
        report = asyncio.run(_drill(settings, sample, Told(shown)))
    _show(report)
    if not report.passed:
        raise DanganError("DG-BAK-036", detail=f"{len(report.unreadable)}, {len(report.alive)}")


@drills.command("list")
def show(home: Home = None) -> None:
    """Show every drill: when, of which backup, whether it passed; its signed report lies in HOME/drills."""
    settings = load_settings(home)

    async def known() -> Table:
        async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
            table = Table("drill", "when", "backup", "result")
            for each in await Backups(database).drills():
                table.add_row(each.id, utc(each.at), each.backup, "passed" if each.passed else "[bold red]failed[/]")
            return table

    Console().print(asyncio.run(known()))


@drills.command("due")
def due(
    *,
    quiet: Annotated[bool, typer.Option("--no-alert", help="Only show; put nothing on archive.alerts.")] = False,
    home: Home = None,
) -> None:
    """Tell whether a drill is overdue (backup.drill_months); if so raise it once on archive.alerts, and exit with 1."""
    settings = load_settings(home)
    rules = rules_of(settings).book.backup
    now = int(time.time())

    async def look() -> bool:
        async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
            register = Backups(database)
            first = min((each.made_at for each in await register.all() if each.usable), default=None)
            missed = missed_drill(await register.drills(), rules.drill_months, now=now, first_backup=first)
        found = [missed] if missed else []
        if not quiet:
            await tell(kafka_of(settings), found, now=now)
        show_missed(found)
        return missed is not None

    if asyncio.run(look()):
        raise DanganError("DG-BAK-038")


async def _drill(settings: Settings, sample: int, told: OnProgress) -> DrillReport:
    scratch = f"dangan_drill_{uuid.uuid4().hex[:12]}"
    async with (
        desk(settings, role="sweeper") as at,
        connect(settings.mongo_uri.get_secret_value(), scratch) as target,
        at.attempt("restore", record=scratch) as said,
    ):
        links = await find_chain(settings, at.database, None)
        begun = time.monotonic()
        async with opened(settings, links, told) as plain:
            took = time.monotonic() - begun
            known = await told_by_audit(settings, at.database, None)
            rehearsal = Rehearsal(
                at.database, target, at.transit, known_places(settings), known, sample, told, random.SystemRandom()
            )
            report, jws = await rehearsal.run(plain, [link.header.id for link in links], opened_in=took)
        said["digest"] = _write_report(settings, report, jws)
    return report


def _write_report(settings: Settings, report: DrillReport, jws: str) -> str:
    """Write the signed report to the home; return its SHA-256, 64 hex digits."""
    write_private(settings.home / "drills" / f"{report.id}.jws", jws + "\n")
    return hashlib.sha256(jws.encode()).hexdigest()


def _show(report: DrillReport) -> None:
    table = Table("what", "found")
    rows = {
        "backup": " on ".join(report.chain),
        "documents": f"{report.documents} ({report.bytes / (1 << 20):.1f} MiB)",
        "restored": str(report.restored),
        "survivors read": f"{report.survivors} records, {report.fields} fields, {report.attachments} attachments",
        "destroyed tried": f"{report.gone} with the backup's own keys; {report.unswept} more wait for their sweep",
        "unreadable survivors": ", ".join(report.unreadable) or "none",
        "readable destroyed": ", ".join(report.alive) or "none",
        "seconds": ", ".join(f"{what} {span:.1f}" for what, span in report.seconds.items()),
        "result": "passed" if report.passed else "FAILED",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    Console().print(table)
