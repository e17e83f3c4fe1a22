"""Lists of the archive department: months, categories, limits, terminals."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ops.archive_lists import months_later, within
from ops.listing import Form, put_out
from schemas.errors import DanganError


@pytest.mark.clause("ARR-08")
@given(st.integers(0, 4_000_000_000), st.integers(1, 120))
def test_a_review_is_due_on_the_same_day_of_a_later_month_or_its_last(start: int, months: int) -> None:
    before = datetime.fromtimestamp(start, UTC)
    after = datetime.fromtimestamp(months_later(start, months), UTC)
    assert (after.year * 12 + after.month) - (before.year * 12 + before.month) == months
    next_day = datetime.fromtimestamp(after.timestamp() + 86_400, UTC)
    assert after.day == before.day or (after.day < before.day and next_day.day == 1)
    assert after.time() == before.time()


@pytest.mark.clause("ARR-11")
def test_a_category_holds_its_subcategories_and_no_others() -> None:
    assert within("basic.identity", "basic")
    assert within("basic", "basic")
    assert not within("basic", "basic.identity")
    assert not within("basics", "basic")


class Lines:
    """Lines without an end, that count how many were asked for."""

    def __init__(self) -> None:
        self.asked = 0

    async def lines(self) -> AsyncGenerator[Mapping[str, str]]:
        while True:
            self.asked += 1
            yield {"record": f"rec-{self.asked}", "gap": "[red]\x1b[2Jx"}


async def test_a_list_stops_at_its_limit(capsys: pytest.CaptureFixture[str]) -> None:
    lines, out = Lines(), StringIO()
    await put_out(Console(file=out, width=100), "gaps", ("record", "gap"), lines.lines(), Form(False, None, 3))
    assert lines.asked == 4
    assert "rec-3" in out.getvalue()
    assert "rec-4" not in out.getvalue()
    assert "\x1b[2J" not in out.getvalue()
    assert "[red]" in out.getvalue()
    assert "--csv FILE" in capsys.readouterr().err
    await put_out(Console(), "gaps", ("record", "gap"), lines.lines(), Form(True, None, 2))
    assert [line["record"] for line in json.loads(capsys.readouterr().out)] == ["rec-5", "rec-6"]


async def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    form = Form(False, tmp_path / "no" / "such.csv", 1)
    with pytest.raises(DanganError, match="DG-OPS-033"):
        await put_out(Console(), "gaps", ("record", "gap"), Lines().lines(), form)
