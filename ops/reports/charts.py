"""Charts: drawn once with reportlab's shapes, so that the picture on paper and the one on a page are the same.

A chart never tells a number by colour alone: values stand beside bars and in legends, and every form lists them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from decimal import Decimal
from typing import Any, Final

from reportlab.graphics.renderSVG import SVGCanvas
from reportlab.graphics.renderSVG import draw as draw_svg
from reportlab.graphics.shapes import Circle, Drawing, Line, PolyLine, Rect, String, Wedge
from reportlab.lib.colors import HexColor

from ops.reports.fonts import runs, spelled, width_of
from ops.reports.model import Chart
from ops.reports.values import shown
from ops.reports.words import told
from schemas.locales import Locale

WIDTH: Final = 500.0
#: Told apart also by who does not see red or green, and on white paper in grey.
COLOURS: Final = ("#1d4e89", "#d9822b", "#2f7d5b", "#8c3f7a", "#5b6673", "#b23a33", "#2c9ab7", "#8a7a1f")
_INK, _SOFT, _LINE = HexColor("#1b2430"), HexColor("#55606e"), HexColor("#d5dbe2")
_SIZE: Final = 8.5
_ROW: Final = 19.0
_MOST_LABEL: Final = 0.36
#: Rows of bars and legends are closer together where they would not fit on a page.
_MOST_ROWS: Final = 600.0
_TICKS: Final = 5


def drawing(chart: Chart, language: Locale, width: float = WIDTH, *, split: bool = True) -> Any:
    """The chart as a reportlab drawing.

    Args:
        chart: its numbers and words.
        language: the reader's.
        width: in points; the height follows.
        split: one piece for each font, as PDF needs; otherwise a text is one piece, as browsers like it.
    """
    canvas = _Canvas(chart, language, width, split)
    match chart.kind:
        case "bar" | "stacked":
            return _bars(canvas)
        case "line":
            return _lines(canvas)
        case "donut":
            return _donut(canvas)


def as_svg(chart: Chart, language: Locale) -> str:
    """The chart as an ``<svg>`` element with a title and a description for those who hear pages."""
    drawn = drawing(chart, language, split=False)
    canvas: Any = SVGCanvas((drawn.width, drawn.height), useClip=True, svgAttrs={"role": "img"})
    draw_svg(drawn, canvas)
    for name, text in (("title", told(chart.title, language)), ("desc", described(chart, language))):
        (element,) = canvas.svg.getElementsByTagName(name)
        element.firstChild.data = text
    for group in canvas.svg.getElementsByTagName("g"):
        for attribute in ("id", "clip"):
            if group.hasAttribute(attribute):  # an id must be unique in the page
                group.removeAttribute(attribute)
    svg: str = canvas.svg.toxml()
    return svg


def described(chart: Chart, language: Locale) -> str:
    """The chart's numbers in words."""
    parts = []
    for series in chart.series:
        values = ", ".join(
            f"{told(label, language)} {shown(value, language, UTC)}"
            for label, value in zip(chart.labels, series.values, strict=True)
        )
        name = told(series.name, language)
        parts.append(f"{name}: {values}" if name else values)
    return "; ".join(parts)


