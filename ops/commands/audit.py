"""``dangan audit``: follow the audit stream, export it, and verify that nobody changed it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from ops.audit_archive.reading import archive_of, feed_archive, feed_stream, is_archive, size_of, without_pruned
from ops.audit_files import feed_file, notes_of, read_kept, write_export, write_kept
from ops.commands import audit_archive, audit_people, audit_proof, audit_reconcile
from ops.commands.audit_view import Wanted, line_of, read_event, since_ms
from ops.config import load_settings
from ops.printable import plain
from schemas.errors import DanganError
from schemas.settings import Settings
from schemas.topics import AUDIT
from schemas.trust import Trust, load_trust
from streams.audit.checkpoint import Checkpoint
from streams.audit.findings import Finding, Report
from streams.audit.verify import Verifier
from streams.kafka import kafka_of

if TYPE_CHECKING:
    from streams.audit.reader import Entry

Home = Annotated[Path | None, typer.Option(help="Folder of the installation.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


class Outcome(StrEnum):
    """What an event may tell."""

    ALLOWED = "allowed"
    REFUSED = "refused"


def register(app: typer.Typer) -> None:
    """Add ``dangan audit`` to the program."""
    audit = typer.Typer(help="Follow, export and verify the audit stream.", no_args_is_help=True)
    audit.command()(tail)
    audit.command()(verify)
    audit.command()(export)
    audit_proof.add(audit)
    audit_people.add(audit)
    audit_reconcile.add(audit)
    audit_archive.add(audit)
    app.add_typer(audit, name="audit")


def tail(
    *,
    follow: Annotated[bool, typer.Option(help="Go on with what comes.")] = True,
    since: Annotated[str, typer.Option(help="10m, 2h, 3d, an ISO time, or start.")] = "10m",
    actor: Annotated[str | None, typer.Option(help="Only this principal's.")] = None,
    record: Annotated[str | None, typer.Option(help="Only about this record.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this action, for instance access.")] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only these.")] = None,
    refused: Annotated[bool, typer.Option("--refused", help="Only refusals: --outcome refused.")] = False,
    verb: Annotated[str | None, typer.Option(help="Only this deed, for instance give or trim.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Only for this purpose.")] = None,
    grant: Annotated[str | None, typer.Option(help="Only under this grant.")] = None,
    code: Annotated[str | None, typer.Option(help="Only refusals with this code.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show audit events, one a line, as they come."""
    settings = load_settings(home)
    outcome = Outcome.REFUSED if refused else outcome
    allowed = None if outcome is None else outcome is Outcome.ALLOWED
    wanted = Wanted(actor, record, action, allowed, verb, purpose, grant, code)
    begin = since_ms(since, time.time())
    Console(stderr=True).print("Events as they stand on the topic, not verified; to verify: dangan audit verify")
    try:
        asyncio.run(_tail(settings, begin, wanted, follow=follow, as_json=as_json))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


async def _tail(settings: Settings, begin: int | None, wanted: Wanted, *, follow: bool, as_json: bool) -> None:
    from streams.audit.reader import open_topic  # noqa: PLC0415 - verifying a file needs no Kafka client

    console = Console()
    async with open_topic(kafka_of(settings), AUDIT, since_ms=begin) as topic:
        async for entries in topic.forever() if follow else topic.to_the_end():
            for entry in entries:
                event = read_event(entry.value)
                if event is None or not wanted(event):
                    continue
                if as_json:
                    sys.stdout.write(entry.value.decode() + "\n")
                    sys.stdout.flush()
                else:
                    console.print(line_of(event), soft_wrap=True, highlight=False)


