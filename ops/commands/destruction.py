"""``dangan sweep`` destroys old key versions; what that proves is in :mod:`ops.commands.certificate`."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table

from keys.vault import transit_of
from ops.audited import Desk, desk
from ops.backups.places import listed_places
from ops.commands.certificate import register as register_certificate
from ops.config import load_settings
from ops.destruction import ROOTS, Destruction, Outcome, Plan
from ops.ingest_keys import announce_destroyed, drained, rotate
from ops.private_files import private
from schemas.errors import DanganError
from schemas.settings import Settings
from store.database import connect
from store.ingest_keys import IngestKeys

Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan sweep`` and ``dangan certificate`` to the command line."""
    app.command("sweep")(sweep)
    register_certificate(app)


def sweep(
    root: Annotated[list[str] | None, typer.Option(help="core, sensitive, basic or ingest; may be repeated.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every root: what certificates need.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")] = False,
    rotate_ingest: Annotated[
        bool, typer.Option("--rotate-ingest", help="Retire the active ingest key first: for an urgent destruction.")
    ] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Go on with the sweep of a sweeper that died, before its lease ends.")
    ] = False,
    home: Home = None,
) -> None:
    """Move all keys to new root versions, copy them to the backup places, then have Vault destroy the old versions.

    After it no old copy of the database or of Kafka's log can be read for what was forgotten. It may be
    interrupted anywhere and run again.
    """
    if not root and not everything:
        raise DanganError("DG-SWP-010", field="--root")
    roots = tuple(ROOTS) if everything else tuple(root or ())
    settings = load_settings(home)
    if dry_run:
        _show_plan(settings, asyncio.run(_plan(settings, roots)))
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        outcome = asyncio.run(_sweep(settings, roots, rotate_ingest, take_over, Bars(bars)))
    _show_outcome(outcome)


class Bars:
    """One progress bar for each thing that the sweep reports."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Show how far it is."""
        root = what.split(":", 1)[0]
        if root not in self._tasks:
            self._tasks[root] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[root], description=what, completed=done, total=total)


async def _sweep(settings: Settings, roots: tuple[str, ...], rotating: bool, force: bool, bars: Bars) -> Outcome:
    async with (
        desk(settings, role="sweeper") as at,
        transit_of(settings, private(settings.token_file("admin"))) as admin,
        at.attempt("sweep"),
    ):
        keys, now, gone = IngestKeys(at.database), int(time.time()), set[str]()
        if "ingest" in roots:
            if rotating:
                await at.record("key", verb="rotate")
                await rotate(settings, admin, keys, now=now)
            bars("ingest keys: waiting until they are drained", 0, None)
            gone = await drained(settings, keys)
        outcome = await Destruction(settings, at.database, at.transit).sweep(
            roots, drained=gone, force=force, on_progress=bars
        )
        await _record_outcome(at, outcome)
        if gone:
            await announce_destroyed(settings, admin, list((await keys.get(gone)).values()), now=now)
        return outcome


async def _record_outcome(at: Desk, outcome: Outcome) -> None:
    """An event for every root that was trimmed, and for every certificate; behind the deed, which cannot be undone."""
    for swept in outcome.sweeps:
        await at.record("sweep", verb="trim", record=swept.root, version=swept.target)
    for serial, certificate in outcome.certificates.items():
        digest = hashlib.sha256(certificate.encode()).hexdigest()
        await at.record("sweep", verb="certify", record=serial, digest=digest)


async def _plan(settings: Settings, roots: tuple[str, ...]) -> list[Plan]:
    async with (
        connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database,
        transit_of(settings, private(settings.token_file("sweeper"))) as transit,
    ):
        return await Destruction(settings, database, transit).plan(roots)


def _show_plan(settings: Settings, plans: list[Plan]) -> None:
    table = Table("root", "version now", "keys to move", "records waiting for it", "interrupted after")
    for plan in plans:
        table.add_row(plan.root, str(plan.latest_version), str(plan.keys), str(plan.waiting), plan.interrupted_at or "")
    console = Console()
    console.print(table)
    for place in listed_places(settings).place:
        console.print(f"copies of the keys would go to {place.name}")


def _show_outcome(outcome: Outcome) -> None:
    table = Table("root", "versions destroyed up to", "oldest version now", "keys copied", "places")
    for done in outcome.sweeps:
        copied = done.copies[0].keys if done.copies else 0
        table.add_row(done.root, str(done.base), str(done.target), str(copied), str(len(done.copies)))
    console = Console()
    console.print(table)
    for serial in outcome.certificates:
        console.print(f"certificate {serial}")
    if not outcome.certificates:
        console.print("no certificates: nothing that was forgotten has all its roots swept by this")
