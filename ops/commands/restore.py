"""``dangan restore``: a backup's data back together with the newest keys."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ops.audit_replay import told_by_audit
from ops.audited import desk
from ops.backups.opening import find_chain, opened
from ops.backups.places import known_places
from ops.backups.showing import OnProgress, Told, bars
from ops.config import load_settings
from ops.registry import refuse_personal
from ops.restore import Report, Restore
from schemas.settings import Settings
from store.database import connect

Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]
_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add ``dangan restore`` to the command line."""
    app.command("restore")(restore)


def restore(
    into: Annotated[str, typer.Option(help="Name of a new database on the same server.")],
    source: Annotated[
        Path | None, typer.Option("--from", help="A plain copy: what backup unseal or backup --to made.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--backup", help="A sealed backup's id; by default the newest in the places.")
    ] = None,
    audit: Annotated[
        Path | None, typer.Option(help="An export of the audit stream, should the topic be out of reach.")
    ] = None,
    home: Home = None,
) -> None:
    """Join a backup's records with the current keys in a new database, next to the live one.

    Destroyed records stay destroyed. If the live database is lost, open the newest backup (dangan backup unseal) and
    load it in its place with mongorestore first: the key-page snapshots of the backup places are then the newest
    there are. What was destroyed, withdrawn or objected to since is taken from the audit stream, which is proved
    whole first, and destroyed or blocked again; legal holds, extensions and recalls too. What the stream knows of and
    cannot give back is listed: it has to be entered again.
    """
    if source is not None and name is not None:
        raise typer.BadParameter("give --from or --backup, not both", param_hint="--from")
    settings = load_settings(home)
    with bars() as shown:
        report = asyncio.run(_restore(settings, source, name, into, audit, Told(shown)))
    _show(report)
    if report.unreadable:
        raise typer.Exit(1)


def _show(report: Report) -> None:
    console = Console()
    console.print(f"restored {report.restored}, destroyed and left so {report.destroyed}, key pages {report.pages}")
    if report.unidentified:
        names = escape(", ".join(report.unidentified[:_SHOWN]))
        console.print(f"without the identity that an earlier record has {len(report.unidentified)}: {names}")
    for record in report.lost.held:
        console.print(f"held by the audit stream's word, see its papers: {escape(record)}")
    for each in report.lost.missing:
        console.print(f"[yellow]not brought back, to be entered again:[/] {escape(each)}")
    for each in report.lost.unsure:
        console.print(f"[yellow]done since the backup, look whether it is there:[/] {escape(each)}")
    if report.unreadable:
        names = escape(", ".join(report.unreadable[:_SHOWN]))
        console.print(f"[bold red]unreadable {len(report.unreadable)}[/]: {names}")


async def _restore(
    settings: Settings, source: Path | None, name: str | None, into: str, audit: Path | None, told: OnProgress
) -> Report:
    refuse_personal(into=into)
    async with (
        desk(settings, role="sweeper") as at,
        connect(settings.mongo_uri.get_secret_value(), into) as target,
        at.attempt("restore", record=into),
        AsyncExitStack() as scratch,
    ):
        if source is None:
            links = await find_chain(settings, at.database, name)
            source = await scratch.enter_async_context(opened(settings, links, told))
        said = await told_by_audit(settings, at.database, audit)
        return await Restore(source, at.database, target, at.transit, known_places(settings), told, said).run()
