"""``dangan admin``: register principals, make grants, place legal holds. Each act is audited before it is done.

Whoever acts shows with ``--as`` that he is a registered administrator; only the first one of all needs nobody's leave.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Column, Table

from keys.principal_keys import PrincipalKeys
from ops import registry
from ops.audited import CONSOLE, Desk, desk
from ops.commands.keys import PassphraseFile, read_key_file
from ops.config import load_settings
from ops.operators import ADMINISTRATOR, may_bootstrap, prove
from ops.printable import plain
from ops.public_keys import read_public_keys
from ops.rules import load_rules
from schemas.collection_approval import field_of
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.locales import Locale
from schemas.principals import Grant
from store.holds import Hold, Holds
from store.principals import Grants, Principals

T = TypeVar("T")
Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]
As = Annotated[Path | None, typer.Option("--as", help="Your key file: that of a registered administrator.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan admin`` with its subcommands to the command line."""
    admin = typer.Typer(help="Principals, grants and legal holds.", no_args_is_help=True)
    for name, title, commands in (
        ("principal", "People and systems.", (principal_add, principal_list, principal_deactivate)),
        ("grant", "Leases to read.", (grant_add, grant_list, grant_recall)),
        ("hold", "Legal holds: nothing destroys a record under one.", (hold_add, hold_list, hold_lift)),
    ):
        group = typer.Typer(help=title, no_args_is_help=True)
        for command in commands:
            group.command(command.__name__.removeprefix(f"{name}_"))(command)
        admin.add_typer(group, name=name)
    app.add_typer(admin, name="admin")


