"""``dangan audit archive``: old events from the topic to files that verify and prove alone."""

from __future__ import annotations

import asyncio
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ops.audit_archive.lock import only_run
from ops.audit_archive.manifest import Manifest, Segment, prunable, read_manifest, without, write_manifest
from ops.audit_archive.reading import default_archive
from ops.commands.audit_view import since_ms
from ops.config import load_settings
from schemas.errors import DanganError
from schemas.settings import Settings
from schemas.trust import load_trust
from streams.kafka import kafka_of

if TYPE_CHECKING:
    from ops.audit_archive.archiving import Archived

To = Annotated[Path | None, typer.Option(help="The archive's folder; by default HOME/audit-archive.")]
Home = Annotated[Path | None, typer.Option(help="Folder of the installation.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be deleted, and delete nothing.")]


def add(audit: typer.Typer) -> None:
    """Add the commands to ``dangan audit``."""
    audit.command()(archive)
    audit.command()(prune)


def archive(
    *,
    older_than: Annotated[str, typer.Option(help="Events before then: 90d, or an ISO time.")] = "90d",
    to: To = None,
    trim_topic: Annotated[
        bool, typer.Option("--trim-topic", help="Then delete from the topic what the archive holds.")
    ] = False,
    dry_run: DryRun = False,
    home: Home = None,
) -> None:
    """Write old audit events to packed files, with a manifest, their checkpoints and certificates.

    Archive and topic are verified together first; what does not verify is not archived. Proofs made before go on
    holding, and new ones are made with dangan audit prove --in FOLDER. Keep a copy of the folder elsewhere: with
    --trim-topic it is the only place where these events are.
    """
    settings = load_settings(home)
    folder = to or default_archive(settings)
    before = since_ms(older_than, time.time()) or 0
    if dry_run:
        _show(read_manifest(folder), ())
        return
    done = asyncio.run(_archive(settings, folder, before, trim_topic=trim_topic))
    _show(done.manifest, done.new)
    Console().print(f"{done.events} events verified, {sum(one.records for one in done.new)} records newly archived")


async def _archive(settings: Settings, folder: Path, before_ms: int, *, trim_topic: bool) -> Archived:
    from ops.audit_archive import archiving  # noqa: PLC0415 - pruning needs no Kafka client

    try:
        trust = load_trust((settings.home / "trust.json").read_bytes())
    except OSError as error:
        raise DanganError("DG-AUD-005", field="trust.json", detail=error.strerror) from error
    columns = (TextColumn("reading {task.completed} records"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=None)
        done = await archiving.archive(
            kafka_of(settings),
            folder,
            trust,
            before_ms=before_ms,
            advance=lambda count: progress.advance(task, count),
        )
    if trim_topic:
        await archiving.trim_topic(kafka_of(settings), folder)
    return done


def prune(
    *,
    to: To = None,
    dry_run: DryRun = False,
    home: Home = None,
) -> None:
    """Delete archived events that are older than audit.retention_years of the rule book, and note what went.

    A file goes only when no chain in it goes on in a file that stays.
    """
    from ops.rules import rules_of  # noqa: PLC0415 - archiving needs no policies

    settings = load_settings(home)
    folder = to or default_archive(settings)
    years = rules_of(settings).book.audit.retention_years
    with nullcontext() if dry_run or not folder.is_dir() else only_run(folder):
        manifest, now_ms = read_manifest(folder), int(time.time() * 1000)
        gone = prunable(manifest, now_ms=now_ms, years=years)
        if gone and not dry_run:
            write_manifest(folder, without(manifest, gone, now_ms=now_ms))
            for one in gone:
                (folder / one.name).unlink(missing_ok=True)
    _show(manifest, gone)
    verb = "would be deleted" if dry_run else "deleted"
    Console().print(f"{len(gone) or 'no'} files {verb}: every event is kept for {years} years", highlight=False)


def _show(manifest: Manifest, marked: tuple[Segment, ...]) -> None:
    table = Table("file", "partition", "offsets", "records", "from", "to", "SHA-256", title="Archive")
    for one in manifest.segments:
        table.add_row(
            one.name,
            str(one.partition),
            f"{one.first_offset}-{one.next_offset - 1}",
            str(one.records),
            _day(one.first_ms),
            _day(one.last_ms),
            one.sha256[:16],
            style="bold" if one in marked else None,
        )
    Console().print(table)


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")
