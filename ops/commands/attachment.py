"""``dangan attachment``: scans of papers into the archive, out of it again, and a list of what there is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ops import attachments
from ops.commands.keys import PassphraseFile, read_key_file
from ops.commands.request import with_archive
from ops.config import load_settings
from ops.delivery import check_delivery
from ops.printable import plain
from ops.publish.ids import RowIds
from schemas.errors import DanganError
from store.attachments import Attachment, Attachments
from store.database import connect

Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]
As = Annotated[Path, typer.Option("--as", help="Your key file.")]
Trusted = Annotated[Path | None, typer.Option("--trust", help="The trust file; HOME/trust.json by default.")]
RecordId = Annotated[str, typer.Argument(help="The record's id.")]
Name = Annotated[str, typer.Argument(help="The attachment's reference: opaque, never a name or a number of a person.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan attachment`` to the command line."""
    group = typer.Typer(
        help="Scans of papers (PDF, JPEG, PNG; up to 16 MiB), encrypted under their record's key.", no_args_is_help=True
    )
    for command, name in ((put, "put"), (get, "get"), (show_list, "list")):
        group.command(name)(command)
    app.add_typer(group, name="attachment")


def put(
    record: RecordId,
    name: Name,
    file: Annotated[Path, typer.Argument(help="The scan.")],
    kind: Annotated[str, typer.Option(help="A kind of the catalogue, for instance identity_paper.")],
    key: As,
    approval: Annotated[
        str | None, typer.Option(help="For a core-sensitive kind: the approval that covers it (dangan collection).")
    ] = None,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Attach a scan to a record. Doing it again is harmless: it goes on where it was interrupted."""
    scan = attachments.read_scan(file, record, name, kind, approval)
    keys = read_key_file(key, passphrase_file)
    with _progress("sending") as on_part:
        new = with_archive(
            load_settings(home),
            keys,
            trust,
            lambda archive: attachments.put(archive, scan, RowIds(keys.signing), on_part),
        )
    told = f"{record}: {name} is complete" if new else f"{record}: {name} was there before; nothing changed"
    Console().print(plain(told), soft_wrap=True)


def get(
    record: RecordId,
    name: Name,
    out: Annotated[Path, typer.Option(help="A new file; only you may read it.")],
    grant: Annotated[str, typer.Option(help="The grant under which you read.")],
    purpose: Annotated[str, typer.Option(help="The granted purpose.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Read an attachment under a grant. Each part is audited before it leaves the archive; the digest is checked."""
    if out.exists():
        raise DanganError("DG-ATT-014", field=str(out), detail="it exists")
    settings = load_settings(home)
    check_delivery(settings, out)
    with _progress("receiving") as on_part:
        kind, content = with_archive(
            settings,
            read_key_file(key, passphrase_file),
            trust,
            lambda archive: attachments.get(
                archive, record=record, name=name, grant=grant, purpose=purpose, on_part=on_part
            ),
        )
    attachments.write_scan(out, content)
    Console().print(plain(f"{out}: {kind}, {len(content):,} bytes; as archived"), soft_wrap=True)


def show_list(
    record: Annotated[str | None, typer.Option(help="Only this record's.")] = None,
    home: Home = None,
) -> None:
    """Show which attachments there are: references, kinds and sizes, which the store holds in clear; no content."""
    settings = load_settings(home)

    async def look() -> list[Attachment]:
        async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
            stored = Attachments(database)
            return await stored.of_record(record) if record else [each async for each in stored.scan()]

    table = Table("record", "attachment", "kind", "level", "parts", "bytes", "state")
    for each in asyncio.run(look()):
        size = f"{each.size:,}" if each.size else ""
        table.add_row(*map(plain, (each.record, each.name, each.kind, each.level, each.parts, size, each.state)))
    Console().print(table)


@contextmanager
def _progress(what: str) -> Iterator[attachments.Progress]:
    """A bar that is moved by (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