class _Canvas:
    """A drawing that grows from the top, with the chart's words at hand."""

    def __init__(self, chart: Chart, language: Locale, width: float, split: bool) -> None:
        self.chart, self.language, self.width, self._split = chart, language, width, split
        self.labels = [told(label, language) for label in chart.labels]
        self.names = [told(series.name, language) for series in chart.series]
        self.shapes: list[Any] = []

    def number(self, value: int | Decimal) -> str:
        return shown(value, self.language, UTC)

    def add(self, shape: Any) -> None:
        self.shapes.append(shape)

    def text(
        self, x: float, y: float, text: str, *, anchor: float = 0.0, colour: Any = _INK, bold: bool = False
    ) -> None:
        """Put a text; ``anchor`` is the share of its width that lies left of ``x``."""
        x -= anchor * width_of(text, _SIZE, bold=bold)
        y = round(y * 2) / 2  # the SVG renderer knows no smaller steps for texts
        if not self._split:
            name = "Helvetica-Bold" if bold else "Helvetica"
            self.add(String(x, y, spelled(text), fontName=name, fontSize=_SIZE, fillColor=colour))
            return
        for run in runs(text, bold=bold):
            self.add(String(x, y, run.text, fontName=run.font, fontSize=_SIZE, fillColor=colour))
            x += width_of(run.text, _SIZE, bold=bold)

    def finished(self, height: float) -> Any:
        """Everything, moved up so that nothing is below zero."""
        whole = Drawing(self.width, height)
        for shape in self.shapes:
            whole.add(shape)
        return whole

    def legend(self, y: float) -> float:
        """Names of the series beside their colours, in lines that start below ``y``; the height that they take."""
        x, used = 0.0, _ROW
        for index, whole in enumerate(self.names):
            name = fitted(whole, self.width - 20)
            takes = 16 + width_of(name, _SIZE) + 14
            if x and x + takes > self.width:
                x, used = 0.0, used + _ROW
            self.add(Rect(x, y - used + 5, 9, 9, fillColor=colour_of(index), strokeColor=None))
            self.text(x + 13, y - used + 6, name)
            x += takes
        return used + 4


def _bars(canvas: _Canvas) -> Any:
    chart = canvas.chart
    stacked = chart.kind == "stacked"
    totals = [sum(series.values[index] for series in chart.series) for index in range(len(chart.labels))]
    numbers = [canvas.number(total) for total in totals]
    left = min(canvas.width * _MOST_LABEL, max((width_of(label, _SIZE) for label in canvas.labels), default=0)) + 8
    right = max((width_of(number, _SIZE, bold=True) for number in numbers), default=0) + 8
    legend = _legend_height(canvas) if stacked else 0.0
    row = _row(len(chart.labels))
    height = legend + row * max(1, len(chart.labels)) + 6
    room, top = canvas.width - left - right, max(totals, default=0) or 1
    if stacked:
        canvas.legend(height)
    for index, label in enumerate(canvas.labels):
        base = height - legend - row * (index + 1)
        canvas.text(left - 8, base + row / 2 - 3, fitted(label, left - 8), anchor=1.0)
        x = left
        for place, series in enumerate(chart.series):
            wide = float(series.values[index] / top) * room if series.values[index] else 0.0
            if wide:
                canvas.add(Rect(x, base + row * 0.15, wide, row * 0.7, fillColor=colour_of(place), strokeColor=None))
            x += wide
        canvas.text(x + 5, base + row / 2 - 3, numbers[index], bold=True)
    canvas.add(Line(left, 3, left, height - legend, strokeColor=_SOFT, strokeWidth=0.7))
    return canvas.finished(height)


def _row(count: int) -> float:
    return min(_ROW, _MOST_ROWS / max(1, count))


def _legend_height(canvas: _Canvas) -> float:
    return _Canvas(canvas.chart, canvas.language, canvas.width, split=False).legend(0)


