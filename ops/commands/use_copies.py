"""``dangan use copy`` and ``dangan use open``: working copies that open only while their use lasts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from ops.commands.admin_acts import Home
from ops.commands.keys import PassphraseFile
from ops.commands.request import As, Trusted, ask
from ops.commands.use_acts import in_own_name
from ops.config import load_settings
from ops.delivery import this_terminal
from ops.printable import plain
from ops.private_files import write_private
from ops.rules import rules_of
from ops.use import copies
from schemas.errors import DanganError

Policies = Annotated[Path | None, typer.Option(help="Folder with rules.toml and catalogue.toml, as the workers have.")]


def register(group: typer.Typer) -> None:
    """Add the commands to ``dangan use``."""
    group.command("copy", no_args_is_help=True)(copy)
    group.command("open", no_args_is_help=True)(open_copy)


def copy(
    record: Annotated[str, typer.Argument(help="The record's id.")],
    grant: Annotated[str, typer.Option(help="A grant of yours that allows copying.")],
    purpose: Annotated[str, typer.Option(help="The granted purpose.")],
    field: Annotated[list[str], typer.Option(help="A field to read; repeatable.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Read a record into a working copy: a sealed file that you open while your use lasts, and nobody afterwards."""
    settings = load_settings(home)
    use = rules_of(settings, policies).book.use
    parts = {"record": record, "grant": grant, "purpose": purpose, "fields": field, "copying": True}
    result = ask(settings, key, passphrase_file, trust, lambda to: to.publish("access", parts))
    values = {"record": record, **(result.values or {}), "watermark": result.watermark}
    content = in_own_name(
        home,
        key,
        passphrase_file,
        lambda at: copies.make(at, grant, values, terminal=this_terminal(), use=use, now=time.time()),
    )
    write_private(out, content)
    Console().print(plain(f"wrote {out}; open it with: dangan use open {out}; destroy it after use"), soft_wrap=True)


def open_copy(
    file: Annotated[Path, typer.Argument(help="A file that dangan use copy wrote.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Show a working copy of yours, while its use lasts."""
    try:
        with file.open("rb") as source:
            content = source.read(copies.MAX_BYTES)
    except OSError as error:
        raise DanganError("DG-OPS-033", field=str(file), detail=type(error).__name__) from None
    values = in_own_name(home, key, passphrase_file, lambda at: copies.opened(at, content, now=time.time()))
    table = Table("field", Column("value", overflow="fold"))
    for name, value in values.items():
        table.add_row(plain(name), plain(value))
    Console().print(table)
