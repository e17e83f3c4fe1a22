"""Who arranges: acts and looks of the archive department, by somebody who has shown to belong to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from consumers.rules import Rules
from ops import arrangement
from ops.audited import Desk, desk
from ops.commands.keys import read_key_file
from ops.config import load_settings
from ops.operators import operator_of
from ops.rules import rules_of

T = TypeVar("T")
Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]
As = Annotated[Path, typer.Option("--as", help="Your key file: that of a registered archivist or custodian.")]
Policies = Annotated[Path | None, typer.Option(help="Folder with rules.toml and catalogue.toml, as the workers have.")]


def as_arranger(
    home: Path | None,
    key: Path,
    passphrase_file: Path | None,
    act: Callable[[Desk, Rules], Awaitable[T]],
    policies: Path | None = None,
    *,
    roles: Collection[str] = arrangement.ARRANGERS,
    vault_role: str = "admin",
) -> T:
    """Run an act in the name of somebody of the archive department, or of others with a role for it.

    Args:
        home: the installation.
        key: the key file of an archivist or custodian.
        passphrase_file: of the key file.
        act: what to do.
        policies: the organisation's folder of policies; the ones that come with dangan by default.
        roles: one of these is needed.
        vault_role: whose token the act has in Vault.

    Raises:
        DanganError: DG-OPS-060.
    """
    keys, settings = read_key_file(key, passphrase_file), load_settings(home)
    rules = rules_of(settings, policies)

    async def run() -> T:
        async with desk(settings, role=vault_role) as at:
            operator = await operator_of(at, keys, now=time.time(), roles=roles, people=rules.book.people)
            return await act(replace(at, operator=operator), rules)

    return asyncio.run(run())
