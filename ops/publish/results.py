"""The result file: one line for each row, appended as answers come in, read again to go on after a break.

The file holds row numbers, opaque ids, codes and sentences; no cell of the published file. When a row has several
lines the last one counts. Command ids derive from a row's content, so a line still speaks of a row only if the row
has not changed since.
"""

from __future__ import annotations

import csv
import os
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ops.publish.reading import encoding_of
from schemas.errors import DanganError
from schemas.wire import UUID

#: Nothing is left to do for a row with one of these.
SETTLED: Final = frozenset({"accepted", "duplicate"})


@dataclass(frozen=True, slots=True)
class Line:
    """What became of a row: ``accepted``, ``duplicate``, ``refused`` (by a rule) or ``failed`` (no answer).

    ``of`` names the archive that the same customer has already, where the archive says so.
    """

    row: int
    record: str
    command: str
    status: str
    code: str = ""
    field: str = ""
    sentence: str = ""
    next_step: str = ""
    of: str = ""


_COLUMNS: Final = tuple(field.name for field in fields(Line))


class ResultFile:
    """Appends lines; a context manager. ``path`` None keeps the totals only.

    Attributes:
        totals: rows by status, those settled by earlier runs included once they are passed to :meth:`keep`.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        # 100,000 rows of an earlier run are held as 16 bytes and a shared word each, not as their lines.
        self._settled: dict[bytes, str] = _read(path) if path is not None and path.exists() else {}
        self.totals: Counter[str] = Counter()

    def __enter__(self) -> Self:
        """Open for appending; the header is written to a new file."""
        self._file = None
        if self._path is not None:
            try:
                torn = _mend_needed(self._path)
                self._file = self._path.open("a", encoding="utf-8", newline="")
            except OSError as error:
                raise DanganError("DG-PUB-007", field=str(self._path), detail=error.strerror) from None
            if torn:
                self._file.write("\r\n")
            self._writer = csv.writer(self._file)
            if self._file.tell() == 0:
                self._file.write("\ufeff")  # Excel takes UTF-8 for the local code page without it
                self._writer.writerow(_COLUMNS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write out and close."""
        if self._file is not None:
            self._file.close()

    def settled(self, command: str) -> str | None:
        """The status that an earlier run noted for that command, if nothing is left to do."""
        return self._settled.get(_key(command))

    def keep(self, status: str) -> None:
        """Count a row that an earlier run settled."""
        self.totals[status] += 1

    def add(self, line: Line) -> None:
        """Append a row's line, and count it."""
        self.totals[line.status] += 1
        if self._file is not None:
            self._writer.writerow(asdict(line).values())
            self._file.flush()


def _read(path: Path) -> dict[bytes, str]:
    newest: dict[bytes, str] = {}
    with path.open(encoding=encoding_of(path), newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) not in {_COLUMNS, ()}:
            raise DanganError("DG-PUB-007", field=str(path), detail="it is another kind of file")
        for cells in reader:
            line = _line(cells)
            if line is None or not UUID.fullmatch(line.command):
                continue
            if line.status in SETTLED:
                newest[_key(line.command)] = sys.intern(line.status)
            else:
                newest.pop(_key(line.command), None)
    return newest


def _key(command: str) -> bytes:
    return bytes.fromhex(command.replace("-", ""))


def _line(cells: Mapping[str, str | None]) -> Line | None:
    """The line, or None for one that a crash tore."""
    texts = [cells.get(name) for name in _COLUMNS]
    if any(text is None for text in texts) or not (texts[0] or "").isdecimal():
        return None
    return Line(int(texts[0] or 0), *(text or "" for text in texts[1:]))


def _mend_needed(path: Path) -> bool:
    if not path.exists() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
