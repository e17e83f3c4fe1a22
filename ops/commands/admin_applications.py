"""``dangan admin principal apply`` and ``move``: permissions are applied for, and approved by others (SEC-04)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from ops.audited import desk
from ops.commands.admin_acts import Home, now
from ops.commands.admin_options import (
    Agreement,
    Clearance,
    Days,
    Department,
    Kind,
    Out,
    Scope,
    Until,
    end_of,
    kind_of,
    public_of,
    scope_of,
)
from ops.config import load_settings
from ops.people import applications
from ops.people.documents import write_document
from ops.people.permissions import check, people_rules
from ops.printable import plain
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.principals import Principal
from schemas.rule_tables.people import People
from schemas.staff import PermissionChange
from store.principals import Principals


def apply(
    public: Annotated[Path, typer.Argument(help="The public part, as dangan keys new or show prints it.")],
    role: Annotated[list[str], typer.Option(help="All roles it shall have; repeatable.")],
    reason: Annotated[str, typer.Option(help="Why, in words without personal data.")],
    out: Out,
    department: Department = "general",
    clearance: Clearance = Level.BASIC,
    person: Annotated[bool, typer.Option(help="A person; otherwise a system.")] = False,
    kind: Kind = None,
    scope: Scope = None,
    agreement: Agreement = None,
    agreement_until: Until = None,
    days: Days = 365,
    home: Home = None,
) -> None:
    """Write an application for permissions (权限申请); the posts sign it with dangan approve, then: add --request."""
    keys = public_of(public)

    async def draw_up(people: People, known: Principal | None, version: int) -> PermissionChange:
        change = PermissionChange(
            id=str(uuid.uuid4()),
            principal=keys.principal,
            kind=kind_of(kind, person),
            roles=tuple(sorted(set(role))),
            department=department,
            clearance=clearance,
            scope=tuple(sorted(scope_of(scope))),
            agreement=agreement or (known.agreement if known else None),
            agreement_until=end_of(agreement_until) or (known.agreement_until if known else None),
            keys=applications.keys_of(keys),
            days=days,
            from_version=version,
            reason=reason,
        )
        check(applications.as_applied_for(change), people, now())
        return change

    _write(home, keys.principal, draw_up, out)


def move(
    principal: Annotated[str, typer.Argument(help="Who changes post, or permissions.")],
    role: Annotated[list[str], typer.Option(help="All roles it shall have from then on; repeatable.")],
    reason: Annotated[str, typer.Option(help="Why, in words without personal data.")],
    out: Out,
    department: Annotated[str | None, typer.Option(help="The new department; by default the old one.")] = None,
    clearance: Annotated[Level | None, typer.Option(help="Highest level; by default as it is.")] = None,
    scope: Scope = None,
    agreement: Agreement = None,
    agreement_until: Until = None,
    home: Home = None,
) -> None:
    """Write an application to change a registered principal's permissions; its keys stay.

    Who leaves a department or a role hands over first: dangan admin principal handover, then leave --stays.
    """

    async def draw_up(people: People, known: Principal | None, version: int) -> PermissionChange:
        if known is None:
            raise DanganError("DG-OPS-031", detail=principal)
        change = PermissionChange(
            id=str(uuid.uuid4()),
            principal=known.id,
            kind=known.kind,
            roles=tuple(sorted(set(role))),
            department=department or known.department,
            clearance=clearance or known.clearance,
            scope=tuple(sorted(scope_of(scope))),
            agreement=agreement or known.agreement,
            agreement_until=end_of(agreement_until) or known.agreement_until,
            from_version=version,
            reason=reason,
        )
        check(applications.as_applied_for(change), people, now())
        return change

    _write(home, principal, draw_up, out)


def _write(
    home: Path | None,
    principal: str,
    draw_up: Callable[[People, Principal | None, int], Awaitable[PermissionChange]],
    out: Path,
) -> None:
    settings = load_settings(home)

    async def run() -> PermissionChange:
        async with desk(settings) as at:
            known, version = await Principals(at.database).versioned(principal)
            return await draw_up(people_rules(settings), known, version)

    write_document(asyncio.run(run()), out)
    posts = ", ".join(people_rules(settings).approval) or "nobody"
    Console().print(plain(f"{out} is written; it is to be approved by: {posts}"), soft_wrap=True)


#: Further commands of ``dangan admin principal``.
COMMANDS: Final = (("apply", apply), ("move", move))
