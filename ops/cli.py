"""The ``dangan`` command: each module in ``ops/commands`` registers its own; errors are told here, in one place."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ops.commands import (
    admin,
    approve,
    attachment,
    audit,
    backup,
    demo,
    destruction,
    ingest,
    keys,
    publish,
    request,
    services,
    worker,
)
from ops.printable import printable
from schemas.errors import DanganError

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
    destruction,
    backup,
    audit,
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
        debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
    ) -> None:
        """Read by :func:`main`, which tells errors: commands need not know of it."""

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
        tell(error)
        sys.exit(1)


def tell(error: DanganError) -> None:
    """Print an error for a person: its code, what happened, what to do next."""
    console = Console(stderr=True, soft_wrap=True)
    where = f" [{error.field}]" if error.field else ""
    console.print(
        f"[bold red]{error.code}[/]{escape(printable(where))} {escape(printable(error.sentence))}", highlight=False
    )
    console.print(f"  -> {escape(error.next_step)}", highlight=False)
