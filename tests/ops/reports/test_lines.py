"""Lines on paper: they fit, they lose nothing, they break where they may, and no character is an empty box."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.printable import printable
from ops.reports.fonts import CJK, covered, runs, spelled, width_of
from ops.reports.lines import _NOT_FIRST, Style, fill
from tests.ops.reports.samples import HOSTILE

TEXTS = (
    st.text(max_size=200).map(printable)
    | st.text("ab 销毁，。（）-/.", max_size=200)
    | st.sampled_from(HOSTILE).map(printable)
)
STYLES = st.builds(Style, size=st.floats(6, 20), bold=st.booleans(), mono=st.booleans())


@settings(deadline=None)
@given(text=TEXTS, width=st.floats(60, 500), style=STYLES)
def test_every_line_fits_and_nothing_is_lost(text: str, width: float, style: Style) -> None:
    lines = fill(text, width, style)
    for line in lines:
        assert width_of(line, style.size, bold=style.bold, mono=style.mono) <= width + 1e-6
    assert "".join("".join(lines).split()) == "".join(spelled(text).split())


@settings(deadline=None)
@given(text=st.text("销毁档案，。；：！？）》”", min_size=1, max_size=120), width=st.floats(100, 300))
def test_no_line_begins_with_what_closes(text: str, width: float) -> None:
    lines = fill(text, width, Style())
    for before, line in pairwise(lines):
        # more closing signs than a line has room for must stand somewhere
        assert line[0] not in _NOT_FIRST or all(char in _NOT_FIRST for char in before[1:])


@settings(deadline=None)
@given(TEXTS)
def test_each_run_is_drawn_by_a_font_that_has_its_characters(text: str) -> None:
    for run in runs(text):
        if run.font == CJK:
            assert all(covered(char) for char in run.text)
        else:
            run.text.encode("cp1252")


def test_latin_words_stay_whole_and_chinese_breaks_anywhere() -> None:
    assert fill("the destruction of records", 90, Style()) == ("the destruction of", "records")
    assert max(map(len, fill("档案销毁证明" * 10, 100, Style(10)))) == 10


@pytest.mark.parametrize(("char", "drawn"), [("\U0001f600", "[U+1F600]"), ("\ufffd", "[U+FFFD]"), ("ש", "[U+05E9]")])
def test_a_character_that_no_font_has_is_spelled_out(char: str, drawn: str) -> None:
    assert not covered(char)
    assert spelled(f"a{char}b") == f"a{drawn}b"


def test_common_chinese_is_in_the_font() -> None:
    chars = [bytes((high, low)).decode("gb2312") for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFA)]
    assert len(chars) > 3500
    assert not [char for char in chars if not covered(char)]
