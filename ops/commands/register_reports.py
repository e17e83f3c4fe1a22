"""Shows a register, or writes it as a report where a command was given ``--report``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console

from ops.commands.admin_acts import table
from ops.printable import plain
from ops.reports import write_report
from ops.reports.register import Register, register_report
from schemas.locales import LOCALES, nearest, of_environment


def show_register(
    register: Register, lines: Sequence[Mapping[str, str]], to: Path | None, language: str | None, organisation: str
) -> None:
    """Show the lines on the screen, or write them as :func:`write_register` where a report is asked for."""
    if to is not None:
        write_register(register, lines, to, language, organisation)
        return
    rows = table(*register.columns)
    for line in lines:
        rows.add_row(*map(plain, line.values()))
    Console().print(rows)


def write_register(
    register: Register, lines: Iterable[Mapping[str, str]], to: Path, language: str | None, organisation: str
) -> None:
    """Write the report, and say which files were written.

    Args:
        register: what is shown.
        lines: its lines.
        to: a folder, or a file ending in .pdf, .html or .json.
        language: of the report; that of the environment when None.
        organisation: stands at the report's head.

    Raises:
        DanganError: DG-RPT-001, 002 or 004.
    """
    if language is not None and not language.lower().startswith(("en", "zh")):
        raise typer.BadParameter(f"choose one of {', '.join(LOCALES)}", param_hint="--language")
    locale = of_environment(os.environ) if language is None else nearest(language)
    made = register_report(register, lines, organisation=organisation, generated_at=datetime.now(UTC))
    for path in write_report(made, to, language=locale):
        Console(stderr=True).print(plain(f"wrote {path}"), soft_wrap=True)
