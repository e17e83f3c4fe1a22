"""The ``dangan`` command: each module in ``ops/commands`` registers its own; errors are told here, in one place."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from ops.printable import printable
from schemas.errors import DanganError
from schemas.locales import DEFAULT, LOCALES, Locale, nearest, of_environment
from streams.collector import calm_the_collector

#: The modules of ``ops/commands``, in the order of the help.
_COMMANDS: Final = (
    "services",
    "worker",
    "admin",
    "ingest",
    "keys",
    "publish",
    "attachment",
    "reading",
    "watermark",
    "destroy",
    "use",
    "share",
    "approve",
    "collection",
    "intake",
    "archive",
    "media",
    "custody",
    "duplicates",
    "correction",
    "retention",
    "sealing",
    "destruction",
    "backup",
    "restore",
    "drill",
    "audit",
    "inspect",
    "rectify",
    "policy",
    "detect",
    "incident",
    "observe",
    "demo",
)
#: Commands whose module is loaded alone: an auditor verifies a long export in the memory that this takes.
_ALONE: Final = frozenset({"audit", "detect"})


def build(command: str = "") -> typer.Typer:
    """The command line: the whole of it, or that of one command which needs no other.

    Args:
        command: the command that will be run, if it is known.
    """
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

    for name in (command,) if command in _ALONE else _COMMANDS:
        import_module(f"ops.commands.{name}").register(app)
    return app


def main() -> None:
    """Run the command line; exit status 1 for an error, 2 for wrong usage."""
    try:
        app = build(sys.argv[1] if len(sys.argv) > 1 else "")
        calm_the_collector()
        app()
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
