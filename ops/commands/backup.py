"""``dangan backup`` and ``dangan restore``: the data apart from its keys, and back together with the newest ones."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from keys.places import DirectoryPlace
from ops.audit_replay import told_by_audit
from ops.audited import desk
from ops.backup import make_backup
from ops.config import load_settings
from ops.registry import refuse_personal
from ops.restore import Report, Restore
from schemas.settings import Settings
from store.database import connect

Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]
OnProgress = Callable[[str, int, int | None], None]
_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add ``dangan backup`` and ``dangan restore`` to the command line."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    to: Annotated[Path, typer.Option(help="Folder that takes the backup, in a folder of its own.")],
    home: Home = None,
) -> None:
    """Copy the database, as mongodump would. What is destroyed later cannot be read from the copy any more."""
    settings = load_settings(home)

    async def act(told: OnProgress) -> Path:
        async with desk(settings) as at, at.attempt("backup") as said:
            folder = await make_backup(at.database, to, now=int(time.time()), on_progress=told)
            said["digest"] = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
            return folder

    with _bars() as bars:
        folder = asyncio.run(act(_Told(bars)))
    typer.echo(str(folder))


def restore(
    source: Annotated[Path, typer.Option("--from", help="A folder that dangan backup made.")],
    into: Annotated[str, typer.Option(help="Name of a new database on the same server.")],
    audit: Annotated[
        Path | None, typer.Option(help="An export of the audit stream, should the topic be out of reach.")
    ] = None,
    home: Home = None,
) -> None:
    """Join a backup's records with the current keys in a new database, next to the live one.

    Destroyed records stay destroyed. If the live database is lost, load the newest backup in its place with
    mongorestore first: the key-page snapshots of the backup places are then the newest there are. What was
    destroyed, withdrawn or objected to since is taken from the audit stream, which is proved whole first, and
    destroyed or blocked again.
    """
    settings = load_settings(home)
    with _bars() as bars:
        report = asyncio.run(_restore(settings, source, into, audit, _Told(bars)))
    _show(report)
    if report.unreadable:
        raise typer.Exit(1)


def _show(report: Report) -> None:
    console = Console()
    console.print(f"restored {report.restored}, destroyed and left so {report.destroyed}, key pages {report.pages}")
    if report.unidentified:
        names = escape(", ".join(report.unidentified[:_SHOWN]))
        console.print(f"without the identity that an earlier record has {len(report.unidentified)}: {names}")
    if report.unreadable:
        names = escape(", ".join(report.unreadable[:_SHOWN]))
        console.print(f"[bold red]unreadable {len(report.unreadable)}[/]: {names}")


async def _restore(settings: Settings, source: Path, into: str, audit: Path | None, told: OnProgress) -> Report:
    refuse_personal(into=into)
    async with (
        desk(settings, role="sweeper") as at,
        connect(settings.mongo_uri.get_secret_value(), into) as target,
        at.attempt("restore", record=into),
    ):
        places = [DirectoryPlace(place) for place in settings.backup_places]
        said = await told_by_audit(settings, at.database, audit)
        return await Restore(source, at.database, target, at.transit, places, told, said).run()


def _bars() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


class _Told:
    """One bar for each collection."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, name: str, done: int, total: int | None) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total)
        self._bars.update(self._tasks[name], completed=done, total=total)
