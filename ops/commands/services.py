"""``dangan up``, ``down``, ``doctor`` and ``init``: the services and whether they are as they should be."""

from __future__ import annotations

import asyncio
import json
import logging
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ops.config import default_home, load_settings, settings_file
from ops.private_files import read_by_others
from schemas.errors import DanganError
from schemas.settings import Settings

if TYPE_CHECKING:
    from ops.embedded.program import Service
    from ops.embedded.stack import Stack

_ALL_OF_THEM = 3

Home = Annotated[
    Path | None, typer.Option("--home", help="Folder of the installation; default DANGAN_HOME or ./.dangan.")
]


class Kafka(StrEnum):
    """Which Kafka ``dangan up`` starts."""

    AUTO = "auto"
    BROKER = "broker"
    MOCK = "mock"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(up)
    app.command()(down)
    app.command()(doctor)
    app.command()(init)


def up(
    with_: Annotated[
        str, typer.Option("--with", help="Which services, comma separated.", metavar="kafka,mongo,vault")
    ] = "kafka,mongo,vault",
    home: Home = None,
    kafka: Annotated[Kafka, typer.Option(help="A real broker (Java and Maven), or the mock cluster.")] = Kafka.AUTO,
) -> None:
    """Start Kafka, MongoDB and Vault on this machine, in the background."""
    stack_type = _launcher()
    services = _services(with_)
    console = Console()
    where = home or default_home()
    with console.status("starting") as status:

        def step(text: str) -> None:
            console.print(f"  {escape(text)}", highlight=False)
            status.update(escape(text))

        stack = stack_type.start(where, services, kafka=kafka.value, on_step=step, keep=True)
        if sum(stack.pid(service) is not None for service in stack.services) == _ALL_OF_THEM:
            step("bringing indexes, ingest key and trust file into place")
            _provision(stack.settings)
    table = Table(title=f"running in {stack.home}", title_justify="left")
    for column in ("service", "kind", "address", "process", "log"):
        table.add_column(column, overflow="fold")
    for service in stack.services:
        if (pid := stack.pid(service)) is not None:
            row = (service.value, stack.kind(service), stack.address(service), str(pid), str(stack.log_path(service)))
            table.add_row(*row)
    console.print(table)
    console.print(f"settings: {settings_file(stack.home)}", highlight=False, soft_wrap=True)


def down(home: Home = None) -> None:
    """Stop what ``dangan up`` started; the data stay."""
    stack = _launcher().attach(home or default_home())
    running = [service.value for service in stack.services if stack.pid(service) is not None]
    stack.stop()
    Console().print(f"stopped {', '.join(running)}" if running else "nothing was running")


def doctor(
    home: Home = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check programs, services, keys, tokens, topics and settings, and say how to mend what is wrong."""
    from ops.doctor import examine  # noqa: PLC0415 - loads every client there is

    # A service that does not answer is a finding, told once; the client's own warnings would tell it again.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    findings = examine(home or default_home())
    if as_json:
        typer.echo(json.dumps([finding.as_dict() for finding in findings], indent=1, ensure_ascii=False))
    else:
        styles = {"ok": "green", "warning": "yellow", "wrong": "bold red"}
        table = Table()
        for column in ("", "check", "found", "what to do"):
            table.add_column(column, overflow="fold")
        for one in findings:
            mark = f"[{styles[one.verdict]}]{one.verdict}[/]"
            table.add_row(mark, escape(one.check), escape(one.found), escape(one.mend))
        Console().print(table)
    if any(finding.verdict == "wrong" for finding in findings):
        raise typer.Exit(1)


def init(
    token_file: Annotated[
        Path, typer.Option(help="File (0600) with a Vault token that may manage mounts, policies, keys, tokens.")
    ],
    home: Home = None,
) -> None:
    """Make the configured Kafka and Vault fit for dangan: topics, keys, policies, role tokens; idempotent."""
    from ops.bootstrap import bootstrap  # noqa: PLC0415 - see doctor

    settings = load_settings(home)
    console = Console()

    def say(text: str) -> None:
        console.print(f"  {escape(text)}", highlight=False)

    bootstrap(settings, vault_token=_token(token_file), say=say)
    say("bringing indexes, ingest key and trust file into place")
    _provision(settings)


def _token(file: Path) -> SecretStr:
    try:
        if read_by_others(file):
            raise DanganError("DG-OPS-020", detail=f"{file} is readable by others")
        return SecretStr(file.read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise DanganError("DG-OPS-020", detail=str(file)) from error


def _provision(settings: Settings) -> None:
    from ops.provision import provision  # noqa: PLC0415 - see doctor

    asyncio.run(provision(settings))


def _launcher() -> type[Stack]:
    try:
        from ops.embedded.stack import Stack  # noqa: PLC0415 - absent without the extra "embedded"
    except ModuleNotFoundError as error:
        raise DanganError("DG-OPS-008", detail=f"{error.name} is missing") from error
    return Stack


def _services(names: str) -> list[Service]:
    from ops.embedded.program import Service  # noqa: PLC0415 - see _launcher

    try:
        return [Service(name.strip()) for name in names.split(",")]
    except ValueError as error:
        raise typer.BadParameter(f"{error}: choose from {', '.join(Service)}", param_hint="--with") from error