def verify(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Exports and archives, in order; none: archive and topic."),
    ] = None,
    *,
    trust: Annotated[Path | None, typer.Option(help="Trust file; by default HOME/trust.json.")] = None,
    checkpoints: Annotated[
        Path | None,
        typer.Option(help="Checkpoints kept elsewhere; by default, for the topic, the database's."),
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Prove that no event was altered, dropped or reordered, or say where. Exit status 1 if one was."""
    settings = load_settings(home)
    known = _trust_in(trust or settings.home / "trust.json")
    kept = read_kept(checkpoints) if checkpoints else []
    with _progress(as_json) as progress:
        if files:
            report = _verify_files(Verifier(known, kept), files, progress)
        else:
            report = asyncio.run(_verify_topic(settings, known, kept or None, progress))
    compared = bool(kept) or not files
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(_as_dict(report, compared=compared)) + b"\n")
    else:
        _show(report, Console(), compared=compared)
    if report.findings:
        raise typer.Exit(1)


def _verify_files(verifier: Verifier, files: Iterable[Path], progress: Progress) -> Report:
    paths = list(files)
    for path in paths:
        if not (path.is_file() or is_archive(path)):
            raise DanganError("DG-AUD-005", field=str(path), detail="there is no such file")
    advance = _advance(progress, sum(size_of(path) if path.is_dir() else path.stat().st_size for path in paths))
    broken: list[Finding] = []
    for path in paths:
        if path.is_dir():
            broken += feed_archive(verifier, path, advance)
        else:
            feed_file(verifier, path, advance)
    return _with(verifier.finish(), broken)


async def _verify_topic(settings: Settings, trust: Trust, kept: list[Checkpoint] | None, progress: Progress) -> Report:
    # The kept checkpoints first, the end of the topic after them: what was kept must be in what is read.
    verifier = Verifier(trust, await _kept_in_database(settings, trust) if kept is None else kept)
    advance = _advance(progress, None)
    broken = await feed_stream(verifier, kafka_of(settings), archive_of(settings), advance)
    return _with(verifier.finish(), broken)


def _with(report: Report, broken: Iterable[Finding]) -> Report:
    report.findings[:0] = broken
    return report


def export(
    out: Annotated[Path, typer.Option(help="New file: one event or checkpoint a line, or a Parquet table.")],
    *,
    checkpoints: Annotated[
        Path | None, typer.Option(help="New file for the newest checkpoint of every writer.")
    ] = None,
    since: Annotated[str, typer.Option(help="Written from then on: 2h, 30d, an ISO time, or start.")] = "start",
    until: Annotated[str | None, typer.Option(help="Written before then: 2h, 30d, or an ISO time.")] = None,
    parquet: Annotated[bool, typer.Option("--parquet", help="A table (Parquet) of the events instead.")] = False,
    home: Home = None,
) -> None:
    """Write the audit stream to a file (NDJSON) that ``verify`` and any log tool can read.

    A part by time is for log tools: a chain that lacks its beginning does not verify. What was archived and deleted
    from the topic is in HOME/audit-archive. With --parquet a row for each event, for analysis; its column value holds
    the event as it stands on the topic.
    """
    settings = load_settings(home)
    now = time.time()
    span = since_ms(since, now), None if until is None else since_ms(until, now)
    with _progress(quiet=False) as progress:
        count = asyncio.run(_export(settings, out, checkpoints, span, progress, parquet=parquet))
    Console().print(f"{count} records in {out}", highlight=False, markup=False)


async def _export(
    settings: Settings,
    out: Path,
    checkpoints: Path | None,
    span: tuple[int | None, int | None],
    progress: Progress,
    *,
    parquet: bool,
) -> int:
    from streams.audit.reader import open_topic  # noqa: PLC0415 - verifying a file needs no Kafka client

    begin, end = span
    if checkpoints is not None:
        write_kept(await _kept_in_database(settings), checkpoints)
    async with open_topic(kafka_of(settings), AUDIT, since_ms=begin) as topic:
        batches, advance = _before(topic.to_the_end(), end), _advance(progress, topic.total)
        if parquet:
            from ops.audit_parquet import write_parquet  # noqa: PLC0415 - a large library, in an extra

            return await write_parquet(batches, out, advance)
        return await write_export(batches, out, advance)


async def _before(batches: AsyncIterable[list[Entry]], end: int | None) -> AsyncIterator[list[Entry]]:
    async for entries in batches:
        yield entries if end is None else [entry for entry in entries if entry.at_ms < end]


async def _kept_in_database(settings: Settings, trust: Trust | None = None) -> list[Checkpoint]:
    """What the database keeps; with the trust, without writers that were pruned."""
    from store.checkpoints import Checkpoints  # noqa: PLC0415 - verifying a file needs no database
    from store.database import connect  # noqa: PLC0415

    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        kept = [one async for one in Checkpoints(database).all()]
    if trust is not None:
        kept = without_pruned(kept, archive_of(settings), trust, now=time.time())
    return notes_of(kept)


def _trust_in(path: Path) -> Trust:
    try:
        return load_trust(path.read_bytes())
    except OSError as error:
        raise DanganError("DG-AUD-005", field=str(path), detail=error.strerror) from error


def _progress(quiet: bool) -> Progress:
    columns = (TextColumn("reading"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=quiet, transient=True)


def _advance(progress: Progress, total: int | None) -> Callable[[int], None]:
    task = progress.add_task("reading", total=total)
    return lambda done: progress.advance(task, done)


def _as_dict(report: Report, *, compared: bool) -> dict[str, object]:
    return {
        "verified": not report.findings,
        "events": report.events,
        "checkpoints": report.checkpoints,
        "duplicates": report.duplicates,
        "ends_compared_with_kept_checkpoints": compared,
        "writers": [summary._asdict() for summary in report.writers],
        "findings": [finding.as_dict() for finding in report.findings],
        "more_findings": report.more_findings,
    }


def _show(report: Report, console: Console, *, compared: bool) -> None:
    if report.findings:
        table = Table("what", "writer", "events", "place", "how", title="Audit records do not verify")
        for found in report.findings:
            events = "" if found.first < 0 else f"{found.first}-{found.last}"
            place = str(found.place) if found.place else "not in the records"
            cells = (found.kind.value, found.writer or "?", events, place, found.detail)
            table.add_row(*map(plain, cells))
        console.print(table)
        if report.more_findings:
            console.print(f"... and {report.more_findings} more findings")
    console.print(
        f"{report.events} events in {len(report.writers)} chains, {report.checkpoints} checkpoints, "
        f"{report.duplicates} exact repetitions: {len(report.findings) or 'no'} findings",
        highlight=False,
    )
    if not compared:
        console.print("Without --checkpoints, a chain cut off right behind a checkpoint cannot be noticed.")
