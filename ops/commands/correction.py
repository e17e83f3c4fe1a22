"""``dangan correction``: what of the corrections is open, overdue or due again, and the acts that settle it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Column, Table

from ops import corrections
from ops.audited import Desk, desk
from ops.commands import correction_requests
from ops.commands.keys import PassphraseFile, read_key_file
from ops.config import load_settings
from ops.operators import operator_of
from ops.printable import plain
from ops.rules import rules_of
from schemas.errors import DanganError
from schemas.rulebook import RuleBook
from store.notices import Notice
from store.revisions import Cause, Deed, Due, Revisions

T = TypeVar("T")
Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]
As = Annotated[Path, typer.Option("--as", help="Your key file: that of a registered custodian.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be noted; note nothing.")]
Policies = Annotated[Path | None, typer.Option(help="Folder with rules.toml and catalogue.toml, as the workers have.")]
Some = Annotated[list[str], typer.Argument(help="The records' ids.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan correction`` to the command line."""
    group = typer.Typer(help="Corrections: proposals, versions, paper copies, revision.", no_args_is_help=True)
    correction_requests.register(group)
    for name, command in (
        ("list", proposals),
        ("paper", paper),
        ("notices", notices),
        ("revalidation", revalidation),
        ("validated", validated),
        ("revision", revision),
        ("revised", revised),
        ("watch", watch),
        ("unwatch", unwatch),
        ("watchlist", watchlist),
    ):
        group.command(name)(command)
    app.add_typer(group, name="correction")


def proposals(policies: Policies = None, home: Home = None) -> None:
    """Show open proposals by age, without values. A data subject's own request is overdue after its last day."""
    table = _table("proposal", "record", "by", "days", "fields", "evidence", "version", "last day", "state")
    for each in _look(home, policies, lambda at, book: corrections.waiting(at, book, now=time.time())):
        p = each.proposal
        state = "overdue" if each.overdue else "no record takes it" if not p.version else p.state
        fields, version = ", ".join(sorted(p.levels)), str(p.version or "")
        _row(table, p.id, p.record, p.by, each.age, fields, p.evidence, version, each.due or "", state)
    Console().print(table)


def paper(
    record: Annotated[str | None, typer.Argument(help="The record whose paper counterpart was changed.")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="The version that it now says.")] = None,
    done: Annotated[bool, typer.Option("--done", help="Confirm that it was changed.")] = False,
    key: Annotated[Path | None, typer.Option("--as", help="Your key file: that of a registered custodian.")] = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Show updates whose paper counterpart is open; with a record, --version, --done and --as: confirm one."""
    if record is None:
        table = _table("record", "paper", "version")
        for each in _look(home, None, lambda at, _book: Revisions(at.database).open_papers()):
            _row(table, each.record, each.paper, each.version)
        Console().print(table)
        return
    if version is None or not done or key is None:
        raise DanganError("DG-OPS-035", field="paper", detail="give RECORD, --version, --done and --as")
    wanted = version
    _act(home, key, passphrase_file, lambda at, _book: corrections.confirm_paper(at, record, wanted))
    _told(f"the paper copy of {record} says version {version}")


def notices(
    key: Annotated[Path, typer.Option("--as", help="Your key file, of any registered principal.")],
    seen: Annotated[bool, typer.Option("--seen", help="Do not show them again.")] = False,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Show which records that you hold or may read have a new version: what you read of them before is old."""

    async def mine(at: Desk, _book: RuleBook) -> list[Notice]:
        return await corrections.notices(at, at.operator, seen=seen)

    table = _table("record", "version", "fields", "by", "at")
    for each in _act(home, key, passphrase_file, mine, roles=None):
        _row(table, each.record, each.version, ", ".join(each.fields), each.by, _moment(each.at_ms))
    Console().print(table)


def revalidation(policies: Policies = None, home: Home = None) -> None:
    """Show records that were not validated within the configured interval, the longest waiting first."""
    found = _look(home, policies, lambda at, book: corrections.not_validated(at, book, now=time.time()))
    Console().print(_due_table(found, "last validated or collected"))


