"""``dangan intake``: where new records stand, what is overdue, objections, custodians, transfer confirmations.

Facts about records only: nothing here opens their content. Its requests are in ops/commands/intake_requests.py.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Column, Table

from ops import intakes
from ops.audited import Desk, desk
from ops.commands import intake_requests
from ops.commands.keys import PassphraseFile, read_key_file
from ops.config import load_settings
from ops.operators import operator_of
from ops.printable import plain
from ops.rules import rules_of
from schemas.rulebook import RuleBook
from store.intake_notes import IntakeNotes
from store.intakes import Intakes

T = TypeVar("T")
Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]
As = Annotated[Path, typer.Option("--as", help="Your key file.")]
Policies = Annotated[Path | None, typer.Option(help="Folder with rules.toml and catalogue.toml, as the workers have.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Reason = Annotated[str, typer.Option(help="Why; without personal data.")]
RecordId = Annotated[str, typer.Argument(help="The record's id.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan intake`` to the command line."""
    group = typer.Typer(help="Review, hand-over and confirmation of new records.", no_args_is_help=True)
    intake_requests.register(group)
    for name, command in (
        ("list", waiting),
        ("overdue", overdue),
        ("confirmation", confirmation),
        ("object", object_),
        ("clear", clear),
        ("objections", objections),
        ("assign", assign),
        ("custodians", custodians),
    ):
        group.command(name)(command)
    app.add_typer(group, name="intake")


def waiting(as_json: AsJson = False, home: Home = None) -> None:
    """Show the records that wait, and for what: review, answer of their sender, hand-over or confirmation."""

    async def look(at: Desk, _book: RuleBook) -> list[Sequence[object]]:
        found = Intakes(at.database).waiting()
        return [
            (each.id, each.stage, each.sender, (each.review or {}).get("reason", ""),
             (each.review or {}).get("answer_by", ""))
            async for each in found
        ]  # fmt: skip

    _show(("record", "stage", "sender", "returned because", "answer by"), _run(home, look), as_json)


def overdue(
    as_json: AsJson = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show them; write no audit event.")] = False,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Show overdue hand-overs and unanswered returns. What is newly overdue gets one audit event: run it daily."""

    async def look(at: Desk, book: RuleBook) -> list[Sequence[object]]:
        found = await intakes.overdue(at, book, now=time.time(), tell=not dry_run)
        return [(each.record, each.what, str(each.due), each.stage, each.sender) for each in found]

    _show(("record", "what", "last day", "stage", "sender"), _run(home, look, policies), as_json)


def confirmation(
    command: Annotated[str, typer.Argument(help="The id of the hand_over command.")],
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Show a transfer confirmation (档案移交确认单), its signatures verified: what was handed over, who signed."""
    found = _run(home, lambda at, _book: intakes.confirmation(at.database, command))
    if as_json:
        kept = {name: value for name, value in found.items() if name != "items"}
        typer.echo(json.dumps(kept, ensure_ascii=False, indent=1))
        return
    console = Console(soft_wrap=True)
    console.print(plain(f"档案移交确认单  transfer confirmation {found['id']}"))
    rows = [
        (item["record"], item["code"] or "", item["version"], ", ".join(item["fields"]),
         "checked" if item["papers_checked"] else "")
        for item in found["items"]
    ]  # fmt: skip
    console.print(_table(("record", "code", "version", "fields", "papers"), rows))
    for who in found["signers"]:
        side = {"hand-over": "移交人 delivered by", "take-over": "接收人 taken over by"}[who["action"]]
        console.print(plain(f"{side}: {who['id']}, {_moment(who['at'])}"))
    console.print(plain(f"accepted: {_moment(found['at'])}; digest: {found['digest']}"))


def object_(
    record: RecordId, reason: Reason, key: As, passphrase_file: PassphraseFile = None, home: Home = None
) -> None:
    """Object to how a record was obtained: nobody uses it until compliance clears it. Anybody registered may."""
    _act(home, key, passphrase_file, lambda at, _book: intakes.object_to(at, record, reason), roles=None)
    Console().print(plain(f"{record} is blocked until compliance clears it"))


def clear(record: RecordId, reason: Reason, key: As, passphrase_file: PassphraseFile = None, home: Home = None) -> None:
    """Clear the objection to a record: for the role compliance."""
    roles = (intakes.COMPLIANCE,)
    _act(home, key, passphrase_file, lambda at, _book: intakes.clear(at, record, reason), roles=roles)
    Console().print(plain(f"the objection to {record} is cleared"))


def objections(as_json: AsJson = False, home: Home = None) -> None:
    """Show the records that somebody objected to."""

    async def look(at: Desk, _book: RuleBook) -> list[Sequence[object]]:
        found = IntakeNotes(at.database).objected()
        return [(record, note["by"], _moment(note["at"]), note["reason"]) async for record, note in found]

    _show(("record", "by", "since", "reason"), _run(home, look), as_json)


def assign(
    record: Annotated[list[str], typer.Argument(help="The records' ids.")],
    custodian: Annotated[str, typer.Option(help="Principal id of who keeps them from now on.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Give records a custodian: an active person with that role. For archivists."""
    _act(home, key, passphrase_file, lambda at, _book: intakes.assign(at, record, custodian), roles=("archivist",))
    Console().print(plain(f"{custodian} keeps {len(record)} records"))


def custodians(as_json: AsJson = False, policies: Policies = None, home: Home = None) -> None:
    """Show the archives whose custodian is not in office any more, or that have none where one is demanded."""

    async def look(at: Desk, book: RuleBook) -> list[Sequence[object]]:
        return [pair async for pair in intakes.unkept(at.database, book)]

    _show(("record", "custodian"), _run(home, look, policies), as_json)


def _run(home: Path | None, act: Callable[[Desk, RuleBook], Awaitable[T]], policies: Path | None = None) -> T:
    settings = load_settings(home)
    book = rules_of(settings, policies).book

    async def run() -> T:
        async with desk(settings) as at:
            return await act(at, book)

    return asyncio.run(run())


def _act(
    home: Path | None,
    key: Path,
    passphrase_file: Path | None,
    act: Callable[[Desk, RuleBook], Awaitable[None]],
    *,
    roles: Collection[str] | None,
) -> None:
    """Run an act in the name of who shows to have one of the roles; of anybody registered where there are none.

    Raises:
        DanganError: DG-OPS-060.
    """
    keys = read_key_file(key, passphrase_file)

    async def proved(at: Desk, book: RuleBook) -> None:
        operator = await operator_of(at, keys, now=time.time(), roles=roles, people=book.people)
        await act(replace(at, operator=operator), book)

    _run(home, proved)


def _show(columns: Sequence[str], rows: Iterable[Sequence[object]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], ensure_ascii=False, indent=1))
        return
    Console().print(_table(columns, rows))


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table whose ids are never cut short, and whose words are text."""
    table = Table(*(Column(name, overflow="fold") for name in columns))
    for row in rows:
        table.add_row(*(plain(str(value)) for value in row))
    return table


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