def _lines(canvas: _Canvas) -> Any:
    chart, count = canvas.chart, len(canvas.labels)
    legend = _legend_height(canvas) if len(chart.series) > 1 else 0.0
    plot, foot = 150.0, 22.0
    height = foot + plot + 10 + legend
    ticks = list(_ticks(max((value for series in chart.series for value in series.values), default=0)))
    left = max(width_of(canvas.number(tick), _SIZE) for tick in ticks) + 8
    room, top = canvas.width - left - 12, ticks[-1]
    if legend:
        canvas.legend(height)
    for tick in ticks:
        y = foot + plot * float(tick / top)
        canvas.add(Line(left, y, canvas.width, y, strokeColor=_LINE, strokeWidth=0.6))
        canvas.text(left - 6, y - 3, canvas.number(tick), anchor=1.0, colour=_SOFT)
    places = [left + 6 + room * (index / (count - 1) if count > 1 else 0.5) for index in range(count)]
    canvas.add(Line(left, foot, canvas.width, foot, strokeColor=_SOFT, strokeWidth=0.7))
    free = left - 20
    for place, label in zip(places, canvas.labels, strict=True):
        wide = width_of(label, _SIZE)
        start = min(max(place - wide / 2, 0), canvas.width - wide - 6)  # a browser's letters may be wider
        if start >= free and start >= 0:  # labels that would run into each other are left out
            canvas.text(start, foot - 14, label, colour=_SOFT)
            free = start + wide + 10
    for index, series in enumerate(chart.series):
        points = [(x, foot + plot * float(value / top)) for x, value in zip(places, series.values, strict=True)]
        flat = [each for point in points for each in point]
        if count > 1:
            dash = None if index == 0 else (6 - index % 4, 2)
            canvas.add(PolyLine(flat, strokeColor=colour_of(index), strokeWidth=1.8, strokeDashArray=dash))
        for x, y in points if count <= 31 else ():
            canvas.add(Circle(x, y, 2.3, fillColor=colour_of(index), strokeColor=None))
    return canvas.finished(height)


def _donut(canvas: _Canvas) -> Any:
    chart, radius = canvas.chart, 62.0
    values: Sequence[int | Decimal] = chart.series[0].values if chart.series else ()
    total = sum(values)
    step = _row(len(values))
    height = max(2 * radius + 10, step * len(values) + 10)
    x, y, start = radius + 4, height / 2, 90.0
    for index, value in enumerate(values):
        extent = 360 * float(value / total) if total else 0.0
        if extent:
            wedge = (x, y, radius, start - min(extent, 359.99), start)
            look = {"fillColor": colour_of(index), "strokeColor": HexColor("#ffffff"), "strokeWidth": 1}
            canvas.add(Wedge(*wedge, radius1=radius * 0.6, **look))
        start -= extent
    if not total:
        canvas.add(Circle(x, y, radius, fillColor=None, strokeColor=_LINE))
    canvas.text(x, y - 3, canvas.number(total), anchor=0.5, bold=True)
    base = y + step * len(values) / 2
    for index, (label, value) in enumerate(zip(canvas.labels, values, strict=True)):
        row = base - step * (index + 1)
        share = f"{100 * float(value / total):.1f} %" if total else ""
        canvas.add(Rect(2 * radius + 30, row + step / 2 - 4, 8, 8, fillColor=colour_of(index), strokeColor=None))
        canvas.text(2 * radius + 46, row + step / 2 - 3, fitted(label, canvas.width - 2 * radius - 190))
        canvas.text(canvas.width - 72, row + step / 2 - 3, canvas.number(value), anchor=1.0, bold=True)
        canvas.text(canvas.width - 8, row + step / 2 - 3, share, anchor=1.0, colour=_SOFT)
    return canvas.finished(height)


def _ticks(top: int | Decimal) -> Iterator[int | Decimal]:
    """From zero to at least ``top``, in about five steps of 1, 2 or 5 times a power of ten."""
    step: int | Decimal = 1
    while step * _TICKS < top:
        step *= Decimal("2.5") if str(step).startswith("2") else 2
        step = int(step)
    reached: int | Decimal = 0
    yield reached
    while reached < top or not reached:
        reached += step
        yield reached


def colour_of(index: int) -> Any:
    """The colour of the n-th series; they come again after eight."""
    return HexColor(COLOURS[index % len(COLOURS)])


def fitted(text: str, width: float) -> str:
    """The text, cut with three dots to the width in points."""
    if width_of(text, _SIZE) <= width + 0.01:  # floats
        return text
    while text and width_of(text + "…", _SIZE) > width:
        text = text[:-1]
    return text + "…"
