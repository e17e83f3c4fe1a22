"""``dangan worker``: process commands from Kafka until told to stop."""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path
from typing import Annotated

import typer

from ops.config import load_settings
from ops.logs import configure_logging
from ops.private_files import private
from ops.rules import rules_of
from streams.worker import run


def register(app: typer.Typer) -> None:
    """Add ``dangan worker`` to the command line."""
    app.command("worker")(worker)


def worker(
    home: Annotated[Path | None, typer.Option(help="Folder of this installation.")] = None,
    name: Annotated[str, typer.Option(help="The worker's name in the audit stream.")] = "",
    role: Annotated[str, typer.Option(help="Vault role whose token is used: worker or worker-basic.")] = "worker",
    policies: Annotated[Path | None, typer.Option(help="Folder with catalogue.toml and cedar/.")] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Process commands until SIGTERM or Ctrl-C.

    Start as many as the topics have partitions. Exit status 75 means: could not go on, start me again; whatever
    was not finished is taken up by the next worker.
    """
    configure_logging(getattr(logging, log_level.upper(), logging.INFO))
    settings = load_settings(home)
    rules = rules_of(settings, policies)
    private(settings.token_file(role))
    chosen = (name or f"worker-{socket.gethostname()}")[:27]
    asyncio.run(run(settings, rules, name=chosen, role=role))