def validated(
    records: Some, key: As, dry_run: DryRun = False, passphrase_file: PassphraseFile = None, home: Home = None
) -> None:
    """Note that records were checked against their source and are right."""
    _note("validated", records, key, passphrase_file, home, dry_run=dry_run)


def revision(policies: Policies = None, home: Home = None) -> None:
    """Show archives that were not yet revised in the current period."""
    found = _look(home, policies, lambda at, book: corrections.not_revised(at, book, now=time.time()))
    Console().print(_due_table(found, "last revised or collected"))


def revised(
    records: Some, key: As, dry_run: DryRun = False, passphrase_file: PassphraseFile = None, home: Home = None
) -> None:
    """Note that archives went through the period's full revision."""
    _note("revised", records, key, passphrase_file, home, dry_run=dry_run)


def watch(
    record: Annotated[str, typer.Argument(help="The customer's record.")],
    cause: Annotated[Cause, typer.Option(help="What the analysis found: growing or lost.")],
    note_ref: Annotated[str, typer.Option(help="File reference of the analysis.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Put a growing or lost customer under watch."""
    _act(home, key, passphrase_file, lambda at, _book: corrections.watch(at, record, cause, note_ref))
    _told(f"{record} is under watch: {cause}")


def unwatch(
    record: Annotated[str, typer.Argument(help="The customer's record.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """End the watch."""
    _act(home, key, passphrase_file, lambda at, _book: corrections.unwatch(at, record))
    _told(f"{record} is not under watch")


def watchlist(
    candidates: Annotated[
        bool, typer.Option("--candidates", help="Whom to analyse: by the number of new transactions in two periods.")
    ] = False,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Show growing and lost customers under watch, with the cause and the analysis; or whom to analyse."""
    if candidates:
        table = _table("record", "looks")
        for record, cause in _look(home, policies, lambda at, book: corrections.candidates(at, book, now=time.time())):
            _row(table, record, cause)
    else:
        table = _table("record", "cause", "analysis", "by", "since")
        for each in _look(home, None, lambda at, _book: Revisions(at.database).watched()):
            _row(table, each.record, each.cause, each.note, each.by, _moment(each.at_ms))
    Console().print(table)


def _note(
    deed: Deed, records: list[str], key: Path, passphrase_file: Path | None, home: Path | None, *, dry_run: bool
) -> None:
    if dry_run:
        _told(f"would be noted as {deed}: {', '.join(records)}")
        return
    _act(home, key, passphrase_file, lambda at, _book: corrections.note(at, deed, records))
    _told(f"{deed}: {', '.join(records)}")


def _due_table(found: Iterable[Due], since: str) -> Table:
    table = _table("record", since)
    for each in found:
        _row(table, each.record, _moment(each.since_ms))
    return table


def _look(home: Path | None, policies: Path | None, act: Callable[[Desk, RuleBook], Awaitable[T]]) -> T:
    """Run what changes nothing but the note that something is overdue."""
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
    act: Callable[[Desk, RuleBook], Awaitable[T]],
    *,
    roles: Collection[str] | None = corrections.KEEPERS,
) -> T:
    """Run an act in the name of who shows to have one of the roles; any principal where there are none.

    Raises:
        DanganError: DG-OPS-060.
    """
    keys, settings = read_key_file(key, passphrase_file), load_settings(home)

    async def run() -> T:
        async with desk(settings) as at:
            operator = await operator_of(at, keys, now=time.time(), roles=roles)
            return await act(replace(at, operator=operator), rules_of(settings).book)

    return asyncio.run(run())


def _table(*names: str) -> Table:
    """A table whose ids are never cut short."""
    return Table(*(Column(name, overflow="fold") for name in names))


def _row(table: Table, *cells: object) -> None:
    table.add_row(*(plain(str(cell)) for cell in cells))


def _told(words: str) -> None:
    Console().print(plain(words), soft_wrap=True)


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
