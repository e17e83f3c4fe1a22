"""``dangan watermark resolve``: which reader a leaked extract came from."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from ops.config import load_settings
from ops.printable import plain
from ops.watermarks import resolve_token


def register(app: typer.Typer) -> None:
    """Add ``dangan watermark`` to the command line."""
    watermark = typer.Typer(help="Watermarks of answers: whom a leaked extract names.", no_args_is_help=True)
    watermark.command("resolve")(resolve)
    watermark.callback()(_group)
    app.add_typer(watermark, name="watermark")


def _group() -> None:
    """Watermarks of answers: whom a leaked extract names."""


def resolve(
    token: Annotated[str, typer.Argument(help="56 letters and digits, as they stand in the extract.")],
    files: Annotated[
        list[Path] | None, typer.Option("--in", help="Exports of the audit stream to read instead of the topic.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
    home: Annotated[Path | None, typer.Option(help="Folder of the installation.")] = None,
) -> None:
    """Say which reader was given the answer that carries this watermark, under which grant, and what was in it."""
    found = asyncio.run(resolve_token(token, load_settings(home), files))
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(found.as_dict()) + b"\n")
        sys.stdout.flush()
        return
    when = datetime.fromtimestamp(found.at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    console = Console()
    for name, value in (
        ("reader", found.reader),
        ("grant", found.grant),
        ("purpose", found.purpose),
        ("request", found.request),
        ("when", when),
    ):
        console.print(plain(f"{name:8} {value}"), soft_wrap=True)
    table = Table("record", "fields", "event", title=f"what the answer held: {len(found.reads)} events")
    for each in found.reads[:200]:
        table.add_row(*map(plain, (each.record or "-", ", ".join(each.fields), each.uid)))
    console.print(table)
