"""A report on a terminal: the same parts, in Rich's tables; pictures are bars of blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rich.console import Console, JustifyMethod
from rich.panel import Panel
from rich.table import Column as RichColumn
from rich.table import Table as RichTable
from rich.text import Text

from ops.printable import printable
from ops.reports.model import (
    Block,
    Cell,
    Chart,
    Facts,
    Figures,
    Kind,
    Level,
    Paragraph,
    Points,
    Report,
    Status,
    Table,
    Verbatim,
)
from ops.reports.values import SIGNS, shown
from ops.reports.words import Words, say, told
from schemas.locales import Locale

#: Rows of a table that a terminal shows; files have them all.
ROWS: Final = 50
_VERBATIM: Final = 400
_BAR: Final = 40
_JUSTIFY: Final[dict[Kind, JustifyMethod]] = {"number": "right"}
_STYLES: Final[dict[Level, str]] = {"good": "green", "attention": "yellow", "bad": "red", "neutral": ""}


def show_report(report: Report, console: Console, *, language: Locale | None = None, rows: int = ROWS) -> None:
    """Print a report.

    Args:
        report: what.
        console: where.
        language: the reader's; the report's own by default.
        rows: how many rows of each table are shown.
    """
    _Terminal(report, console, language or report.language, rows).show()


class _Terminal:
    def __init__(self, report: Report, console: Console, language: Locale, rows: int) -> None:
        self._report, self._console, self._language, self._rows = report, console, language, rows

    def show(self) -> None:
        report = self._report
        head = [report.organisation] if report.organisation else []
        if report.period:
            begin, end = report.period
            head.append(self._told(say("report-from-until", **{"from": begin.isoformat(), "until": end.isoformat()})))
        head.append(f"{self._told(say('report-generated'))} {self._shown(report.generated_at)} {report.zone}")
        self._console.print(Panel(Text(printable(" · ".join(head))), title=Text(self._told(report.title), "bold")))
        for section in (*report.sections, *report.annex):
            self._console.print(Text(f"\n{self._told(section.title)}", "bold"))
            for block in section.blocks:
                self._block(block)
        for note in report.footnotes:
            self._console.print(Text(self._told(note), "dim"))

    def _block(self, block: Block) -> None:
        match block:
            case Paragraph():
                sign = f"{SIGNS[block.level]} " if block.level else ""
                self._console.print(Text(sign + self._told(block.words), _STYLES[block.level or "neutral"]))
            case Points():
                for index, point in enumerate(block.points):
                    mark = f"{index + 1}." if block.numbered else "-"
                    self._console.print(Text(f"{mark} {self._told(point)}"))
            case Facts():
                self._facts([(fact.name, fact.value) for fact in block.facts])
            case Figures():
                self._facts([(figure.name, figure.value) for figure in block.figures])
            case Table():
                self._table(block)
            case Chart():
                self._chart(block)
            case Verbatim():
                text = printable(block.text)
                tail = "\N{HORIZONTAL ELLIPSIS}" if len(text) > _VERBATIM else ""
                self._console.print(Text(self._told(block.title), "bold"))
                self._console.print(Text(text[:_VERBATIM] + tail, "dim"), soft_wrap=True)

    def _facts(self, facts: list[tuple[Words, Cell | tuple[Cell, ...]]]) -> None:
        table = RichTable.grid(RichColumn(style="dim"), RichColumn(overflow="fold"), padding=(0, 2))
        for name, value in facts:
            cells = value if isinstance(value, tuple) else (value,)
            table.add_row(Text(self._told(name)), Text("\n").join([self._cell(cell) for cell in cells]))
        self._console.print(table)

    def _table(self, block: Table) -> None:
        columns = [
            RichColumn(Text(self._told(each.name)), justify=_JUSTIFY.get(each.kind, "left"), overflow="fold")
            for each in block.columns
        ]
        table = RichTable(*columns, title=Text(self._told(block.title)), title_justify="left")
        for row in block.rows[: self._rows]:
            table.add_row(*(self._cell(cell) for cell in row))
        self._console.print(table)
        if more := block.more + max(0, len(block.rows) - self._rows):
            self._console.print(Text(self._told(say("report-more-rows", count=more)), "dim"))

    def _chart(self, chart: Chart) -> None:
        table = RichTable.grid(RichColumn(), RichColumn(), RichColumn(justify="right"), RichColumn(), padding=(0, 1))
        top = max((value for series in chart.series for value in series.values), default=0) or 1
        for index, label in enumerate(chart.labels):
            for series in chart.series:
                value = series.values[index]
                bar = "█" * round(value / top * _BAR)
                name = self._told(series.name) if len(chart.series) > 1 else ""
                table.add_row(Text(self._told(label)), Text(name, "dim"), self._shown(value), Text(bar, "blue"))
        self._console.print(Text(f"{self._told(chart.title)} {self._unit(chart)}", "italic"))
        self._console.print(table)

    def _unit(self, chart: Chart) -> str:
        unit = self._told(chart.unit)
        return f"[{unit}]" if unit else ""

    def _cell(self, cell: Cell) -> Text:
        if isinstance(cell, Status):
            return Text(f"{SIGNS[cell.level]} {self._shown(cell)}", _STYLES[cell.level])
        return Text(self._shown(cell))

    def _shown(self, cell: Cell) -> str:
        return shown(cell, self._language, self._report.zone)

    @property
    def _told(self) -> Callable[[Words], str]:
        return lambda words: told(words, self._language)
