"""The fonts of paper: Helvetica and Courier, which every reader of PDF has, and an embedded one for Chinese.

``dangan-cjk.ttf`` is a subset of Droid Sans Fallback (Apache-2.0, see NOTICE beside it): GB 2312, punctuation and
signs. A character that no font has is written as its code point, ``[U+1F600]``: never as an empty box.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

FILE: Final = Path(__file__).parent / "dangan-cjk.ttf"
CJK: Final = "dangan-cjk"
_LATIN: Final = {(False, False): "Helvetica", (True, False): "Helvetica-Bold"}
_MONO: Final = "Courier"
#: Isolates (U+2068, U+2069) take no place and are not drawn.
_UNSEEN: Final = str.maketrans("", "", "\N{FIRST STRONG ISOLATE}\N{POP DIRECTIONAL ISOLATE}")


class Run(NamedTuple):
    """Characters that one font draws."""

    font: str
    text: str


def register() -> None:
    """Make the embedded font known to reportlab; once for a process."""
    _face()


def covered(char: str) -> bool:
    """Whether one of the fonts draws this character."""
    return _in_latin(char) or ord(char) in _face()


@lru_cache(maxsize=1 << 15)
def runs(text: str, *, bold: bool = False, mono: bool = False) -> tuple[Run, ...]:
    """The text in runs of one font each; what no font has is spelled out.

    Args:
        text: printable.
        bold: headings; Chinese has no bold face here, it is drawn with a stroke instead.
        mono: ids, digests, signed texts.
    """
    latin = _MONO if mono else _LATIN[bold, False]
    found: list[Run] = []
    for char in text.translate(_UNSEEN):
        if _in_latin(char):
            font, drawn = latin, char
        elif ord(char) in _face():
            font, drawn = CJK, char
        else:
            font, drawn = latin, f"[U+{ord(char):04X}]"
        if found and found[-1].font == font:
            found[-1] = Run(font, found[-1].text + drawn)
        else:
            found.append(Run(font, drawn))
    return tuple(found)


def spelled(text: str) -> str:
    """The text as it is drawn, with code points for what no font has."""
    return "".join(run.text for run in runs(text))


def width_of(text: str, size: float, *, bold: bool = False, mono: bool = False) -> float:
    """How wide the text is, in points."""
    return sum(_char_width(run.font, char) for run in runs(text, bold=bold, mono=mono) for char in run.text) * size


@lru_cache(maxsize=1 << 15)
def _char_width(font: str, char: str) -> float:
    if font == CJK:
        register()
    width: float = pdfmetrics.stringWidth(char, font, 1)
    return width


@lru_cache(maxsize=1 << 15)
def _in_latin(char: str) -> bool:
    try:
        char.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return char.isprintable()


@cache
def _face() -> dict[int, Any]:
    font = TTFont(CJK, str(FILE))
    pdfmetrics.registerFont(font)
    return {code: glyph for code, glyph in font.face.charToGlyph.items() if glyph}