def principal_add(
    public: Annotated[Path, typer.Argument(help="The public part, as dangan keys new or show prints it.")],
    role: Annotated[
        list[str], typer.Option(help="collector, editor, reader, archivist, approver; repeatable. Or administrator.")
    ],
    department: Annotated[str, typer.Option(help="The principal's department.")] = "general",
    clearance: Annotated[Level, typer.Option(help="Highest level it may read or change.")] = Level.BASIC,
    person: Annotated[bool, typer.Option(help="A person; otherwise a system.")] = False,
    days: Annotated[int, typer.Option(min=1, max=3650, help="For how many days its keys are valid.")] = 365,
    locale: Annotated[
        Locale | None, typer.Option(help="Language of the archive's answers to it; English, or as it is registered.")
    ] = None,
    key: As = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Register a principal; again with a new key file: add keys and replace the roles.

    The first one is an administrator and needs no --as; all others are registered by an administrator.
    """
    try:
        keys = read_public_keys(public.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DanganError("DG-OPS-033", field=str(public), detail=type(error).__name__) from None

    async def act(at: Desk) -> None:
        await registry.register(
            at,
            keys,
            roles=role,
            department=department,
            clearance=clearance,
            person=person,
            now=_now(),
            days=days,
            bootstrap=at.operator == CONSOLE,
            locale=locale,
        )

    _as_operator(home, key, passphrase_file, act, first=set(role) == {ADMINISTRATOR})
    Console().print(plain(f"registered {keys.principal} as {', '.join(sorted(set(role)))}"))


def principal_list(home: Home = None) -> None:
    """Show who is registered."""
    table = _table("principal", "kind", "roles", "department", "clearance", "language", "keys until", "state")
    for p in _look(home, lambda at: Principals(at.database).all()):
        until = max((key.not_after for key in p.signing_keys if key.revoked_at is None), default=0)
        state = "active" if p.active else "inactive"
        cells = (p.id, p.kind, ", ".join(sorted(p.roles)), p.department, p.clearance, p.locale, _day(until), state)
        table.add_row(*map(plain, cells))
    Console().print(table)


def principal_deactivate(
    principal: Annotated[str, typer.Argument(help="The principal's id.")],
    key: As = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Let a principal do nothing any more and revoke its keys (within 5 seconds everywhere)."""
    _as_operator(home, key, passphrase_file, lambda at: registry.deactivate(at, principal, now=_now()))
    Console().print(plain(f"{principal} is inactive, its keys are revoked"))


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
    """Let a principal read fields of records for a purpose and a time."""
    _check_grant(grant, record, [*field, *(clear or ())], purpose)
    now = _now()
    made = Grant(
        grant,
        principal,
        frozenset(record),
        frozenset(field),
        frozenset(clear or ()),
        purpose,
        now,
        now + 3600 * hours,
        history=history,
    )
    _as_operator(home, key, passphrase_file, lambda at: registry.give(at, made))
    Console().print(plain(f"granted {grant} to {principal} until {_day(made.not_after)}"))


def _check_grant(grant: str, records: list[str], fields: list[str], purpose: str) -> None:
    """A grant that no request could ever name, or that the catalogue knows nothing of, is a typing error."""
    registry.refuse_personal(grant=grant)
    for record in records:
        if record != "*":
            registry.refuse_personal(record=record)
    catalogue = load_rules().catalogue
    catalogue.purpose(purpose)
    kinds = {field_of(kind) for kind in catalogue.attachments}
    for name in fields:
        if name != "*" and name not in kinds:
            catalogue.field(name)


def grant_list(home: Home = None) -> None:
    """Show all grants."""
    table = _table("grant", "principal", "purpose", "records", "fields", "clear", "until", "state")
    for g in _look(home, lambda at: Grants(at.database).all()):
        state = "recalled" if g.recalled_at else "ended" if g.not_after <= _now() else "running"
        names = [", ".join(sorted(part)) for part in (g.records, g.fields, g.clear)]
        table.add_row(*map(plain, (g.id, g.principal, g.purpose, *names, _day(g.not_after), state)))
    Console().print(table)


def grant_recall(
    grant: Annotated[str, typer.Argument(help="The grant's id.")],
    key: As = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Recall a grant: later reads under it are refused."""
    _as_operator(home, key, passphrase_file, lambda at: registry.recall(at, grant, now=_now()))
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
    until = None if days is None else _now() + 86400 * days
    _as_operator(home, key, passphrase_file, lambda at: registry.hold(at, Hold(record, holder, reference, until)))
    Console().print(plain(f"{record} is held"))


def hold_list(home: Home = None) -> None:
    """Show all legal holds."""
    table = _table("record", "holder", "reference", "until")
    for h in _look(home, lambda at: Holds(at.database).all()):
        table.add_row(*map(plain, (h.record, h.holder, h.reference, _day(h.until) if h.until else "until lifted")))
    Console().print(table)


def hold_lift(
    record: Annotated[str, typer.Argument(help="The record's id.")],
    key: As = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """End a legal hold."""
    _as_operator(home, key, passphrase_file, lambda at: registry.lift(at, record))
    Console().print(plain(f"the hold on {record} is lifted"))


def _table(*names: str) -> Table:
    """A table whose ids are never cut short."""
    return Table(*(Column(name, overflow="fold") for name in names))


def _look(home: Path | None, act: Callable[[Desk], Awaitable[T]]) -> T:
    """Run what changes nothing."""

    async def run() -> T:
        async with desk(load_settings(home)) as at:
            return await act(at)

    return asyncio.run(run())


def _as_operator(
    home: Path | None,
    key: Path | None,
    passphrase_file: Path | None,
    act: Callable[[Desk], Awaitable[None]],
    *,
    first: bool = False,
) -> None:
    """Run an act in the name of an administrator who has proved to be one.

    Args:
        home: the installation.
        key: the administrator's key file.
        passphrase_file: of the key file.
        act: what to do.
        first: whether this may be done without a key while nobody was ever registered as an administrator.

    Raises:
        DanganError: DG-OPS-060.
    """
    keys = read_key_file(key, passphrase_file) if key else None

    async def run() -> None:
        async with desk(load_settings(home)) as at:
            await act(replace(at, operator=await _operator(Principals(at.database), keys, first=first)))

    asyncio.run(run())


async def _operator(principals: Principals, keys: PrincipalKeys | None, *, first: bool) -> str:
    if keys is not None:
        return prove(await principals.get(keys.principal), keys.signing, now=time.time())
    if not may_bootstrap(await principals.all()):
        raise DanganError("DG-OPS-060", field="--as", detail="name your key file")
    if not first:
        raise DanganError("DG-OPS-060", field="--role", detail="there is none yet: register the first one")
    return CONSOLE


def _now() -> int:
    return int(time.time())


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
