"""``dangan custody``: where every archive is, what belongs to it outside, auxiliary systems, terminals."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from consumers.rules import Rules
from ops.audit_archive.reading import archive_of
from ops.audited import Desk, stored_digest
from ops.commands.archive_views import Csv, Json, Limit
from ops.commands.arranging import As, Home, Policies, as_arranger
from ops.commands.keys import PassphraseFile
from ops.custody import auxiliary, videos
from ops.custody import checklist as outside
from ops.custody.ledger import LEDGER, ledger
from ops.custody.retrievals import refresh
from ops.listing import Form, put_out
from ops.printable import plain
from ops.registers import Book
from schemas.custody import TERMINALS
from schemas.registers import Entry, Said
from streams.kafka import kafka_of

Lines = AsyncGenerator[Mapping[str, str]]


def register(app: typer.Typer) -> None:
    """Add ``dangan custody`` with its subcommands to the command line."""
    group = typer.Typer(help="Custody (保管): where archives and what belongs to them are.", no_args_is_help=True)
    group.command("list")(list_archives)
    group.command("checklist", no_args_is_help=True)(checklist)
    group.command("absent", no_args_is_help=True)(absent)
    group.command("videos")(list_videos)
    group.command("auxiliary", no_args_is_help=True)(compare)
    group.command("terminal", no_args_is_help=True)(terminal)
    app.add_typer(group, name="custody")


def list_archives(
    key: As,
    record: Annotated[str | None, typer.Option(help="Only this record.")] = None,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """The custody ledger (保管台账): location, condition and last retrieval of every archive in the index."""

    async def act(at: Desk, _: Rules) -> int:
        await refresh(at.database, kafka_of(at.settings), archive_of(at.settings))
        return await _put(at, "custody ledger", LEDGER, ledger(at.database, record=record), Form(as_json, file, limit))

    as_arranger(home, key, passphrase_file, act)


def checklist(
    records: Annotated[list[str], typer.Argument(help="Records that are to be destroyed.")],
    key: As,
    enter: Annotated[bool, typer.Option("--enter", help="Enter known papers into the media ledger.")] = False,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """List the papers, media and copies that have to go with records."""

    async def act(at: Desk, _: Rules) -> int:
        if enter:
            await outside.enter_papers(at, records, now=_now())
        items = await outside.checklist(at.database, records)
        columns = ("record", "kind", "reference", "state", "done")

        async def lines() -> Lines:
            for item in items:
                yield {name: str(value) for name, value in asdict(item).items()}

        return await _put(at, "checklist", columns, lines(), Form(as_json, file, limit))

    as_arranger(home, key, passphrase_file, act)


def absent(
    record: Annotated[str, typer.Argument(help="The record.")],
    reason: Annotated[str, typer.Option(help="How that is known: a word or a file reference.")],
    witness: Annotated[str, typer.Option(help="The second person: a principal's id.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """State that a record has no paper counterpart."""

    async def act(at: Desk, _: Rules) -> Entry:
        return await outside.state_absence(at, record, reason=reason, witness=witness, now=_now())

    as_arranger(home, key, passphrase_file, act)
    Console().print(plain(f"{record} has no paper counterpart, as stated"))


def list_videos(
    key: As,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """List account openings that lack one of the two copies of their witness video (双人见证视频)."""

    async def act(at: Desk, rules: Rules) -> int:
        lines = videos.lacking(at.database, rules.book.storage)
        return await _put(at, "witness videos", videos.LACKING, lines, Form(as_json, file, limit))

    as_arranger(home, key, passphrase_file, act, policies)


def compare(
    held: Annotated[Path, typer.Argument(help="CSV or JSON Lines: what the system holds.")],
    system: Annotated[str, typer.Option(help="The auxiliary system's reference.")],
    key: As,
    column: Annotated[str, typer.Option(help="Where the record's reference stands.")] = "record",
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """List what an auxiliary system holds that the central archive does not have (集中保存)."""

    async def act(at: Desk, _: Rules) -> auxiliary.Compared:
        result = await auxiliary.compare(at, system, auxiliary.references(held, column), now=_now())

        async def lines() -> Lines:
            for each in result.absent:
                yield {"item": each, "finding": "absent from the centre"}
            for each in result.of_destroyed:
                yield {"item": each, "finding": "destroyed in the centre"}

        await put_out(Console(), f"{system} and the centre", ("item", "finding"), lines(), Form(as_json, file, limit))
        return result

    result = as_arranger(home, key, passphrase_file, act)
    told = f"{result.held} held, {result.absent_count} absent, {len(result.of_destroyed)} destroyed in the centre"
    Console(stderr=True).print(plain(told))


def terminal(
    reference: Annotated[str, typer.Argument(help="The terminal's reference, as its settings name it.")],
    zone: Annotated[str, typer.Option(help="Where it stands: the area's name.")],
    responsible: Annotated[str, typer.Option(help="Who answers for it: a principal's id.")],
    key: As,
    shared: Annotated[bool, typer.Option("--shared/--personal", help="Whether several people use it.")] = True,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Register a terminal; nothing of customers is saved on a shared one."""

    async def act(at: Desk, _: Rules) -> Entry:
        said: dict[str, Said] = {"zone": zone, "shared": shared, "responsible": responsible}
        return await Book(at, TERMINALS).begin(reference, "terminal", said, now=_now())

    entry = as_arranger(home, key, passphrase_file, act)
    Console().print(plain(f"{entry.id} is registered: {'shared' if entry.facts['shared'] else 'personal'}"))


async def _put(at: Desk, title: str, columns: Sequence[str], lines: Lines, form: Form) -> int:
    await at.record("query", verb="list", digest=stored_digest({"list": title}))
    return await put_out(Console(), title, columns, lines, form)


def _now() -> int:
    return int(time.time())
