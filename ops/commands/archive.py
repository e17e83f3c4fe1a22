"""``dangan archive``: codes, index, importance tiers, papers; its lists are in ops/commands/archive_views.py.

Index facts only: nothing here opens a record's content. Whoever acts or looks shows with ``--as`` that he is of the
archive department, and leaves an audit event.
"""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console

from ops import arrangement
from ops.commands import archive_views as views
from ops.commands.arranging import As, Home, Policies, as_arranger
from ops.commands.keys import PassphraseFile
from ops.printable import plain
from store.papers import Paper

RecordId = Annotated[str, typer.Argument(help="The record's id.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan archive`` with its subcommands to the command line."""
    group = typer.Typer(
        help="Arrangement: archive codes, the index, and what is missing. Opens no content.", no_args_is_help=True
    )
    for name, command in (
        ("number", number),
        ("find", views.find),
        ("count", views.count),
        ("tiers", views.tiers),
        ("assign", assign),
        ("revision", revision),
        ("standing", standing),
        ("paper", views.paper),
        ("receive", receive),
        ("households", views.households),
        ("completeness", views.completeness),
    ):
        group.command(name)(command)
    app.add_typer(group, name="archive")


def number(
    key: As,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")] = False,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Give a code and an entry in the index to every reviewed record that has none. Run it as often as you like."""
    done = as_arranger(
        home, key, passphrase_file, lambda at, rules: arrangement.number(at, rules, dry_run=dry_run), policies
    )
    console = Console(soft_wrap=True)
    would = "would be " if dry_run else ""
    console.print(f"{done.entered} records {would}entered, {done.coded} of them {would}with a code")
    if done.removed:
        console.print(f"{done.removed} entries of destroyed records removed")
    for record, what in done.without.items():
        console.print(plain(f"no code for {record}: {what} is not known of it, or cannot stand in a code"))
    if done.without_count > len(done.without):
        console.print(f"and {done.without_count - len(done.without)} more without a code")


def assign(
    record: RecordId,
    tier: Annotated[str, typer.Option(help="An importance tier of the rule book.")],
    reason: Annotated[str, typer.Option(help="Why: a word or a file reference, nothing personal.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Assign a record to an importance tier, which decides how often it is reviewed."""
    as_arranger(
        home,
        key,
        passphrase_file,
        lambda at, rules: arrangement.assign(at, rules, record, tier, reason, now=_now()),
        policies,
    )
    Console().print(plain(f"{record} is {tier}"))


def revision(key: As, passphrase_file: PassphraseFile = None, home: Home = None) -> None:
    """Note that a full revision begins: from now on every record is to be assigned to a tier anew."""
    as_arranger(home, key, passphrase_file, lambda at, _: arrangement.begin_revision(at, now=_now()))
    Console().print("the revision has begun; what is left to do: dangan archive tiers --unassigned")


def standing(
    record: RecordId,
    now_is: Annotated[str, typer.Argument(help="past, present or prospective.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Say what standing a record's customer has. It ends nothing: lapsed customers keep their archive."""
    as_arranger(home, key, passphrase_file, lambda at, _: arrangement.stand(at, record, now_is))
    Console().print(plain(f"the customer of {record} is a {now_is} one"))


def receive(
    reference: Annotated[str, typer.Argument(help="The paper's reference.")],
    key: As,
    record: Annotated[str | None, typer.Option(help="The record that it corresponds to.")] = None,
    scan: Annotated[str | None, typer.Option(help="Reference of its digital copy.")] = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Note that a paper came in; again: add its record or its scan."""
    known = Paper(reference, _now(), record, scan)
    as_arranger(home, key, passphrase_file, lambda at, _: arrangement.register_paper(at, known))
    Console().print(plain(f"{reference} is registered"))


def _now() -> int:
    return int(time.time())
