"""``dangan profile``: which regulations' rules there are, what each sets by which article, and how they differ."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from ops.config import load_settings
from ops.printable import plain
from ops.profiles import Described, described, value_of, written
from ops.rules import policy_root, profile_names, rule_book
from schemas.errors import DanganError

Folder = Annotated[
    Path | None,
    typer.Option("--policies", help="Policies folder (profiles/); by default the settings', or dangan's own."),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan profile`` with its subcommands to the command line."""
    group = typer.Typer(
        help="The regulations as profiles of rules (docs/profiles.md): listed, shown with their articles, compared.",
        no_args_is_help=True,
    )
    for name, command in (("list", list_them), ("show", show), ("compare", compare)):
        group.command(name)(command)
    app.add_typer(group, name="profile")


def list_them(as_json: AsJson = False, folder: Folder = None) -> None:
    """List the profiles: which text each executes, and for whom it is.

    Put one as profile = "NAME" into dangan.toml and start the workers again. Without one the strict defaults apply.
    """
    found = _all(_root(folder))
    if as_json:
        rows = [
            {"profile": each.name, "text": each.text, "title": _title(each), "settings": len(each.settings)}
            for each in found
        ]
        sys.stdout.write(json.dumps(rows, ensure_ascii=False) + "\n")
        return
    table = Table(
        Column("profile", no_wrap=True), Column("text", no_wrap=True), Column("what", overflow="fold"), "settings"
    )
    for each in found:
        table.add_row(*map(plain, (each.name, each.text, _title(each), len(each.settings))))
    Console().print(table)


def show(
    profile: Annotated[str, typer.Argument(help="A profile's name; dangan profile list shows them.")],
    as_json: AsJson = False,
    folder: Folder = None,
) -> None:
    """Show what a profile sets, what that is without it, and the article that says so; and what it leaves as strict."""
    root = _root(folder)
    found, strict = described(root, profile), rule_book(root, "")
    about = found.about
    follows: Mapping[str, str] = about.follows if about else {}
    rows = [
        {"setting": name, "without": value_of(strict, name), "here": value, "article": follows.get(name, "")}
        for name, value in found.settings.items()
    ]
    kept: Mapping[str, str] = about.kept if about else {}
    if as_json:
        told = {"profile": found.name, "text": found.text, "settings": rows, "kept": dict(kept), "forms": found.forms}
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        return
    console = Console(soft_wrap=True)
    console.print(plain(f"{found.name}: {_title(found)}"))
    if about:
        console.print(plain(" ".join(filter(None, (about.applies_to, about.silence)))))
    folded = [Column(name, overflow="fold") for name in ("without a profile", "here", "article")]
    table = Table(Column("setting", no_wrap=True), *folded)
    for row in rows:
        values = (written(row["without"]), written(row["here"]))
        table.add_row(*map(plain, (row["setting"], *values, row["article"])))
    Console().print(table)
    for name, why in kept.items():
        console.print(plain(f"as without it: {name} ({why})"))
    if found.forms:
        console.print(plain(f"forms of its own: {', '.join(found.forms)}"))


def compare(
    setting: Annotated[str | None, typer.Argument(help="A setting, table.name; without one all that differ.")] = None,
    as_json: AsJson = False,
    folder: Folder = None,
) -> None:
    """Show one setting in every profile, or list the settings for which some profile has another value."""
    root = _root(folder)
    found = [each for each in _all(root) if each.text or each.about is None]
    books = {"": rule_book(root, ""), **{each.name: each.book for each in found}}
    names = [setting] if setting else sorted({name for each in found for name in each.settings})
    try:
        values = {name: {who: value_of(book, name) for who, book in books.items()} for name in names}
    except KeyError:
        raise DanganError("DG-POL-014", field=setting) from None
    if not setting:
        values = {name: given for name, given in values.items() if len(set(map(written, given.values()))) > 1}
    if as_json:
        sys.stdout.write(json.dumps(values, ensure_ascii=False) + "\n")
    elif setting:
        _table("profile", {who or "(none)": written(v) for who, v in values[setting].items()}, setting)
    else:
        _table("setting", {name: str(_others(given)) for name, given in values.items()}, "profiles that differ")


def _root(folder: Path | None) -> Path:
    return policy_root(folder or load_settings().policies)


def _others(given: Mapping[str, Any]) -> str:
    return ", ".join(who for who, value in given.items() if who and value != given[""])


def _table(first: str, rows: Mapping[str, str], second: str) -> None:
    table = Table(Column(first, no_wrap=True), Column(second, overflow="fold"))
    for name, value in rows.items():
        table.add_row(plain(name), plain(value))
    Console().print(table)


def _all(root: Path) -> list[Described]:
    return [described(root, name) for name in profile_names(root)]


def _title(found: Described) -> str:
    if found.about is None:
        return "an organisation's own"
    return f"{found.about.title} ({found.about.term})" if found.about.term else found.about.title
