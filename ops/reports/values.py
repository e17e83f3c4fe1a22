"""A cell as its reader sees it: numbers grouped, moments in the report's zone, nothing for nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Final

from ops.printable import printable
from ops.reports.model import Cell, Level, Status
from ops.reports.words import told
from schemas.locales import Locale

#: What stands where there is no value.
NOTHING: Final = "\N{EN DASH}"
#: The longest text that a cell or a paragraph shows; the JSON data has the whole.
MAX_SHOWN: Final = 2_000
#: Characters of a verbatim text that stand on paper: about ten pages.
MAX_VERBATIM: Final = 40_000
#: A sign beside each judgement, so that it is not told by colour alone.
SIGNS: Final[dict[Level, str]] = {"good": "+", "attention": "!", "bad": "×", "neutral": "·"}


def shown(cell: Cell, language: Locale, zone: timezone, data: Callable[[str], str] = printable) -> str:
    """The cell as one line of text.

    Args:
        cell: the value.
        language: the reader's.
        zone: what a moment is told in; the report names it once.
        data: as in :func:`ops.reports.words.told`.
    """
    match cell:
        case None:
            return NOTHING
        case Status(words=words):
            return clipped(told(words, language, data))
        case datetime():
            return cell.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
        case date():
            return cell.isoformat()
        case int() | Decimal():
            return f"{cell:,}"
        case _:
            return clipped(told(cell, language, data)) or NOTHING


def clipped(text: str) -> str:
    """The text, cut to what is shown; three dots say so."""
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "\N{HORIZONTAL ELLIPSIS}"
