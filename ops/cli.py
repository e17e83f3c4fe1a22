"""The ``dangan`` command: each module in ``ops/commands`` registers its own; errors are told here, in one place."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ops.commands import (
    admin,
    approve,
    archive,
    attachment,
    audit,
    backup,
    collection,
    correction,
    demo,
    destruction,
    detect,
    duplicates,
    ingest,
    intake,
    keys,
    publish,
    request,
    services,
    worker,
)
from ops.printable import printable
from schemas.errors import DanganError
from schemas.locales import DEFAULT, LOCALES, Locale, nearest, of_environment

_COMMANDS = (
    services,
    worker,
    admin,
    ingest,
    keys,
    publish,
    attachment,
    request,
    approve,
    collection,
    intake,
    archive,
    duplicates,
    correction,
    destruction,
    backup,
    audit,
    detect,
    demo,
)


def build() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="dangan",
        help="Customer archives (档案): sealed in, encrypted at rest, audited before read, destroyed for good.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def options(
        debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,  # noqa: ARG001 - read by main
        lang: Annotated[
            str | None,
            typer.Option("--lang", help="Language of errors: en or zh. By default DANGAN_LANG, LC_ALL, LANG."),
        ] = None,
    ) -> None:
        """Read by :func:`main`, which tells errors: commands need not know of it."""
        if lang is not None:
            os.environ["DANGAN_LANG"] = _language(lang)

    for module in _COMMANDS:
        module.register(app)
    return app


def main() -> None:
    """Run the command line; exit status 1 for an error, 2 for wrong usage."""
    try:
        build()()
    except DanganError as error:
        if "--debug" in sys.argv[1:]:
            raise
        tell(error, of_environment(os.environ))
        sys.exit(1)


def _language(tag: str) -> Locale:
    if not tag.lower().startswith(("en", "zh")):
        raise typer.BadParameter(f"choose one of {', '.join(LOCALES)}", param_hint="--lang")
    return nearest(tag)


def tell(error: DanganError, locale: Locale = DEFAULT) -> None:
    """Print an error for a person: its code, what happened, what to do next."""
    sentence, next_step = error.told(locale)
    console = Console(stderr=True, soft_wrap=True)
    where = f" [{error.field}]" if error.field else ""
    console.print(f"[bold red]{error.code}[/]{escape(printable(where))} {escape(printable(sentence))}", highlight=False)
    console.print(f"  -> {escape(next_step)}", highlight=False)
