"""``dangan backup``: sealed copies of the data in the approved places, apart from its keys."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ops.audited import desk
from ops.backup import make_backup
from ops.backups.alerts import tell
from ops.backups.opening import broken_link, find_chain, open_into
from ops.backups.places import approved_places, check_folder, known_places
from ops.backups.running import Runner
from ops.backups.schedule import Missed, missed_backups
from ops.backups.showing import OnProgress, Told, bars, show_missed, utc
from ops.config import load_settings
from ops.rules import rules_of
from schemas.errors import DanganError
from schemas.settings import Settings
from store.backups import Backup, Backups, Kind
from store.database import connect
from streams.kafka import kafka_of

Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]
_MIB = 1 << 20
_COLOURS = {"whole": "green", "partial": "yellow", "failed": "bold red", "begun": "dim"}

backups = typer.Typer(help="Sealed backups: daily what changed, weekly everything, in every approved place.")


def register(app: typer.Typer) -> None:
    """Add ``dangan backup`` to the command line."""
    app.add_typer(backups, name="backup")


@backups.callback(invoke_without_command=True)
def backup(
    context: typer.Context,
    to: Annotated[
        Path | None, typer.Option(help="Make a plain copy in a folder of its own here, where the rules allow one.")
    ] = None,
    home: Home = None,
) -> None:
    """Copy the database. What is destroyed later cannot be read from a copy any more.

    Places are listed in HOME/places.toml (docs/backup.md). With --to the copy is plain, as mongodump's would be: for
    trials only, rules without a profile refuse it.
    """
    if context.invoked_subcommand is not None:
        return
    if to is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)
    settings = load_settings(home)
    rules = rules_of(settings).book.backup
    if rules.encrypted_places:
        raise DanganError("DG-BAK-033")
    check_folder(settings, to, rules)
    with bars() as shown:
        folder = asyncio.run(_plain(settings, to, Told(shown)))
    typer.echo(str(folder))


@backups.command("run")
def run(
    kind: Annotated[
        str | None, typer.Option(help="full or incremental; by default what the schedule (backup.schedule) says.")
    ] = None,
    home: Home = None,
) -> None:
    """Make the backup that is due, sealed, in every approved place; read it back there; enter it in the register.

    Run it daily (cron, a systemd timer). What a run before left unfinished is finished first, so running it again is
    how an interrupted one goes on.
    """
    if kind not in (None, "full", "incremental"):
        raise typer.BadParameter("full or incremental", param_hint="--kind")
    chosen: Kind | None = "full" if kind == "full" else "incremental" if kind else None
    settings = load_settings(home)
    rules = rules_of(settings).book.backup
    places = approved_places(settings, rules)

    async def act(told: OnProgress) -> Backup:
        async with desk(settings, role="backup") as at, at.attempt("backup") as said:
            runner = Runner(at.database, at.transit, places, rules.schedule, settings.home, told)
            made = await runner.run(now=int(time.time()), kind=chosen)
            said["digest"] = made.sha256
            return made

    with bars() as shown:
        made = asyncio.run(act(Told(shown)))
    typer.echo(
        f"{made.kind} backup {made.id}: {made.stored} of {made.documents} documents, "
        f"{made.size / _MIB:.1f} MiB, in {', '.join(made.verified)}"
    )


@backups.command("list")
def show(home: Home = None) -> None:
    """Show the register: each backup, what it rests on, and where it was read back; and how far back they go."""
    settings = load_settings(home)
    known = asyncio.run(_known(settings))
    table = Table("backup", "kind", "rests on", "documents", "stored", "MiB", "state", "read back in", "missing in")
    for each in known:
        state = f"[{_COLOURS[each.state]}]{each.state}{f' {each.code}' if each.code else ''}[/]"
        figures = (str(each.documents), str(each.stored), f"{each.size / _MIB:.1f}")
        table.add_row(
            each.id, each.kind, each.base or "", *figures, state, ", ".join(each.verified), ", ".join(each.missing)
        )
    console = Console()
    console.print(table)
    usable = [each for each in known if each.usable]
    if usable:
        console.print(f"horizon: copies of the data since {utc(usable[0].made_at)} may still exist in "
                      f"{', '.join(place.name for place in known_places(settings))}")  # fmt: skip


@backups.command("due")
def due(
    *,
    quiet: Annotated[bool, typer.Option("--no-alert", help="Only show; put nothing on archive.alerts.")] = False,
    home: Home = None,
) -> None:
    """Tell of missed and failed backups, and raise each once on archive.alerts. Exit status 1 if there are any.

    The newest backup is read again with all that it rests on: one that cannot be restored is told as chain.
    """
    settings = load_settings(home)
    rules = rules_of(settings).book.backup
    now = int(time.time())
    known = asyncio.run(_known(settings))
    missed = missed_backups(known, rules.schedule, now=now)
    if (broken := _broken(settings, known)) is not None:
        missed.append(broken)
    if not quiet:
        asyncio.run(tell(kafka_of(settings), missed, now=now))
    show_missed(missed)
    if missed:
        raise DanganError("DG-BAK-035", detail=", ".join(sorted({each.what for each in missed})))


@backups.command("unseal")
def unseal(
    into: Annotated[Path, typer.Argument(help="A new folder: it gets the layout that mongorestore reads.")],
    name: Annotated[str | None, typer.Option("--backup", help="Which backup; by default the newest.")] = None,
    home: Home = None,
) -> None:
    """Open a backup, with all that it rests on, as plain BSON. Fields stay encrypted; keys are not in it."""
    settings = load_settings(home)
    check_folder(settings, into)

    async def act(told: OnProgress) -> int:
        async with desk(settings, role="restorer") as at:
            links = await find_chain(settings, at.database, name)
            async with at.attempt("restore", record=links[0].header.id):
                manifest = await open_into(settings, links, into, told)
            return sum(part.documents for part in manifest.collections.values())

    with bars() as shown:
        documents = asyncio.run(act(Told(shown)))
    typer.echo(f"{documents} documents in {into}")


def _broken(settings: Settings, known: list[Backup]) -> Missed | None:
    last = next((each for each in reversed(known) if each.usable), None)
    if last is None:
        return None
    link = broken_link(known_places(settings), last)
    return None if link is None else Missed("chain", last.made_at, link)


async def _plain(settings: Settings, to: Path, told: OnProgress) -> Path:
    async with desk(settings) as at, at.attempt("backup") as said:
        folder = await make_backup(at.database, to, now=int(time.time()), on_progress=told)
        manifest = await asyncio.to_thread((folder / "manifest.json").read_bytes)
        said["digest"] = hashlib.sha256(manifest).hexdigest()
        return folder


async def _known(settings: Settings) -> list[Backup]:
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        return await Backups(database).all()
