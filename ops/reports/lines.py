"""Text on paper: lines that fit, in any mixture of Latin and Chinese, and drawn without reading markup in them.

reportlab's own Paragraph reads its text as XML and is not used for that reason: here nothing is parsed, so a text of
unknown origin can be anything (docs/adr/0024-reports-on-paper.md). Chinese breaks between characters, except before
what closes and after what opens; Latin between words; what is too wide for a line breaks anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from reportlab.lib.colors import HexColor

from ops.reports.fonts import CJK, runs, spelled, width_of

INK: Final = HexColor("#1b2430")
SOFT: Final = HexColor("#55606e")
LINE: Final = HexColor("#cfd6de")
ACCENT: Final = HexColor("#1d3a5f")
SHADE: Final = HexColor("#f4f6f9")
WHITE: Final = HexColor("#ffffff")

_WIDE: Final = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_PIECE: Final = re.compile(rf"[{_WIDE}]\s*|[^\s{_WIDE}]+\s*|\s+")
#: No line begins with these, and none ends with those (GB/T 15834, kinsoku).
_NOT_FIRST: Final = frozenset("，。、；：！？）》】〉」』”’…·%,.;:!?)]}")
_NOT_LAST: Final = frozenset("（《【〈「『“‘([{")
#: Where a word that is too wide is rather broken.
_SOFT_BREAKS: Final = frozenset("-/:_.@,;|+=")


@dataclass(frozen=True, slots=True)
class Style:
    """How letters look: size and distance of lines in points."""

    size: float = 9.5
    leading: float = 14.0
    colour: Any = INK
    bold: bool = False
    mono: bool = False


@lru_cache(maxsize=1 << 14)
def fill(text: str, width: float, style: Style) -> tuple[str, ...]:
    """The text in lines of at most ``width`` points; one empty line for no text."""
    text = spelled(text)
    if _width(text, style) <= width:
        return (text,)
    lines: list[str] = []
    line, used = "", 0.0
    for piece in _pieces(text):
        if line and used + _width(piece.rstrip(), style) > width:
            lines.append(line.rstrip())
            line, used = "", 0.0
        if _width(piece.rstrip(), style) > width:
            *whole, piece = _broken(piece, width, style)  # noqa: PLW2901 - its last part goes on
            lines += whole
        line += piece
        used += _width(piece, style)
    return (*lines, line.rstrip())


def _pieces(text: str) -> Iterator[str]:
    """What is not divided: words and characters, with what may not begin or end a line beside them."""
    held = ""
    for piece in _PIECE.findall(text):
        joined = held and (held[-1] in _NOT_LAST or (piece[0] in _NOT_FIRST and not held[-1].isspace()))
        if held and not joined:
            yield held
            held = ""
        held += piece
    if held:
        yield held


def _broken(piece: str, width: float, style: Style) -> list[str]:
    """Parts of a word that is too wide, each as wide as a line has room for."""
    parts: list[str] = []
    start, used, soft = 0, 0.0, 0
    for index, char in enumerate(piece):
        wide = _width(char, style)
        if used + wide > width and index > start:
            end = soft if soft - start > (index - start) // 2 else index
            parts.append(piece[start:end])
            used = _width(piece[end:index], style)
            start = soft = end
        used += wide
        if char in _SOFT_BREAKS:
            soft = index + 1
    return [*parts, piece[start:]]


def draw(canvas: Any, x: float, y: float, text: str, style: Style) -> None:
    """Put one line on a canvas, its baseline at ``y``; a bold Chinese text gets a stroke, for lack of a bold face."""
    canvas.saveState()
    canvas.setFillColor(style.colour)
    for run in runs(text, bold=style.bold, mono=style.mono):
        heavy = style.bold and run.font == CJK
        if heavy:
            canvas.setStrokeColor(style.colour)
            canvas.setLineWidth(style.size * 0.02)
        canvas.setFont(run.font, style.size)
        canvas.drawString(x, y, run.text, mode=2 if heavy else 0)
        x += width_of(run.text, style.size, bold=style.bold, mono=style.mono)
    canvas.restoreState()


def draw_right(canvas: Any, x: float, y: float, text: str, style: Style) -> None:
    """Put one line so that it ends at ``x``."""
    draw(canvas, x - _width(text, style), y, text, style)


def _width(text: str, style: Style) -> float:
    return width_of(text, style.size, bold=style.bold, mono=style.mono)
