"""``dangan publish``: a file of customers into the archive, and a file with what became of each row."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
from rich.table import Table as RichTable
from rich.text import Text

from keys.principal_keys import PrincipalKeys
from ops.commands.keys import PassphraseFile, read_key_file
from ops.config import load_settings
from ops.printable import plain
from ops.provision import trust_file
from ops.publish.example import write_example
from ops.publish.ids import RowIds
from ops.publish.mapping import RowMapper, load_mapping, row_mapper
from ops.publish.reading import Table, read_table
from ops.publish.results import SETTLED, ResultFile
from ops.publish.run import check_rows, publish_rows
from ops.rules import rules_of
from schemas.errors import DanganError
from schemas.settings import Settings
from schemas.trust import load_trust
from streams.kafka import kafka_of
from streams.publisher import Publisher

_MEANING = {
    "accepted": "stored",
    "duplicate": "stored before; nothing changed",
    "refused": "not stored: a rule forbids it",
    "failed": "no answer; publish the file again",
    "valid": "would be sent",
}


#: Exit status of a command that Ctrl-C ended.
_INTERRUPTED = 130


def register(app: typer.Typer) -> None:
    """Add ``dangan publish`` to the command line."""
    app.command("publish")(publish)


def _example(folder: Path | None) -> None:
    if folder is not None:
        mapping, table = write_example(folder)
        told = f"wrote {mapping} and {table}; try: dangan publish {table} --map {mapping} --as YOUR.key --dry-run"
        Console().print(plain(told), soft_wrap=True)
        raise typer.Exit


def publish(
    file: Annotated[Path, typer.Argument(help="CSV, JSON Lines (.jsonl) or Excel (.xlsx); one row a record.")],
    key_file: Annotated[Path, typer.Option("--as", help="Key file of who publishes (dangan keys new).")],
    home: Annotated[Path | None, typer.Option(help="The installation's folder.")] = None,
    mapping_file: Annotated[Path | None, typer.Option("--map", help="TOML file: columns, purpose, ids.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Purpose of the catalogue.")] = None,
    legal_basis: Annotated[
        str | None, typer.Option(help="consent, contract, legal_duty, vital_interest or public_duty.")
    ] = None,
    record_id: Annotated[str | None, typer.Option(help="Column that holds opaque record ids.")] = None,
    record_id_from: Annotated[
        str | None, typer.Option(help="Column to derive record ids from (HMAC; its values are not shown).")
    ] = None,
    subject: Annotated[str | None, typer.Option(help="Column that holds opaque subject ids.")] = None,
    subject_from: Annotated[str | None, typer.Option(help="Column to derive subject ids from.")] = None,
    ids_as: Annotated[
        Path | None, typer.Option(help="Key file that ids derive from, if not --as (after a key change).")
    ] = None,
    bundle: Annotated[int, typer.Option(min=1, max=256, help="Records in one sealed message.")] = 50,
    result: Annotated[Path | None, typer.Option(help="Result file (CSV); an existing one is continued.")] = None,
    trust: Annotated[Path | None, typer.Option(help="Trust file; the installation's by default.")] = None,
    passphrase_file: PassphraseFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, send nothing.")] = False,
    _template: Annotated[
        Path | None,
        typer.Option(
            "--template", callback=_example, is_eager=True, help="Write an example mapping and table here, and end."
        ),
    ] = None,
) -> None:
    """Publish every row of a file; exit 1 if a row was refused or went unanswered.

    With --result each row's answer is written down. After an interruption run the same command again: rows that
    were settled are not sent again, and none is stored twice.
    """
    settings = load_settings(home)
    keys = read_key_file(key_file, passphrase_file)
    id_keys = read_key_file(ids_as, passphrase_file) if ids_as else keys
    options = {
        "purpose": purpose,
        "legal_basis": legal_basis,
        "record_id": record_id,
        "record_id_from": record_id_from,
        "subject": subject,
        "subject_from": subject_from,
    }
    console = Console()
    plan = load_mapping(mapping_file, options)
    with console.status("looking the file through"):
        table = read_table(file)
    catalogue = rules_of(settings).catalogue
    mapper = row_mapper(plan, RowIds(id_keys.signing), table.columns, catalogue.fields)
    catalogue.purpose(plan.purpose)
    ended: DanganError | None = None
    interrupted = False
    with ResultFile(result) as results:
        with _progress(console) as progress:
            task = progress.add_task("checking" if dry_run else "publishing", total=table.rows)
            try:
                if dry_run:
                    check_rows(table, mapper, results, lambda: progress.advance(task))
                else:
                    publisher = _publisher(keys, settings, trust or trust_file(settings), bundle)
                    asyncio.run(_publish(publisher, table, mapper, results, lambda: progress.advance(task)))
            except KeyboardInterrupt:
                interrupted = True
            except DanganError as error:
                ended = error
        console.print(_totals(results))
    if interrupted:
        console.print("interrupted; run the same command with the same --result to go on", soft_wrap=True)
        raise typer.Exit(_INTERRUPTED)
    if ended is not None:
        raise ended
    if results.totals.keys() - SETTLED - {"valid"}:
        raise typer.Exit(1)


async def _publish(
    publisher: Publisher, table: Table, mapper: RowMapper, results: ResultFile, on_row: Callable[[], None]
) -> None:
    async with publisher:
        await publish_rows(table, mapper, publisher, results, on_row)


def _publisher(keys: PrincipalKeys, settings: Settings, trust: Path, bundle: int) -> Publisher:
    try:
        trusted = load_trust(trust.read_bytes())
    except OSError as error:
        raise DanganError("DG-WIR-017", field=str(trust), detail="there is no trust file") from error
    kafka = kafka_of(settings)
    return Publisher(
        kafka.servers,
        kafka=kafka.security,
        principal=keys.principal,
        signing_key=keys.signing,
        receiving_key=keys.receiving,
        trust=trusted,
        bundle_commands=bundle,
        instance=keys.instance,
    )


class _Speed(ProgressColumn):
    """Rows a second; rich's own column shows a speed only where the end is not known."""

    def render(self, task: Task) -> Text:
        """The speed, or nothing before there is one."""
        return Text(f"{task.speed:,.0f} rows/s" if task.speed else "", style="progress.data.speed")


def _progress(console: Console) -> Progress:
    return Progress(
        "{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        _Speed(),
        TimeRemainingColumn(),
        console=console,
    )


def _totals(results: ResultFile) -> RichTable:
    table = RichTable(title="Rows")
    table.add_column("status")
    table.add_column("rows", justify="right")
    table.add_column("meaning")
    for status, rows in sorted(results.totals.items()):
        table.add_row(plain(status), f"{rows:,}", _MEANING.get(status, ""))
    return table
