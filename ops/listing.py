"""A list for people and for programs: a table, JSON or a CSV file; read as a stream, shown up to a limit."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from ops.printable import plain
from schemas.errors import DanganError


@dataclass(frozen=True, slots=True)
class Form:
    """How a list comes out.

    Attributes:
        as_json: a JSON array instead of a table.
        file: a CSV file that takes every line; only its owner may read it.
        limit: how many lines a table or the JSON array has at most.
    """

    as_json: bool
    file: Path | None
    limit: int


async def put_out(
    console: Console, title: str, columns: Sequence[str], lines: AsyncIterator[Mapping[str, str]], form: Form
) -> int:
    """Show a list, or write it; return how many lines there were, those beyond the limit counted only for a file.

    Raises:
        DanganError: DG-OPS-033 when the file cannot be written.
    """
    if form.file is not None:
        count = await _to_csv(form.file, columns, lines)
        console.print(plain(f"{title}: wrote {count} lines to {form.file}"), soft_wrap=True)
        return count
    shown: list[Mapping[str, str]] = []
    more = False
    async for line in lines:
        if len(shown) == form.limit:
            more = True
            break
        shown.append(line)
    if isinstance(lines, AsyncGenerator):  # what it read from is closed before the connection is
        await lines.aclose()
    if form.as_json:
        print(json.dumps(shown, ensure_ascii=False, indent=1))
    else:
        _table(console, title, columns, shown)
    if more:
        Console(stderr=True).print(f"the first {form.limit} lines; all of them: --csv FILE, or a larger --limit")
    return len(shown)


def _table(console: Console, title: str, columns: Sequence[str], lines: Sequence[Mapping[str, str]]) -> None:
    table = Table(*(Column(name, overflow="fold") for name in columns), title=f"{title}: {len(lines)}")
    for line in lines:
        table.add_row(*(plain(line[name]) for name in columns))
    console.print(table)


async def _to_csv(file: Path, columns: Sequence[str], lines: AsyncIterator[Mapping[str, str]]) -> int:
    count = 0
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, columns)
            writer.writeheader()
            async for line in lines:
                writer.writerow(line)
                count += 1
    except OSError as error:
        raise DanganError("DG-OPS-033", field=str(file), detail=type(error).__name__) from None
    return count
