"""``dangan admin``: register principals, make grants, place legal holds. Each act is audited before it is done.

Whoever acts shows with ``--as`` that he is a registered administrator; only the first one of all needs nobody's leave.
"""

from __future__ import annotations

from typing import Annotated, Final

import typer
from rich.console import Console

from ops import registry
from ops.commands import admin_applications, admin_leavers, admin_principals, admin_review
from ops.commands.admin_acts import As, Home, as_operator, day, look, now, table
from ops.commands.keys import PassphraseFile
from ops.config import load_settings
from ops.printable import plain
from ops.rules import rules_of
from schemas.catalogue import Catalogue
from schemas.collection_approval import field_of
from schemas.errors import DanganError
from schemas.principals import Grant
from store.holds import Hold, Holds
from store.principals import Grants

_PRINCIPAL: Final = (*admin_principals.COMMANDS, *admin_applications.COMMANDS, *admin_leavers.COMMANDS)


def register(app: typer.Typer) -> None:
    """Add ``dangan admin`` with its subcommands to the command line."""
    admin = typer.Typer(help="Principals, their permissions, grants and legal holds.", no_args_is_help=True)
    for name, title, commands in (
        (
            "principal",
            "People and systems.",
            (*admin_principals.COMMANDS, *admin_applications.COMMANDS, *admin_leavers.COMMANDS),
        ),
        ("review", "Permissions, reviewed regularly.", admin_review.COMMANDS),
        ("grant", "Leases to read.", (("add", grant_add), ("list", grant_list), ("recall", grant_recall))),
        (
            "hold",
            "Legal holds: nothing destroys a record under one.",
            (("add", hold_add), ("list", hold_list), ("lift", hold_lift)),
        ),
    ):
        group = typer.Typer(help=title, no_args_is_help=True)
        for called, command in commands:
            group.command(called)(command)
        admin.add_typer(group, name=name)
    app.add_typer(admin, name="admin")


def grant_add(
    grant: Annotated[str, typer.Argument(help="An id for the grant.")],
    principal: Annotated[str, typer.Option(help="Who may read.")],
    purpose: Annotated[str, typer.Option(help="A purpose of the catalogue.")],
    record: Annotated[list[str], typer.Option(help="Record ids, or '*'; repeatable.")],
    field: Annotated[list[str], typer.Option(help="Field names, or '*'; repeatable.")],
    clear: Annotated[list[str] | None, typer.Option(help="Fields answered unmasked; repeatable.")] = None,
    hours: Annotated[int, typer.Option(min=1, max=24 * 90, help="For how many hours.")] = 8,
    history: Annotated[bool, typer.Option(help="Earlier and proposed versions too.")] = False,
    key: As = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Let a principal read fields of records for a purpose and a time, without an application: for trials only.

    Refused unless the rule book has use.direct_grants; otherwise: dangan use apply.
    """
    rules = rules_of(load_settings(home))
    if not rules.book.use.direct_grants:
        raise DanganError("DG-USE-021")
    _check_grant(grant, record, [*field, *(clear or ())], purpose, rules.catalogue)
    begin = now()
    made = Grant(
        grant,
        principal,
        frozenset(record),
        frozenset(field),
        frozenset(clear or ()),
        purpose,
        begin,
        begin + 3600 * hours,
        history=history,
    )
    as_operator(home, key, passphrase_file, lambda at: registry.give(at, made))
    Console().print(plain(f"granted {grant} to {principal} until {day(made.not_after)}"))


def _check_grant(grant: str, records: list[str], fields: list[str], purpose: str, catalogue: Catalogue) -> None:
    """A grant that no request could ever name, or that the catalogue knows nothing of, is a typing error."""
    registry.refuse_personal(grant=grant)
    for record in records:
        if record != "*":
            registry.refuse_personal(record=record)
    catalogue.purpose(purpose)
    kinds = {field_of(kind) for kind in catalogue.attachments}
    for name in fields:
        if name != "*" and name not in kinds:
            catalogue.field(name)


def grant_list(home: Home = None) -> None:
    """Show all grants."""
    shown = table("grant", "principal", "purpose", "records", "fields", "clear", "until", "state")
    for g in look(home, lambda at: Grants(at.database).all()):
        state = "recalled" if g.recalled_at else "ended" if g.not_after <= now() else "running"
        names = [", ".join(sorted(part)) for part in (g.records, g.fields, g.clear)]
        shown.add_row(*map(plain, (g.id, g.principal, g.purpose, *names, day(g.not_after), state)))
    Console().print(shown)


def grant_recall(
    grant: Annotated[str, typer.Argument(help="The grant's id.")],
    key: As = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Recall a grant: later reads under it are refused."""
    as_operator(home, key, passphrase_file, lambda at: registry.recall(at, grant, now=now()))
    Console().print(plain(f"{grant} is recalled"))


def hold_add(
    record: Annotated[str, typer.Argument(help="The record's id.")],
    holder: Annotated[str, typer.Option(help="Who holds it: a principal or an authority's reference.")],
    reference: Annotated[str, typer.Option(help="File reference of the reason.")],
    days: Annotated[int | None, typer.Option(min=1, help="For how many days; open-ended without.")] = None,
    key: As = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Place a legal hold on a record."""
    until = None if days is None else now() + 86400 * days
    as_operator(home, key, passphrase_file, lambda at: registry.hold(at, Hold(record, holder, reference, until)))
    Console().print(plain(f"{record} is held"))


def hold_list(home: Home = None) -> None:
    """Show all legal holds."""
    shown = table("record", "holder", "reference", "until")
    for h in look(home, lambda at: Holds(at.database).all()):
        shown.add_row(*map(plain, (h.record, h.holder, h.reference, day(h.until) if h.until else "until lifted")))
    Console().print(shown)


def hold_lift(
    record: Annotated[str, typer.Argument(help="The record's id.")],
    key: As = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """End a legal hold."""
    as_operator(home, key, passphrase_file, lambda at: registry.lift(at, record))
    Console().print(plain(f"the hold on {record} is lifted"))
