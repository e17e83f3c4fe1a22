"""``dangan sweep`` destroys old key versions; ``dangan certificate`` shows and verifies what that proves."""

from __future__ import annotations

import asyncio
import hashlib
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Column, Table

from keys.certificate import certified_approvers, verify_certificate
from keys.vault import Transit
from ops.audited import Desk, desk
from ops.backups.places import listed_places
from ops.config import load_settings
from ops.destruction import ROOTS, Destruction, Outcome, Plan
from ops.ingest_keys import announce_destroyed, drained, rotate
from ops.printable import plain
from ops.private_files import private
from schemas.certificate import Certificate
from schemas.errors import DanganError
from schemas.settings import Settings
from schemas.trust import load_trust
from store.database import connect
from store.ingest_keys import IngestKeys
from store.sweeps import Certificates

Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan sweep`` and ``dangan certificate`` to the command line."""
    app.command("sweep")(sweep)
    certificate = typer.Typer(help="Destruction certificates (销毁证明).", no_args_is_help=True)
    certificate.command("show")(show)
    certificate.command("verify")(verify)
    app.add_typer(certificate, name="certificate")


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
        Transit(settings.vault_addr, private(settings.token_file("admin")), mount=settings.transit_mount) as admin,
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
        Transit(settings.vault_addr, private(settings.token_file("sweeper")), mount=settings.transit_mount) as transit,
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


def show(
    record: Annotated[str, typer.Argument(help="A record's id, or a certificate's serial.")],
    home: Home = None,
) -> None:
    """Print the certificates of a destroyed record: compact JWS, to be given out and verified anywhere."""

    async def find(settings: Settings) -> list[str]:
        async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
            by_serial = await Certificates(database).get(record)
            return [by_serial] if by_serial else await Certificates(database).of_record(record)

    found = asyncio.run(find(load_settings(home)))
    if not found:
        raise DanganError("DG-CER-004", detail=record)
    for jws in found:
        typer.echo(jws)


def verify(
    file: Annotated[Path, typer.Argument(help="A certificate: one compact JWS.")],
    trust: Annotated[Path, typer.Option(help="The trust file, obtained from the archive in advance.")],
) -> None:
    """Verify a certificate with public keys alone, and show what it states. Needs no connection to anything."""
    try:
        texts = trust.read_bytes(), file.read_text("ascii")
    except (OSError, ValueError) as error:
        raise DanganError("DG-CER-001", detail=type(error).__name__) from None
    certificate = verify_certificate(texts[1], load_trust(texts[0]))
    console = Console()
    console.print(_statement(certificate))
    console.print(_roots(certificate))
    for each in certificate.roots:
        console.print(plain(f"{each.root}: asked to go back, Vault answered: {each.lowering_refused}"))
    for place in certificate.horizon:
        until = _time(place.until) if place.until is not None else "an unknown date"
        console.print(plain(f"may still hold {place.holds}: {place.place}, until {until}"))
    for residual in certificate.residuals:
        console.print(plain(f"not covered: {residual}"))
    console.print(
        "[bold green]The signature is good, the approvals verify, and the statement does not contradict itself.[/]"
    )


def _statement(certificate: Certificate) -> Table:
    names = ", ".join(record.id for record in certificate.records[:5])
    more = len(certificate.records) - 5
    table = Table("certificate", certificate.serial, title="Destruction certificate 销毁证明")
    for name, value in (
        ("records", f"{names} and {more} more" if more > 0 else names),
        ("forgotten", _time(max(record.forgotten_at for record in certificate.records))),
        ("ground", certificate.ground),
        ("requested by", certificate.requester),
        ("command", certificate.command),
        ("reason", certificate.reason),
        ("approved by", ", ".join(who.id for who in certified_approvers(certificate))),
        ("old page keys refused by Vault", str(sum(len(keys.sha256) for keys in certificate.refused_keys))),
        ("ingest keys destroyed", str(len(certificate.ingest_keys_destroyed))),
        ("no worker's memory after", _time(certificate.caches_empty_at)),
        ("issued", _time(certificate.issued_at)),
    ):
        table.add_row(name, plain(value))
    return table


def _roots(certificate: Certificate) -> Table:
    root = Column("root", no_wrap=True)
    table = Table(root, "destroyed up to", "oldest left", "trimmed", "copies of what lives")
    for each in certificate.roots:
        copies = ", ".join(copy.place for copy in each.copies)
        table.add_row(
            plain(each.root), str(each.before), str(each.min_available), _time(each.trimmed_at), plain(copies)
        )
    return table


def _time(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
