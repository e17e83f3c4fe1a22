"""A table on paper: as long as it likes, its header on every page, rows never cut. Quick for 10,000 rows.

reportlab's own tables measure each cell as a paragraph and copy what is left at each page; here the lines of a cell
are found once, and a part of a table is two indices into the whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from ops.reports.flowables import LEVELS, Part
from ops.reports.layout import PADDING, SIGN
from ops.reports.lines import ACCENT, INK, LINE, SHADE, SOFT, WHITE, Style, draw, draw_right, fill
from ops.reports.model import Kind, Level
from ops.reports.values import SIGNS

SIZE: Final = 8.0
_LEADING: Final = 11.0
_HEAD: Final = Style(SIZE, _LEADING, WHITE, bold=True)
_LOOKS: Final[dict[Kind, Style]] = {
    "text": Style(SIZE, _LEADING, INK),
    "number": Style(SIZE, _LEADING, INK),
    "date": Style(SIZE, _LEADING, INK),
    "reference": Style(SIZE - 0.6, _LEADING, INK, mono=True),
    "status": Style(SIZE, _LEADING, INK, bold=True),
}
_NAME: Final = Style(SIZE, _LEADING, SOFT)
_PAD: Final = 3.5
#: No cell is higher, so that any row fits on a page.
_MOST_LINES: Final = 40


@dataclass(frozen=True, slots=True)
class Drawn:
    """A cell as it will be drawn."""

    lines: tuple[str, ...]
    style: Style
    right: bool = False
    level: Level | None = None


def drawn(text: str, kind: Kind, width: float, level: Level | None = None) -> Drawn:
    """A value's lines in a column of that width (points, padding included)."""
    style = _LOOKS[kind if level is None else "status"]
    if level is not None:
        style = Style(style.size, style.leading, LEVELS[level], bold=True)
    room = width - 2 * PADDING - (SIGN if level else 0)
    return Drawn(_cut(fill(text, room, style)), style, kind == "number" and level is None, level)


def drawn_name(text: str, width: float) -> Drawn:
    """The name of a fact."""
    return Drawn(_cut(fill(text, width - 2 * PADDING, _NAME)), _NAME)


def drawn_header(text: str, kind: Kind, width: float) -> Drawn:
    """A column's name."""
    return Drawn(_cut(fill(text, width - 2 * PADDING, _HEAD)), _HEAD, kind == "number")


def _cut(lines: tuple[str, ...]) -> tuple[str, ...]:
    if len(lines) <= _MOST_LINES:
        return lines
    return (*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1][:-1] + "\N{HORIZONTAL ELLIPSIS}")


class Grid(Part):
    """Rows from ``start`` to ``stop`` of a table, below its header if it has one."""

    def __init__(self, widths: Sequence[float], header: Sequence[Drawn], rows: Sequence[Sequence[Drawn]]) -> None:
        super().__init__(2, 10)
        self._widths, self._header, self._rows = widths, header, rows
        self._below = [0.0, *accumulate(_height(row) for row in rows)]
        self._start, self._stop = 0, len(rows)

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Width and height that it takes."""
        del width, height
        return sum(self._widths), self._head() + self._below[self._stop] - self._below[self._start]

    def split(self, width: float, height: float) -> list[Any]:
        """The rows that fit and the others; none when no row does."""
        del width
        reach = self._below[self._start] + height - self._head()
        cut = bisect_right(self._below, reach + 1e-6) - 1
        if not self._start < cut < self._stop:
            return []
        return [self._part(self._start, cut), self._part(cut, self._stop)]

    def _part(self, start: int, stop: int) -> Grid:
        part = Grid.__new__(Grid)
        Part.__init__(part, 2, 10)
        part._widths, part._header, part._rows, part._below = self._widths, self._header, self._rows, self._below
        part._start, part._stop = start, stop
        return part

    def draw(self) -> None:
        """Put it on the page."""
        y = self.wrap(0, 0)[1]
        if self._header:
            y -= self._head()
            self.canv.setFillColor(ACCENT)
            self.canv.rect(0, y, sum(self._widths), self._head(), stroke=0, fill=1)
            self._row(self._header, y, self._head())
        self.canv.setStrokeColor(LINE)
        self.canv.setLineWidth(0.5)
        for index in range(self._start, self._stop):
            high = self._below[index + 1] - self._below[index]
            y -= high
            if self._header and index % 2:
                self.canv.setFillColor(SHADE)
                self.canv.rect(0, y, sum(self._widths), high, stroke=0, fill=1)
            self._row(self._rows[index], y, high)
            self.canv.line(0, y, sum(self._widths), y)

    def _row(self, cells: Sequence[Drawn], below: float, high: float) -> None:
        x = 0.0
        for cell, width in zip(cells, self._widths, strict=True):
            y = below + high - _PAD - cell.style.size
            left = x + PADDING
            if cell.level:
                self.canv.setFillColor(LEVELS[cell.level])
                self.canv.circle(left + 3.5, y + 2.8, 4.2, stroke=0, fill=1)
                sign = Style(7.5, 9, WHITE, bold=True)
                half = {"+": 2.19, "!": 1.25, "×": 2.19}.get(SIGNS[cell.level], 1.0)
                draw(self.canv, left + 3.5 - half, y + 0.4, SIGNS[cell.level], sign)
                left += SIGN
            for line in cell.lines:
                if cell.right:
                    draw_right(self.canv, x + width - PADDING, y, line, cell.style)
                else:
                    draw(self.canv, left, y, line, cell.style)
                y -= cell.style.leading
            x += width

    def _head(self) -> float:
        return _height(self._header) + 1 if self._header else 0.0


def _height(row: Sequence[Drawn]) -> float:
    return max((len(cell.lines) for cell in row), default=0) * _LEADING + 2 * _PAD
