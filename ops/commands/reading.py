"""``dangan access``, ``dangan browse``, ``dangan search``: reading under a grant, on the screen or into a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Column, Table

from ops.commands.keys import PassphraseFile, read_key_file
from ops.commands.request import As, Home, Trusted, ask, with_archive
from ops.config import load_settings
from ops.delivery import check_delivery
from ops.extracts import Extract, Line, check_target, save
from ops.printable import plain
from schemas.answered import refusal_of
from schemas.locales import of_environment
from schemas.replies import Result
from schemas.use import ROWS
from streams.publisher import Publisher

#: What stands on the screen instead of a value that the grant shows in clear.
HIDDEN = "****"

Grant = Annotated[str, typer.Option(help="The grant under which you read.")]
Purpose = Annotated[str, typer.Option(help="The granted purpose.")]
Fields = Annotated[list[str], typer.Option(help="A field to read; repeatable.")]
_SAVE_HELP = "Save to a new file (.csv, .xlsx, .json, .html, .pdf); the grant must allow copying."
Save = Annotated[Path | None, typer.Option("--save", help=_SAVE_HELP)]
ShowClear = Annotated[
    bool, typer.Option("--show-clear", help="Show on the screen what the grant lets you see unmasked.")
]


def register(app: typer.Typer) -> None:
    """Add the three commands to the command line."""
    app.command("access")(access)
    app.command("browse")(browse)
    app.command("search")(search)


def access(
    record: Annotated[str, typer.Argument(help="The record's id.")],
    grant: Grant,
    purpose: Purpose,
    field: Fields,
    key: As,
    version: Annotated[int | None, typer.Option(min=1, help="An earlier version, with a grant for history.")] = None,
    proposal: Annotated[str | None, typer.Option(help="A proposal: the fields as it would have them.")] = None,
    save_to: Save = None,
    show_clear: ShowClear = False,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Read fields of a record under a grant. The read is audited before the answer leaves the archive."""
    settings = load_settings(home)
    if save_to is not None:
        check_target(save_to)
        check_delivery(settings, save_to)
    parts: dict[str, Any] = {"record": record, "grant": grant, "purpose": purpose, "fields": field}
    past = {"version": version, "proposal": proposal, "copying": True if save_to else None}
    parts |= {name: value for name, value in past.items() if value is not None}
    result = ask(settings, key, passphrase_file, trust, lambda archive: archive.publish("access", parts))
    line = Line(record, result.version, result.values or {}, result.watermark or "")
    if save_to is not None:
        _save(save_to, key, passphrase_file, grant, purpose, field, [line], 0)
        return
    console = Console()
    console.print(_values(record, result, show_clear=show_clear))
    _tell_of_clear(result.clear or (), show_clear=show_clear)
    console.print(f"watermark {line.watermark}", highlight=False, soft_wrap=True)


