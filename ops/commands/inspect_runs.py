"""What every inspection on the command line has in common: who, under which role, and its report."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from consumers.rules import Rules
from ops.audited import Desk
from ops.commands.arranging import as_arranger
from ops.inspections.paper import run_report
from ops.inspections.runs import Found, keep
from ops.inspections.runs import Progress as Told
from ops.printable import plain
from ops.reports import Report, Section, show_report, write_report
from schemas.inspections import RunKind
from schemas.locales import LOCALES, Locale, nearest, of_environment
from store.inspections import Run

T = TypeVar("T")
#: Whose post it is to inspect (合规、审计、档案部门); the supervision of secrecy is also others'.
INSPECTORS: Final = ("compliance", "auditor", "archivist", "custodian")
SUPERVISORS: Final = (*INSPECTORS, "security_officer", "client_manager", "director")

As = Annotated[Path, typer.Option("--as", help="Your key file: of compliance, audit, or the archive department.")]
To = Annotated[
    Path | None,
    typer.Option("--report", help="Write the report too: a folder, or FILE.pdf, FILE.html, FILE.json."),
]
Language = Annotated[str | None, typer.Option(help="Of the report: en or zh-CN. By default that of errors.")]
Organisation = Annotated[str, typer.Option(help="Whose archive it is; stands at the report's head.")]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who inspects what installation, and where the report goes."""

    home: Path | None
    key: Path
    passphrase_file: Path | None
    policies: Path | None = None
    report: Path | None = None
    language: str | None = None
    organisation: str = ""

    @property
    def locale(self) -> Locale:
        """The language that is reported in."""
        if self.language is None:
            return of_environment(os.environ)
        if not self.language.lower().startswith(("en", "zh")):
            raise typer.BadParameter(f"choose one of {', '.join(LOCALES)}", param_hint="--language")
        return nearest(self.language)


def act(
    asked: Asked,
    what: Callable[[Desk, Rules], Awaitable[T]],
    *,
    roles: Sequence[str] = INSPECTORS,
    vault_role: str = "admin",
) -> T:
    """Do something in the name of an inspector.

    Raises:
        DanganError: DG-OPS-060.
    """
    return as_arranger(
        asked.home, asked.key, asked.passphrase_file, what, asked.policies, roles=roles, vault_role=vault_role
    )


async def kept(desk: Desk, kind: RunKind, found: Found, *, since: int, until: int) -> Run:
    """Keep a run that has just been made."""
    return await keep(desk, kind, found, since=since, until=until, now=now())


def tell(asked: Asked, run: Run, more: Sequence[Section] = ()) -> None:
    """Show a run's report and write it; exit status 1 when something was found."""
    put_out(asked, run_report(run, organisation=asked.organisation, more=more))
    if run.total:
        raise typer.Exit(1)


def put_out(asked: Asked, report: Report) -> None:
    """Show a report, and write its files where they were asked for."""
    locale = asked.locale
    show_report(report, Console(), language=locale)
    if asked.report is not None:
        for path in write_report(report, asked.report, language=locale):
            Console().print(plain(f"wrote {path}"), soft_wrap=True)


class Bar:
    """A progress bar on the terminal's error stream; nothing where that is no terminal."""

    def __init__(self, what: str) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(what, total=None)

    def __enter__(self) -> Told:
        """Begin; give what is told how far it is."""
        self._bar.start()
        return lambda done, of: self._bar.update(self._task, completed=done, total=of)

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        self._bar.stop()


def now() -> int:
    """UNIX seconds."""
    return int(time.time())
