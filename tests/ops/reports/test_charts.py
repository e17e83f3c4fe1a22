"""Pictures: the numbers are there in words, texts stay texts, and none is higher than a page."""

from __future__ import annotations

from decimal import Decimal
from xml.dom import minidom

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.reports import Chart, Series
from ops.reports.charts import _ticks, as_svg, drawing, fitted
from ops.reports.fonts import width_of
from ops.reports.model import MAX_LABELS
from tests.ops.reports.samples import HOSTILE

KINDS = ("bar", "stacked", "line", "donut")


def chart(kind: str, words: str, count: int = 3) -> Chart:
    return Chart(kind, words, (words,) * count, (Series(words, tuple(range(count))),), words)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", HOSTILE)
def test_a_picture_is_well_formed_and_told_in_words(kind: str, words: str) -> None:
    svg = minidom.parseString(as_svg(chart(kind, words), "en")).documentElement
    assert svg is not None
    assert not svg.getElementsByTagName("script")
    (title,), (description,) = svg.getElementsByTagName("title"), svg.getElementsByTagName("desc")
    assert title.firstChild is not None
    assert description.firstChild is not None
    assert " 2" in description.firstChild.nodeValue
    assert {each.tagName for each in svg.getElementsByTagName("*")} <= {
        "title", "desc", "g", "rect", "text", "path", "circle", "polyline", "polygon",
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 2, MAX_LABELS])
def test_no_picture_is_higher_than_a_page_or_wider_than_its_place(kind: str, count: int) -> None:
    drawn = drawing(chart(kind, "销毁" * 100, count), "zh-CN")
    assert drawn.height <= 650
    left, below, right, above = drawn.getBounds() if drawn.contents else (0, 0, 0, 0)
    assert left >= -1
    assert below >= -1
    assert right <= drawn.width + 1
    assert above <= drawn.height + 1


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_at_all_is_drawn_too(kind: str) -> None:
    assert as_svg(Chart(kind, "t", ("a",), (Series("", (0,)),)), "en")  # type: ignore[arg-type]
    assert as_svg(Chart(kind, "t", (), ()), "zh-CN")  # type: ignore[arg-type]


@given(st.integers(0, 10**12) | st.decimals(0, 10**6, places=2))
def test_an_axis_reaches_the_highest_value_in_a_few_steps(top: int | Decimal) -> None:
    ticks = list(_ticks(top))
    assert ticks[0] == 0
    assert ticks[-1] >= top
    assert 2 <= len(ticks) <= 7


@settings(deadline=None)
@given(st.text(max_size=60), st.floats(20, 200))
def test_a_label_fits(text: str, width: float) -> None:
    assert width_of(fitted(text, width), 8.5) <= width + 0.02
