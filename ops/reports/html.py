"""A report as one HTML file that needs nothing else: no script, no font, no address; the accessible form.

A content security policy in the file forbids whatever could be added to it; every text is escaped by the template,
and texts of unknown origin are kept apart in the direction of their writing (``bdi``, ``dir=auto``).
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from ops.printable import printable
from ops.reports.charts import as_svg
from ops.reports.data import digest
from ops.reports.layout import shares
from ops.reports.model import Attachment, Cell, Chart, Report, Table
from ops.reports.values import MAX_VERBATIM, SIGNS, clipped, shown
from ops.reports.words import Words, say, told

_FOLDER: Final = Path(__file__).parent / "templates"
#: U+2068 and U+2069: what stands between them does not change the order of what stands around it (UAX 9).
_ISOLATE: Final = "\N{FIRST STRONG ISOLATE}%s\N{POP DIRECTIONAL ISOLATE}"


def as_html(report: Report) -> bytes:
    """The report in its language, in UTF-8."""
    page = _Page(report)
    text = _template().render(report=report, page=page, style=_style(), digest=digest(report))
    return text.encode()


@cache
def _template() -> Template:
    loader = FileSystemLoader(_FOLDER)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True).get_template(
        "report.html.j2"
    )


def _style() -> Markup:
    return Markup((_FOLDER / "report.css").read_text("utf-8"))  # noqa: S704 - a file of this package


class _Page:
    """What the template asks for: texts in the report's language; only pictures come as markup."""

    signs = SIGNS

    def __init__(self, report: Report) -> None:
        self._report = report

    def say(self, key: str, **places: Words | int) -> str:
        return self.words(say(key, **places))

    def words(self, words: Words) -> str:
        return clipped(told(words, self._report.language, isolated))

    def cell(self, cell: Cell) -> str:
        return shown(cell, self._report.language, self._report.zone, isolated)

    def svg(self, chart: Chart) -> Markup:
        return Markup(as_svg(chart, self._report.language))  # noqa: S704 - made by a DOM, which escapes texts

    def verbatim(self, text: str) -> str:
        return printable(text[:MAX_VERBATIM])

    def left_out(self, text: str) -> str:
        if len(text) <= MAX_VERBATIM:
            return ""
        return self.say("report-verbatim-cut", shown=MAX_VERBATIM, all=len(text))

    @staticmethod
    def kind(block: object) -> str:
        return type(block).__name__

    @staticmethod
    def values(value: Cell | tuple[Cell, ...]) -> tuple[Cell, ...]:
        return value if isinstance(value, tuple) else (value,)

    def shares(self, table: Table) -> list[str]:
        # wider letters than Helvetica's are to fit as well
        return [f"{share / 10:.1f}%" for share in shares(table, self._report, 1000.0, 16.0)]

    @staticmethod
    def level(cell: Cell) -> str:
        return getattr(cell, "level", "")

    @staticmethod
    def sha256(attachment: Attachment) -> str:
        return attachment.sha256


def isolated(text: str) -> str:
    """Printable text; one with letters that are written from right to left is kept apart from what is around it."""
    seen = printable(text)
    if seen.isascii() or not any(unicodedata.bidirectional(char) in ("R", "AL") for char in seen):
        return seen
    return _ISOLATE % seen
