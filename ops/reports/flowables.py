"""The parts of a page: text, notices, key figures, lines to sign on. Each knows its height and where it may be cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from reportlab.lib.colors import HexColor
from reportlab.platypus import Flowable

from ops.reports.lines import ACCENT, INK, LINE, SHADE, SOFT, Style, draw, fill
from ops.reports.model import Level
from ops.reports.values import SIGNS

LEVELS: Final[dict[Level, Any]] = {
    "good": HexColor("#1f6b3f"),
    "attention": HexColor("#8a5300"),
    "bad": HexColor("#a3242c"),
    "neutral": HexColor("#44505f"),
}
BODY: Final = Style()
SMALL: Final = Style(8, 11.5, SOFT)
TITLE: Final = Style(20, 26, ACCENT, bold=True)
HEADING: Final = Style(13, 18, ACCENT, bold=True)
CAPTION: Final = Style(9.5, 14, INK, bold=True)
CODE: Final = Style(7, 9, INK, mono=True)
_FIGURE: Final = Style(17, 22, INK, bold=True)


class Part(Flowable):  # type: ignore[misc]  # reportlab has no types
    """Something on a page, with room before and after it (points)."""

    def __init__(self, before: float, after: float) -> None:
        super().__init__()
        self.spaceBefore, self.spaceAfter = before, after


class Text(Part):
    """Lines of one look; may be cut between lines."""

    def __init__(
        self, text: str | tuple[str, ...], style: Style = BODY, *, before: float = 0, after: float = 5
    ) -> None:
        super().__init__(before, after)
        self._text, self._style = text, style
        self._lines: tuple[str, ...] = ()

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Width and height that it takes."""
        del height
        self._lines = fill(self._text, width, self._style) if isinstance(self._text, str) else self._text
        return width, len(self._lines) * self._style.leading

    def split(self, width: float, height: float) -> list[Any]:
        """Two parts, the first of which fits; none when not even a line does."""
        self.wrap(width, height)
        fit = int(height // self._style.leading)
        if not 0 < fit < len(self._lines):
            return []
        parts = self._lines[:fit], self._lines[fit:]
        return [Text(part, self._style, after=self.spaceAfter) for part in parts]

    def draw(self) -> None:
        """Put it on the page."""
        y = len(self._lines) * self._style.leading - self._style.size
        for line in self._lines:
            draw(self.canv, 0, y, line, self._style)
            y -= self._style.leading


class Heading(Text):
    """A section's title, which readers of PDF list beside the pages."""

    def __init__(self, text: str, key: str) -> None:
        super().__init__(text, HEADING, before=14, after=7)
        self._title, self._key = text, key

    def split(self, width: float, height: float) -> list[Any]:
        """A heading is not cut."""
        del width, height
        return []

    def draw(self) -> None:
        """Put it on the page, with its bookmark and a line below."""
        self.canv.bookmarkPage(self._key)
        self.canv.addOutlineEntry(self._title, self._key, level=0)
        super().draw()
        self.canv.setStrokeColor(LINE)
        self.canv.setLineWidth(0.7)
        self.canv.line(0, -2, self._frame_width(), -2)

    def _frame_width(self) -> float:
        return float(self._frame._width - self._frame._leftPadding - self._frame._rightPadding)


class Notice(Part):
    """A paragraph that stands out, with a bar in its level's colour and its sign."""

    def __init__(self, text: str, level: Level) -> None:
        super().__init__(3, 8)
        self._text, self._level = text, level
        self._lines: tuple[str, ...] = ()
        self._width = 0.0

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Width and height that it takes."""
        del height
        self._width, self._lines = width, fill(self._text, width - 40, BODY)
        return width, len(self._lines) * BODY.leading + 12

    def draw(self) -> None:
        """Put it on the page."""
        height, colour = len(self._lines) * BODY.leading + 12, LEVELS[self._level]
        self.canv.setFillColor(SHADE)
        self.canv.rect(0, 0, self._width, height, stroke=0, fill=1)
        self.canv.setFillColor(colour)
        self.canv.rect(0, 0, 3.5, height, stroke=0, fill=1)
        y = height - 6 - BODY.size - 1
        draw(self.canv, 14, y, SIGNS[self._level], Style(11, 14, colour, bold=True))
        for line in self._lines:
            draw(self.canv, 30, y, line, BODY)
            y -= BODY.leading


class Tiles(Part):
    """Key figures side by side."""

    _GAP, _PAD = 8.0, 8.0

    def __init__(self, tiles: Sequence[tuple[str, str, Level]]) -> None:
        super().__init__(4, 10)
        self._tiles = tiles
        self._wide = self._high = 0.0

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Width and height that it takes."""
        del height
        count = max(1, len(self._tiles))
        self._wide = (width - self._GAP * (count - 1)) / count
        names = max((len(self._name(tile[0])) for tile in self._tiles), default=0)
        values = max((len(self._value(tile[1])) for tile in self._tiles), default=0)
        self._high = 12 + values * _FIGURE.leading + names * SMALL.leading
        return width, self._high

    def draw(self) -> None:
        """Put it on the page."""
        for index, (name, value, level) in enumerate(self._tiles):
            x = index * (self._wide + self._GAP)
            self.canv.setStrokeColor(LINE)
            self.canv.setLineWidth(0.7)
            self.canv.rect(x, 0, self._wide, self._high, stroke=1, fill=0)
            self.canv.setFillColor(LEVELS[level])
            self.canv.rect(x, self._high - 3, self._wide, 3, stroke=0, fill=1)
            y = self._high - 6 - _FIGURE.size
            for line in self._value(value):
                draw(self.canv, x + self._PAD, y, line, _FIGURE)
                y -= _FIGURE.leading
            y += _FIGURE.leading - SMALL.leading - 3
            for line in self._name(name):
                draw(self.canv, x + self._PAD, y, line, SMALL)
                y -= SMALL.leading

    def _name(self, name: str) -> tuple[str, ...]:
        return fill(name, self._wide - 2 * self._PAD, SMALL)[:4]

    def _value(self, value: str) -> tuple[str, ...]:
        return fill(value, self._wide - 2 * self._PAD, _FIGURE)[:3]


class Point(Text):
    """One of several short texts, with a dot or a number before it."""

    _INDENT = 16.0

    def __init__(self, mark: str, text: str) -> None:
        super().__init__(text, BODY, after=3)
        self._mark = mark

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Width and height that it takes."""
        return width, super().wrap(width - self._INDENT, height)[1]

    def split(self, width: float, height: float) -> list[Any]:
        """A point is not cut."""
        del width, height
        return []

    def draw(self) -> None:
        """Put it on the page."""
        draw(self.canv, 2, len(self._lines) * BODY.leading - BODY.size, self._mark, BODY)
        self.canv.translate(self._INDENT, 0)
        super().draw()


class Signing(Part):
    """Where one or two people sign, side by side: the role, then named lines to write on."""

    _STEP, _GAP, _NAMES = 25.0, 30.0, 84.0

    def __init__(self, people: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> None:
        super().__init__(4, 10)
        self._people = people
        self._wide = 0.0

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Width and height that it takes."""
        del height
        self._wide = (width - self._GAP) / 2
        return width, 16 + self._STEP * max(len(fields) for _, fields in self._people)

    def draw(self) -> None:
        """Put it on the page."""
        for index, (role, fields) in enumerate(self._people):
            x, y = index * (self._wide + self._GAP), self._STEP * len(fields) + 4
            draw(self.canv, x, y, fill(role, self._wide, CAPTION)[0], CAPTION)
            for name, value in fields:
                y -= self._STEP
                draw(self.canv, x, y + 3, name, SMALL)
                draw(self.canv, x + self._NAMES + 5, y + 3, fill(value, self._wide - self._NAMES - 5, BODY)[0], BODY)
                self.canv.setStrokeColor(INK)
                self.canv.setLineWidth(0.5)
                self.canv.line(x + self._NAMES, y, x + self._wide, y)
