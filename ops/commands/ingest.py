"""``dangan ingest``: the keys that senders seal their bundles to."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from keys.ingest import IngestKey
from ops.audited import desk
from ops.config import load_settings
from ops.ingest_keys import announce_again, rotate
from store.ingest_keys import IngestKeys

Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan ingest`` with its subcommands to the command line."""
    ingest = typer.Typer(help="The keys that senders seal their bundles to.", no_args_is_help=True)
    ingest.command("rotate")(rotate_keys)
    ingest.command("announce")(announce_keys)
    ingest.command("list")(list_keys)
    app.add_typer(ingest, name="ingest")


def rotate_keys(home: Home = None) -> None:
    """Make and announce a new key and retire the old ones; run it daily. Senders follow within seconds."""

    async def act() -> IngestKey:
        settings = load_settings(home)
        async with desk(settings) as at:
            await at.record("key", verb="rotate")
            return await rotate(settings, at.transit, IngestKeys(at.database), now=int(time.time()))

    Console().print(f"senders now seal to {asyncio.run(act()).kid}")


def announce_keys(home: Home = None) -> None:
    """Announce the living keys again, in case their announcements were lost; harmless at any time."""

    async def act() -> list[IngestKey]:
        settings = load_settings(home)
        async with desk(settings) as at:
            await at.record("key", verb="announce")
            return await announce_again(settings, at.transit, IngestKeys(at.database))

    for key in asyncio.run(act()):
        Console().print(f"{key.kid} {key.state}")


def list_keys(home: Home = None) -> None:
    """Show all ingest keys and their states."""

    async def act() -> list[IngestKey]:
        async with desk(load_settings(home)) as at:
            return [key async for key in IngestKeys(at.database).scan()]

    table = Table("key", "state", "made", "seal until")
    for key in sorted(asyncio.run(act()), key=lambda each: each.created_at):
        table.add_row(key.kid, key.state, _time(key.created_at), _time(key.seal_until))
    Console().print(table)


def _time(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
