"""``dangan duplicates`` shows what waits to be merged; ``dangan merge`` prepares and sends signed decisions (ARR-13).

Only references, versions and times are shown: to compare two records the deciders read both under a grant.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Column, Table

from ops.audited import desk
from ops.commands.keys import PassphraseFile
from ops.commands.request import As, Home, Trusted, ask
from ops.config import load_settings
from ops.printable import plain
from schemas.commands import Merge, Unmerge
from schemas.errors import DanganError
from store.merges import Merges, Standing, Waiting

T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan duplicates`` and ``dangan merge`` to the command line."""
    duplicates = typer.Typer(help="Duplicates of a customer's archive, and merges (合并).", no_args_is_help=True)
    duplicates.command("list")(waiting)
    duplicates.command("show")(show)
    app.add_typer(duplicates, name="duplicates")
    merge = typer.Typer(help="Merges and their undoing: prepare, have them signed, send.", no_args_is_help=True)
    merge.command("prepare")(prepare)
    merge.command("send")(send)
    app.add_typer(merge, name="merge")


def waiting(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Show at most this many, the oldest first.")] = 1000,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """List the duplicates that wait for a decision: collected of a customer who has an archive already.

    Nobody reads them but who reviews. An archive shown as destroyed cannot take its duplicate any more: have the
    duplicate destroyed too, and collect the customer again.
    """

    async def look(merges: Merges) -> list[Waiting]:
        found: list[Waiting] = []
        async for each in merges.waiting():
            if len(found) == limit:
                break
            found.append(each)
        return found

    found = _look(home, look)
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found]))
        return
    table = Table("duplicate", "version", "archive", "version", "purpose", "came")
    for each in found:
        archive = "destroyed" if each.of_version is None else str(each.of_version)
        table.add_row(*map(plain, (each.record, str(each.version), each.of, archive, each.purpose, _time(each.at_ms))))
    Console().print(table)


def show(
    record: Annotated[str, typer.Argument(help="A record's id.")],
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Show what a record is part of or consists of, what waits beside it, and every merge and undoing so far.

    The reasons are encrypted with the record; who may read its history reads them there.
    """
    standing = _standing(home, record)
    if as_json:
        told = {**asdict(standing), "parts": sorted(standing.parts), "waiting": sorted(standing.waiting)}
        typer.echo(json.dumps(told))
        return
    console = Console()
    for name, value in (
        ("record", standing.record),
        ("version", str(standing.version)),
        ("stage", standing.stage),
        ("purpose", standing.purpose),
        ("part of", standing.part_of),
        ("came as a duplicate of", standing.duplicate_of),
        ("parts", ", ".join(sorted(standing.parts))),
        ("waiting beside it", ", ".join(sorted(standing.waiting))),
    ):
        if value:
            console.print(plain(f"{name}: {value}"), soft_wrap=True)
    table = Table("act", Column("with", overflow="fold"), "when", "sent by", "signed by")
    for link in standing.links:
        cells = (link.kind, link.with_record, _time(link.at_ms), link.by, ", ".join(link.signed))
        table.add_row(*map(plain, cells))
    if standing.links:
        console.print(table)


def prepare(
    record: Annotated[str, typer.Argument(help="The archive that stays.")],
    duplicate: Annotated[str, typer.Argument(help="The record that becomes part of it; with --undo: leaves it.")],
    reason: Annotated[str, typer.Option(help="Why; without personal data.")],
    out: Annotated[Path, typer.Option(help="The request file to write.")],
    undo: Annotated[bool, typer.Option("--undo", help="Undo a merge instead.")] = False,
    home: Home = None,
) -> None:
    """Write a merge request for the versions that both records have now, to be signed with dangan approve.

    If one of them changes before it is sent, the request is refused and has to be prepared and signed anew.
    """
    versions = [_standing(home, name).version for name in (record, duplicate)]
    members = {
        "id": str(uuid.uuid4()),
        "type": "unmerge" if undo else "merge",
        "record": record,
        "duplicate": duplicate,
        "from_version": versions[0],
        "duplicate_version": versions[1],
        "reason": reason,
    }
    _valid(members, ())
    out.write_text(json.dumps(members, indent=1, ensure_ascii=False) + "\n", "utf-8")
    told = f"wrote {out}; next, by each post that signs: dangan approve {out} --requester YOU --key KEYFILE"
    Console().print(plain(told), soft_wrap=True)


def send(
    request: Annotated[Path, typer.Argument(help="The request file.")],
    key: As,
    approval: Annotated[list[Path] | None, typer.Option(help="A file with a post's approval; repeatable.")] = None,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; send nothing.")] = False,
    home: Home = None,
) -> None:
    """Send a signed merge request, or its undoing. Sending it again is harmless."""
    try:
        parts = json.loads(request.read_text("utf-8"))
        signed = tuple(file.read_text("ascii").strip() for file in approval or ())
    except (OSError, ValueError) as error:
        raise DanganError("DG-OPS-035", detail=type(error).__name__) from None
    command = _valid(parts, signed)
    verb = "joins" if command.type == "merge" else "leaves"
    said = f"{command.duplicate} {verb} {command.record}; nothing is moved or encrypted anew"
    if dry_run:
        Console().print(plain(f"would be sent: {said}"), soft_wrap=True)
        return
    members = command.model_dump(mode="json", exclude={"id", "type"})
    result = ask(
        load_settings(home), key, passphrase_file, trust, lambda to: to.publish(command.type, members, command.id)
    )
    Console().print(plain(f"{said}; {command.record} is at version {result.version}"), soft_wrap=True)


def _valid(members: Any, approvals: tuple[str, ...]) -> Merge | Unmerge:
    try:
        model = Unmerge if members["type"] == "unmerge" else Merge
        return model.model_validate({**members, "approvals": approvals})
    except (ValidationError, TypeError, KeyError) as error:
        place = error.errors()[0]["loc"] if isinstance(error, ValidationError) else "not a merge request"
        raise DanganError("DG-OPS-035", detail=str(place)) from None


def _standing(home: Path | None, record: str) -> Standing:
    found = _look(home, lambda merges: merges.standing(record), record=record)
    if found is None:
        raise DanganError("DG-MRG-002", detail=record)
    return found


def _look(home: Path | None, look: Callable[[Merges], Awaitable[T]], *, record: str | None = None) -> T:
    """Look at the links; the audit stream names the look before it happens."""

    async def run() -> T:
        async with desk(load_settings(home)) as at:
            await at.record("query", record=record)
            return await look(Merges(at.database))

    return asyncio.run(run())


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
