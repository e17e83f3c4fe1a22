"""The table for people and the file for machines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.rows import Row, Side

_COLOURS: Final = {"aim": "bold green", "must": "yellow", "missed": "bold red", "-": "dim"}


def show(console: Console, rows: Sequence[Row]) -> None:
    """Print the table, and below it the notes."""
    table = Table(title="dangan: measured side by side in this run", show_lines=True)
    for name in ("row", "what", "value: median (min .. max)", "floor: median (min .. max)", "ratio", "must", "aim", ""):
        table.add_column(name, overflow="fold", justify="right" if name in ("ratio", "must", "aim") else "left")
    for row in rows:
        sign = "" if row.target is None else ">= " if row.target.at_least else "<= "
        table.add_row(
            row.id,
            row.what,
            _text(row.value),
            f"{row.floor.name}\n{_text(row.floor)}" if row.floor else "-",
            f"{_number(row.figure)}\n({_number(min(row.ratios))} .. {_number(max(row.ratios))})" if row.ratios else "-",
            sign + _number(row.target.must) if row.target else "-",
            sign + _number(row.target.aim) if row.target else "-",
            f"[{_COLOURS[row.verdict]}]{row.verdict}[/]",
        )
    console.print(table)
    for row in rows:
        if row.notes:
            console.print(f"[bold]{row.id}[/] {row.notes}")


def write(file: Path, rows: Sequence[Row], about: dict[str, Any]) -> None:
    """Write every sample."""
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {**about, "rows": [row.as_json() for row in rows]}
    file.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))


def _text(side: Side) -> str:
    spread = f" ({_number(min(side.samples))} .. {_number(max(side.samples))})" if len(side.samples) > 1 else ""
    return f"{_number(side.median)} {side.unit}{spread}"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
