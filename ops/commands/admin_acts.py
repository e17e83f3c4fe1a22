"""How ``dangan admin`` runs an act: in the name of an administrator who shows to be one, or only looking."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.table import Column, Table

from keys.principal_keys import PrincipalKeys
from ops.audited import CONSOLE, Desk, desk
from ops.commands.keys import read_key_file
from ops.config import load_settings
from ops.operators import may_bootstrap, operator_of
from schemas.errors import DanganError
from store.principals import Principals

T = TypeVar("T")
Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]
As = Annotated[Path | None, typer.Option("--as", help="Your key file: that of a registered administrator.")]


def table(*names: str) -> Table:
    """A table whose ids are never cut short."""
    return Table(*(Column(name, overflow="fold") for name in names))


def look(home: Path | None, act: Callable[[Desk], Awaitable[T]]) -> T:
    """Run what changes nothing."""

    async def run() -> T:
        async with desk(load_settings(home)) as at:
            return await act(at)

    return asyncio.run(run())


def as_operator(
    home: Path | None,
    key: Path | None,
    passphrase_file: Path | None,
    act: Callable[[Desk], Awaitable[T]],
    *,
    first: bool = False,
) -> T:
    """Run an act in the name of an administrator who has proved to be one.

    Args:
        home: the installation.
        key: the administrator's key file.
        passphrase_file: of the key file.
        act: what to do.
        first: whether this may be done without a key while nobody was ever registered as an administrator.

    Raises:
        DanganError: as ops.operators.operator_of.
    """
    keys = read_key_file(key, passphrase_file) if key else None

    async def run() -> T:
        async with desk(load_settings(home)) as at:
            return await act(replace(at, operator=await _operator(at, keys, first=first)))

    return asyncio.run(run())


async def _operator(at: Desk, keys: PrincipalKeys | None, *, first: bool) -> str:
    if keys is not None:
        return await operator_of(at, keys, now=time.time())
    if not may_bootstrap(await Principals(at.database).all()):
        raise DanganError("DG-OPS-060", field="--as", detail="name your key file")
    if not first:
        raise DanganError("DG-OPS-060", field="--role", detail="there is none yet: register the first one")
    return CONSOLE


def now() -> int:
    """UNIX seconds."""
    return int(time.time())


def day(at: int) -> str:
    """A time as people read it; ``at`` in UNIX seconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
