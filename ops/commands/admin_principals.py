"""``dangan admin principal``: applications, registrations, locks, and new keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from ops import registry
from ops.audited import CONSOLE, Desk
from ops.commands.admin_acts import As, Home, as_operator, day, look, now, table
from ops.commands.admin_options import (
    Agreement,
    Clearance,
    Days,
    Department,
    Kind,
    Language,
    Role,
    Scope,
    Until,
    end_of,
    kind_of,
    public_of,
    scope_of,
)
from ops.commands.keys import PassphraseFile
from ops.operators import ADMINISTRATOR
from ops.people import applications, rotation
from ops.people.documents import read_change, read_tokens
from ops.people.permissions import people_rules
from ops.printable import plain
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.principals import Principal
from schemas.staff import PermissionChange
from store.principals import Principals


def add(
    public: Annotated[
        Path | None, typer.Argument(help="The public part, as dangan keys new or show prints it.")
    ] = None,
    role: Role = None,
    department: Department = "general",
    clearance: Clearance = Level.BASIC,
    person: Annotated[bool, typer.Option(help="A person; otherwise a system.")] = False,
    kind: Kind = None,
    scope: Scope = None,
    agreement: Agreement = None,
    agreement_until: Until = None,
    days: Days = 365,
    locale: Language = None,
    request: Annotated[Path | None, typer.Option(help="An approved application instead, as apply wrote it.")] = None,
    approval: Annotated[list[Path] | None, typer.Option(help="What dangan approve printed; repeatable.")] = None,
    key: As = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Register a principal; again with a new key file: add keys and replace the roles.

    The first one is an administrator and needs no --as; all others are registered by an administrator. Where
    permissions need an approval (setting people.approval), --request carries an application out.
    """
    if request is not None:
        change = read_change(request)
        tokens = read_tokens(approval)
        made = as_operator(home, key, passphrase_file, lambda at: _carry_out(at, change, tokens))
        Console().print(plain(f"registered {made.id} as {', '.join(sorted(made.roles))}"))
        return
    if public is None or not role:
        raise DanganError("DG-OPS-035", field="--role", detail="PUBLIC and --role, or --request")
    keys = public_of(public)

    async def act(at: Desk) -> None:
        await registry.register(
            at,
            keys,
            roles=role,
            department=department,
            clearance=clearance,
            person=kind_of(kind, person) == "person",
            now=now(),
            days=days,
            bootstrap=at.operator == CONSOLE,
            locale=locale,
            scope=scope_of(scope),
            agreement=agreement,
            agreement_until=end_of(agreement_until),
        )

    as_operator(home, key, passphrase_file, act, first=set(role) == {ADMINISTRATOR})
    Console().print(plain(f"registered {keys.principal} as {', '.join(sorted(set(role)))}"))


def list_(home: Home = None) -> None:
    """Show who is registered."""
    shown = table(
        "principal", "kind", "roles", "department", "clearance", "scope", "language", "keys until", "lapses", "state"
    )
    for p in look(home, lambda at: Principals(at.database).all()):
        until = max((key.not_after for key in p.signing_keys if key.revoked_at is None), default=0)
        state = "active" if p.active else "inactive"
        scope = ", ".join(sorted(f"{name}={value}" for name, value in p.scope))
        lapses = day(p.lapses_at) if p.lapses_at is not None else "never"
        roles = ", ".join(sorted(p.roles))
        cells = (p.id, p.kind, roles, p.department, p.clearance, scope, p.locale, day(until), lapses, state)
        shown.add_row(*map(plain, cells))
    Console().print(shown)


def deactivate(
    principal: Annotated[str, typer.Argument(help="The principal's id.")],
    key: As = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Lock a principal at once: it can do nothing any more, its keys are revoked (within 5 seconds everywhere).

    This closes nothing: what a leaver holds is handed over with handover and leave.
    """
    as_operator(home, key, passphrase_file, lambda at: registry.deactivate(at, principal, now=now()))
    Console().print(plain(f"{principal} is inactive, its keys are revoked"))


def rotate(
    request: Annotated[Path, typer.Argument(help="What dangan keys rotate printed.")],
    key: As = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Register a principal's new keys, asked for with its old one; both hold until the request's overlap ends."""
    tokens = read_tokens([request])
    if len(tokens) != 1:
        raise DanganError("DG-SEC-018", field=str(request))
    made = as_operator(home, key, passphrase_file, lambda at: rotation.rotate(at, tokens[0], now=now()))
    Console().print(plain(f"{made.id} has new keys"))


def revoke(
    principal: Annotated[str, typer.Argument(help="The principal's id.")],
    kid: Annotated[str, typer.Argument(help="The key's id, as dangan keys show prints it.")],
    key: As = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Revoke one key of a principal (within 5 seconds everywhere); its other keys stay."""
    as_operator(
        home, key, passphrase_file, lambda at: rotation.revoke(at, principal, lambda one: one.kid == kid, now=now())
    )
    Console().print(plain(f"the key of {principal} is revoked"))


#: ``dangan admin principal``: what it is called, what runs.
COMMANDS: Final = (
    ("add", add),
    ("list", list_),
    ("deactivate", deactivate),
    ("rotate", rotate),
    ("revoke", revoke),
)


async def _carry_out(at: Desk, change: PermissionChange, tokens: tuple[str, ...]) -> Principal:
    people = people_rules(at.settings)
    return await applications.carry_out(at, change, tokens, people, now=now())
