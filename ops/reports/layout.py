"""How a table's width is shared: by what stands in its columns. Ids and dates stay whole, text gets the rest."""

from __future__ import annotations

from heapq import nlargest
from typing import Final

from ops.reports.fonts import width_of
from ops.reports.model import Report, Table
from ops.reports.values import shown
from ops.reports.words import told

#: How many of a column's longest texts are measured: the widest is among them or hardly narrower.
_SAMPLE: Final = 30
#: Room inside a cell, left and right of its text, in points; that of a status' sign besides.
PADDING: Final = 5.0
SIGN: Final = 11.0
#: A column of text asks for no more than this many characters' width, and gives up no more than this share.
_WANTED: Final = 46
_LEAST: Final = 0.09


def shares(table: Table, report: Report, width: float, size: float) -> list[float]:
    """The columns' widths in points, which add up to ``width``.

    Args:
        table: its columns and rows; ``Column.width`` weighs how what is left over is shared.
        report: language and zone.
        width: of the whole table.
        size: of the letters.
    """
    wanted = [_wanted(table, index, report, size) for index in range(len(table.columns))]
    given = [0.0] * len(wanted)
    left, open_columns = width, set(range(len(wanted)))
    while open_columns:  # those that ask for less than their part get it; the others share what is left
        part = left / len(open_columns)
        modest = {index for index in open_columns if wanted[index] <= part}
        for index in modest:
            given[index] = wanted[index]
            left -= wanted[index]
        open_columns -= modest
        if not modest:
            asked = sum(wanted[index] for index in open_columns)
            for index in open_columns:
                given[index] = max(left * wanted[index] / asked, width * _LEAST)
            break
    return _stretched(given, [column.width if column.kind == "text" else 0 for column in table.columns], width)


def _wanted(table: Table, index: int, report: Report, size: float) -> float:
    column = table.columns[index]
    mono = column.kind == "reference"
    widest = width_of(told(column.name, report.language)[:_WANTED], size, bold=True)
    texts = dict.fromkeys(shown(row[index], report.language, report.zone)[:_WANTED] for row in table.rows)
    for text in nlargest(_SAMPLE, texts, key=len):
        widest = max(widest, width_of(text, size, mono=mono, bold=column.kind == "status"))
    return widest + 2 * PADDING + 1 + (SIGN if column.kind == "status" else 0)


def _stretched(given: list[float], weights: list[int], width: float) -> list[float]:
    spare = width - sum(given)
    weights = weights if any(weights) else [1] * len(given)
    if spare < 0:
        return [each * width / sum(given) for each in given]
    return [each + spare * weight / sum(weights) for each, weight in zip(given, weights, strict=True)]
