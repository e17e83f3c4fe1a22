"""The ``dangan`` command: each module in ``ops/commands`` registers its own; errors are told here, in one place."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from ops.printable import printable
from schemas.errors import DanganError
from schemas.locales import DEFAULT, LOCALES, Locale, nearest, of_environment
from streams.collector import calm_the_collector

#: The modules of ``ops/commands`` with the commands and groups that each registers, in the order of the help.
_COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "services": ("up", "down", "doctor", "init"),
    "worker": ("worker",),
    "admin": ("admin",),
    "ingest": ("ingest",),
    "keys": ("keys",),
    "publish": ("publish",),
    "attachment": ("attachment",),
    "reading": ("access", "browse", "search"),
    "watermark": ("watermark",),
    "destroy": ("destroy",),
    "use": ("use",),
    "share": ("share",),
    "approve": ("approve", "catalogue"),
    "collection": ("collection",),
    "intake": ("intake",),
    "archive": ("archive",),
    "media": ("media",),
    "custody": ("custody",),
    "duplicates": ("duplicates", "merge"),
    "correction": ("correction",),
    "retention": ("retention",),
    "sealing": ("seal",),
    "destruction": ("sweep", "certificate"),
    "backup": ("backup",),
    "restore": ("restore",),
    "drill": ("drill",),
    "audit": ("audit",),
    "inspect": ("inspect",),
    "rectify": ("rectify",),
    "policy": ("policy",),
    "profile": ("profile",),
    "detect": ("detect",),
    "incident": ("incident",),
    "observe": ("observe",),
    "demo": ("demo",),
}


def build(command: str = "") -> typer.Typer:
    """The command line: the whole of it, or what one command needs, which starts in half the time and memory.

    Args:
        command: the command that will be run; the whole command line if it is unknown or none.
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

    for name in [module for module, names in _COMMANDS.items() if command in names] or _COMMANDS:
        import_module(f"ops.commands.{name}").register(app)
    return app


def main() -> None:
    """Run the command line; exit status 1 for an error, 2 for wrong usage."""
    try:
        app = build(_command(sys.argv[1:]))
        calm_the_collector()
        app()
    except DanganError as error:
        if "--debug" in sys.argv[1:]:
            raise
        tell(error, of_environment(os.environ))
        sys.exit(1)
    except Exception as error:
        if "--debug" in sys.argv[1:] or not _store_is_away(error):
            raise
        tell(DanganError("DG-STO-001", detail=type(error).__name__), of_environment(os.environ))
        sys.exit(1)


def _store_is_away(error: Exception) -> bool:
    """Whether the database did not answer; whoever has not loaded its driver has not asked it."""
    if "pymongo" not in sys.modules:
        return False
    from store.database import TRANSIENT  # noqa: PLC0415 - commands that need no database start without it

    return isinstance(error, TRANSIENT)


def _command(words: Sequence[str]) -> str:
    """The first word that is no option of the program's own, nor its value."""
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            return word
        if word == "--help":
            break
        if word == "--lang":
            next(rest, None)
    return ""


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
