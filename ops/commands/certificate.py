"""``dangan certificate``: what proves a destruction, shown, written as a paper, and verified."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from keys.certificate import certified_approvers, verify_certificate
from ops.config import load_settings
from ops.printable import plain
from ops.provision import trust_file
from ops.reports import write_report
from ops.reports.certificate import certificate_report
from schemas.certificate import Certificate
from schemas.errors import DanganError
from schemas.locales import LOCALES, nearest, of_environment
from schemas.settings import Settings
from schemas.trust import Trust, load_trust
from store.database import connect
from store.sweeps import Certificates

Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan certificate`` to the command line."""
    certificate = typer.Typer(help="Destruction certificates (销毁证明).", no_args_is_help=True)
    certificate.command("show")(show)
    certificate.command("verify")(verify)
    app.add_typer(certificate, name="certificate")


def show(
    what: Annotated[str, typer.Argument(help="A record's id, a certificate's serial, or a file that holds one.")],
    pdf: Annotated[Path | None, typer.Option(help="Write a paper to hand out: FILE.pdf.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write it as one page: FILE.html.")] = None,
    language: Annotated[str | None, typer.Option(help="Of the paper: en or zh-CN. By default that of errors.")] = None,
    organisation: Annotated[str, typer.Option(help="Whose paper it is; stands at its head.")] = "",
    trust: Annotated[Path | None, typer.Option(help="Trust file; by default this installation's own.")] = None,
    home: Home = None,
) -> None:
    """Print certificates (compact JWS, to be given out and verified anywhere), or write one as a paper.

    A paper is written only of a certificate that verifies; the certificate itself stands in it. A file needs no
    connection to anything:

    dangan certificate show FILE --trust trust.json --pdf paper.pdf --html paper.html --language zh-CN
    """
    if language is not None and not language.lower().startswith(("en", "zh")):
        raise typer.BadParameter(f"choose one of {', '.join(LOCALES)}", param_hint="--language")
    for path, ending in ((pdf, ".pdf"), (html, ".html")):
        if path is not None and path.suffix.lower() != ending:
            raise DanganError("DG-RPT-004", field=str(path))
    found = [_read(Path(what))] if Path(what).is_file() else asyncio.run(_find(load_settings(home), what))
    if not found:
        raise DanganError("DG-CER-004", detail=what)
    papers = [path for path in (pdf, html) if path is not None]
    if not papers:
        for jws in found:
            typer.echo(jws)
        return
    if len(found) > 1:
        raise DanganError("DG-RPT-006", field=what)
    spoken = nearest(language) if language else of_environment(os.environ)
    report = certificate_report(found[0], _trust(trust, home), datetime.now(UTC), organisation, spoken)
    for path in papers:
        write_report(report, path)
        Console().print(plain(f"wrote {path}"), soft_wrap=True)


async def _find(settings: Settings, what: str) -> list[str]:
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        by_serial = await Certificates(database).get(what)
        return [by_serial] if by_serial else await Certificates(database).of_record(what)


def _read(file: Path) -> str:
    try:
        return file.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise DanganError("DG-CER-001", detail=type(error).__name__) from None


def _trust(file: Path | None, home: Path | None) -> Trust:
    path = file or trust_file(load_settings(home))
    try:
        return load_trust(path.read_bytes())
    except OSError:
        raise DanganError("DG-RPT-005", field=str(path)) from None


def verify(
    file: Annotated[Path, typer.Argument(help="A certificate: one compact JWS.")],
    trust: Annotated[Path, typer.Option(help="The trust file, obtained from the archive in advance.")],
) -> None:
    """Verify a certificate with public keys alone, and show what it states. Needs no connection to anything."""
    try:
        trusted = trust.read_bytes()
    except OSError as error:
        raise DanganError("DG-CER-001", detail=type(error).__name__) from None
    certificate = verify_certificate(_read(file), load_trust(trusted))
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
