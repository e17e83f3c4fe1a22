"""Rows of a CSV, JSON Lines or Excel file, with the row numbers a person sees in a spreadsheet.

A file is checked as a whole before its first row is used: what is wrong with its form (encoding, header, ragged
rows) is told by row number, and nothing is sent. Errors never quote a cell.
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from openpyxl import load_workbook

from schemas.errors import DanganError

Cell = str | bool | int | float
MAX_CELL: Final = 1 << 20
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number (the header of a table is row 1) and its cells that are not empty, by column."""

    number: int
    cells: dict[str, Cell] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Table:
    """A file that has been looked through: its columns, and how many rows there are."""

    path: Path
    columns: tuple[str, ...]
    rows: int

    def __iter__(self) -> Iterator[Row]:
        """The rows, read anew."""
        return _READERS[self.path.suffix.lower()](self.path)


def read_table(path: Path) -> Table:
    """Look a file through.

    Raises:
        DanganError: DG-PUB-001 (cannot be read), 002 (header), 003 (a row's form; the detail has its number).
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DanganError("DG-PUB-001", field=path.name, detail=f"known: {', '.join(_READERS)}")
    columns: dict[str, None] = {}
    rows = 0
    try:
        for row in reader(path):
            columns.update(dict.fromkeys(row.cells))
            rows += 1
        if path.suffix.lower() not in {".jsonl", ".ndjson"}:
            columns = dict.fromkeys(_header(path))
    except OSError as error:
        raise DanganError("DG-PUB-001", field=path.name, detail=error.strerror or type(error).__name__) from None
    if not rows:
        raise DanganError("DG-PUB-002", field=path.name, detail="there are no rows")
    return Table(path, tuple(columns), rows)


def encoding_of(path: Path) -> str:
    """The text's encoding: by its byte order mark, else UTF-8 if it is that, else GB 18030 (also covers GBK).

    Raises:
        DanganError: DG-PUB-001 when it is neither.
    """
    with path.open("rb") as file:
        start = file.read(4)
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name
    for name in ("utf-8", "gb18030"):
        if _decodes(path, name):
            return name
    raise DanganError("DG-PUB-001", field=path.name, detail="neither UTF-8 nor GB 18030")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _header(path: Path) -> tuple[str, ...]:
    rows = _sheet(path) if path.suffix.lower() == ".xlsx" else _lines(path)
    return _checked_header(path, next(rows, ()))


def _checked_header(path: Path, cells: tuple[Any, ...]) -> tuple[str, ...]:
    names = ["" if cell is None else str(cell).strip() for cell in cells]
    if not any(names):
        raise DanganError("DG-PUB-002", field=path.name, detail="row 1 holds no column names")
    while not names[-1]:
        names.pop()
    if "" in names:
        raise DanganError("DG-PUB-002", field=path.name, detail=f"column {names.index('') + 1} has no name")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DanganError("DG-PUB-002", field=twice[0], detail="the column is there twice")
    return tuple(names)


def _table(path: Path, rows: Iterator[tuple[Any, ...]], *, may_be_short: bool) -> Iterator[Row]:
    header = _checked_header(path, next(rows, ()))
    for number, cells in enumerate(rows, start=2):
        values = [_cell(cell) for cell in cells]
        if all(value is None for value in values):
            continue
        extra = any(value is not None for value in values[len(header) :])
        if extra or (len(values) != len(header) and not may_be_short):
            detail = f"row {number} has {len(values)} cells, the header {len(header)}"
            raise DanganError("DG-PUB-003", field=path.name, detail=detail)
        named = zip(header, values, strict=False)
        yield Row(number, {name: value for name, value in named if value is not None})


def _csv(path: Path) -> Iterator[Row]:
    return _table(path, _lines(path), may_be_short=False)


def _lines(path: Path) -> Iterator[tuple[str, ...]]:
    with path.open(encoding=encoding_of(path), newline="") as file:
        first = file.readline()
        file.seek(0)
        delimiter = max(",;\t", key=first.count)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        number = 0
        try:
            for number, cells in enumerate(reader, start=1):  # noqa: B007 - named in the error
                yield tuple(cells)
        except csv.Error:
            detail = f"row {number + 1} is not well quoted, or a cell is too long"
            raise DanganError("DG-PUB-003", field=path.name, detail=detail) from None


def _excel(path: Path) -> Iterator[Row]:
    return _table(path, _sheet(path), may_be_short=True)


def _sheet(path: Path) -> Iterator[tuple[Any, ...]]:
    """The first sheet. Formulas give the value that was saved with them."""
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (OSError, ValueError, KeyError, SyntaxError) as error:
        raise DanganError("DG-PUB-001", field=path.name, detail=type(error).__name__) from None
    except Exception as error:  # noqa: BLE001 - zipfile.BadZipFile and openpyxl's own have no common base
        raise DanganError("DG-PUB-001", field=path.name, detail=type(error).__name__) from None
    try:
        yield from book.worksheets[0].iter_rows(values_only=True)
    finally:
        book.close()


def _json_lines(path: Path) -> Iterator[Row]:
    with path.open(encoding=encoding_of(path)) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                cells = json.loads(line, object_pairs_hook=_unique)
                yield Row(number, {name: _scalar(cell) for name, cell in cells.items() if cell not in (None, "")})
            except (ValueError, AttributeError, TypeError, RecursionError):
                detail = f"row {number} is not a JSON object of plain values with distinct names"
                raise DanganError("DG-PUB-003", field=path.name, detail=detail) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("twice")
    return dict(pairs)


def _scalar(cell: Any) -> Cell:
    if not isinstance(cell, Cell):
        raise TypeError("nested")
    return cell


def _cell(cell: Any) -> Cell | None:
    """Text as it stands without its margins; what spreadsheets make of numbers and dates, made text again."""
    if cell is None:
        return None
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat()
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip() or None


_READERS: Final = {".csv": _csv, ".tsv": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines, ".xlsx": _excel}