def browse(
    grant: Grant,
    purpose: Purpose,
    field: Fields,
    key: As,
    after: Annotated[str | None, typer.Option(help="Go on from here: where an earlier reading ended.")] = None,
    at_most: Annotated[int, typer.Option(min=1, max=100_000, help="Stop after so many records.")] = 1000,
    save_to: Save = None,
    show_clear: ShowClear = False,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Read fields of all records of a grant, page by page, in order of their ids.

    Each page is audited, record by record, before it leaves the archive. Records that cannot be shown (an objection, a
    withdrawn consent) are counted, not named. If it ends in between, go on with --after and what it says at its end.
    """
    settings = load_settings(home)
    if save_to is not None:
        check_target(save_to)
        check_delivery(settings, save_to)
    lines: list[Line] = []
    seen: dict[str, Any] = {"withheld": 0, "clear": set(), "after": after}

    async def pages(archive: Publisher) -> Result | None:
        """Read until the end; return a refusal."""
        while len(lines) < at_most:
            parts: dict[str, Any] = {"grant": grant, "purpose": purpose, "fields": field}
            parts |= {"limit": min(ROWS, at_most - len(lines)), "copying": save_to is not None}
            parts |= {"after": seen["after"]} if seen["after"] else {}
            result = await (await archive.publish("browse", parts))
            if result.status == "refused":
                return result
            values: Any = result.values or {}
            mark = result.watermark or ""
            lines.extend(Line(row["record"], row["version"], row["values"], mark) for row in values["rows"])
            seen["withheld"] += values["withheld"]
            seen["clear"] |= set(result.clear or ())
            seen["after"] = values["after"]
            progress.update(task, description=f"{len(lines)} records")
            if seen["after"] is None:
                break
        return None

    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading")
        refused = with_archive(settings, read_key_file(key, passphrase_file), trust, pages)
    if save_to is not None and lines:
        _save(save_to, key, passphrase_file, grant, purpose, field, lines, seen["withheld"])
    elif save_to is None:
        _show_lines(lines, field, seen["clear"], show_clear=show_clear)
    told = f"{len(lines)} records; {seen['withheld'] or 'none'} cannot be shown"
    Console(stderr=True).print(plain(told + (f"; go on with --after {seen['after']}" if seen["after"] else "")))
    if refused is not None:
        raise refusal_of(refused)


def search(
    grant: Grant,
    purpose: Purpose,
    field: Annotated[str, typer.Option(help="The indexed field to search by.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Find the grant's records that have just this value in a field.

    The value is asked for and not shown, or read from standard input: on a command line it would stay in the history.
    """
    terminal = sys.stdin.isatty()
    value = typer.prompt("value", hide_input=True) if terminal else sys.stdin.readline().rstrip("\n")
    parts = {"grant": grant, "purpose": purpose, "field": field, "value": value}
    result = ask(load_settings(home), key, passphrase_file, trust, lambda archive: archive.publish("search", parts))
    values: Any = result.values or {}
    console = Console()
    for record in values["records"]:
        console.print(plain(record))
    note = "no record" if not values["records"] else f"{len(values['records'])} records"
    Console(stderr=True).print(note + (", and more: use a narrower grant" if values["more"] else ""), highlight=False)


def _save(
    path: Path,
    key: Path,
    passphrase_file: Path | None,
    grant: str,
    purpose: str,
    fields: list[str],
    lines: list[Line],
    withheld: int,
) -> None:
    reader = read_key_file(key, passphrase_file).principal
    made = Extract(reader, grant, purpose, tuple(fields), tuple(lines), withheld, datetime.now(UTC))
    save(made, path, of_environment(os.environ))
    Console(stderr=True).print(plain(f"wrote {path}: {len(lines)} records; destroy it after use"), soft_wrap=True)


def _show_lines(lines: list[Line], fields: list[str], clear: Collection[str], *, show_clear: bool) -> None:
    table = Table("record", *(Column(plain(name), overflow="fold") for name in fields))
    for line in lines:
        cells = (_cell(name, line.values, clear, show_clear=show_clear) for name in fields)
        table.add_row(plain(line.record), *map(plain, cells))
    Console().print(table)
    _tell_of_clear(clear, show_clear=show_clear)


def _values(record: str, result: Result, *, show_clear: bool = False) -> Table:
    """What was answered. Values come from senders: they are shown as text, never as markup or terminal commands."""
    table = Table("field", Column("value", overflow="fold"), title=plain(f"{record}, version {result.version}"))
    for name in result.values or {}:
        table.add_row(plain(name), plain(_cell(name, result.values or {}, result.clear or (), show_clear=show_clear)))
    return table


def _cell(name: str, values: Any, clear: Collection[str], *, show_clear: bool) -> object:
    """A value for the screen, where others may look on (公共场所展示, clause USE-14)."""
    return HIDDEN if name in clear and not show_clear else values.get(name, "")


def _tell_of_clear(clear: Collection[str], *, show_clear: bool) -> None:
    """Say what is hidden; or, where clear values leave for something else than a screen, that they do."""
    errors = Console(stderr=True)
    if clear and not show_clear:
        errors.print(plain(f"hidden: {', '.join(sorted(clear))}; --show-clear shows them where nobody looks on"))
    elif clear and not sys.stdout.isatty():
        errors.print(plain(f"warning: {', '.join(sorted(clear))} leave unmasked, and not to a screen"), style="yellow")
