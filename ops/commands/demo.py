"""``dangan demo``: the whole story in the terminal, each claim checked by the run itself."""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ops.demo.claims import Claims
from ops.demo.stage import Stage
from ops.logs import configure_logging
from schemas.errors import DanganError

#: Below this there are not enough customers with an identity number to choose from.
_FEWEST = 20
#: How wide the output is at least where it goes to a file, in characters.
_WIDTH = 140


def register(app: typer.Typer) -> None:
    """Add ``dangan demo`` to the command line."""
    app.command("demo")(demo)


def demo(
    records: Annotated[int, typer.Option(min=_FEWEST, help="How many customers.")] = 10_000,
    home: Annotated[Path | None, typer.Option(help="A fresh folder for it; a temporary one by default.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the folder afterwards; the services are stopped.")] = False,
    fast: Annotated[bool, typer.Option("--fast", help="Leave out the search of the services' disks.")] = False,
) -> None:
    """Tell the whole story on real services: collect, read, refuse, destroy, restore, prove.

    Exit status 1 if a claim of the final table is false.
    """
    try:
        from ops.demo.story import Plan, tell  # noqa: PLC0415 - absent without the extra "embedded"
    except ModuleNotFoundError as error:
        raise DanganError("DG-OPS-008", detail=f"{error.name} is missing") from error
    configure_logging(logging.CRITICAL)  # what goes wrong is told on the stage; the worker has a log of its own
    if home is not None and home.exists() and any(home.iterdir()):
        raise DanganError("DG-OPS-040", field=str(home))
    folder = (home or Path(tempfile.mkdtemp(prefix="dangan-demo-"))).expanduser().absolute()
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH)
    stage = Stage(console)
    claims = Claims(stage.console)
    try:
        asyncio.run(tell(Plan(folder, records, search=not fast), stage, claims))
    finally:
        if not keep and home is None:
            shutil.rmtree(folder, ignore_errors=True)
    stage.console.print()
    stage.console.print(claims.table())
    where = f"; everything is in {folder}" if keep or home is not None else ""
    stage.console.print(f"{stage.clock() - stage.began:.0f} seconds{where}", highlight=False, soft_wrap=True)
    if not claims.hold:
        raise typer.Exit(1)
