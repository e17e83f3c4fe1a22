"""Bulk reads with pages under way ahead: every record once and in order, and a refusal is the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.reading.browse import pages_of
from schemas.replies import Result
from streams.bulk import pages


class Archive:
    """Answers as the archive does, with ids only; ``room`` is how many rows fit into a message."""

    def __init__(self, ids: set[str], limit: int, room: int) -> None:
        self.ids, self.limit, self.room = ids, limit, room
        self.recalled_after: int | None = None
        self.answered = self.under_way = self.most = 0

    async def ask(self, parts: Mapping[str, Any]) -> Result:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        if self.recalled_after is not None and self.answered >= self.recalled_after:
            return Result("c", "refused", "DG-ACC-002")
        self.answered += 1
        ids = sorted(each for each in self.ids if each > parts.get("after", ""))[: 4 * self.limit]
        count, after, ends = pages_of(ids, self.limit, parts.get("until"))
        if count > self.room:
            count, after = self.room, ids[self.room - 1]
        return Result("c", "accepted", values={"rows": ids[:count], "withheld": 0, "after": after, "next": ends})


async def read(archive: Archive, at_once: int) -> tuple[list[str], list[str | None]]:
    rows: list[str] = []
    codes: list[str | None] = []
    async with aclosing(pages(archive.ask, {"grant": "g"}, at_once=at_once)) as found:
        async for page in found:
            codes.append(page.code)
            values: Any = page.values or {"rows": []}
            rows += values["rows"]
    return rows, codes


IDS = st.sets(st.integers(0, 999).map(lambda number: f"r{number:03d}"), max_size=60)


@pytest.mark.clause("USE-10")
@settings(deadline=None)  # a busy machine is no failure
@given(IDS, st.integers(1, 9), st.integers(1, 9), st.integers(1, 5))
async def test_every_record_comes_once_and_in_order(ids: set[str], limit: int, room: int, at_once: int) -> None:
    archive = Archive(ids, limit, room)
    rows, codes = await read(archive, at_once)
    assert rows == sorted(ids)
    assert set(codes) == {None}
    assert archive.most <= at_once + 1  # the rest of a page that was cut comes beside those asked for already


@pytest.mark.clause("USE-07")
@settings(deadline=None)  # a busy machine is no failure
@given(IDS, st.integers(1, 9), st.integers(0, 6), st.integers(1, 5))
async def test_a_refusal_is_the_last_page(ids: set[str], limit: int, after: int, at_once: int) -> None:
    archive = Archive(ids, limit, limit)
    archive.recalled_after = after
    rows, codes = await read(archive, at_once)
    assert rows == sorted(ids)[: len(rows)]
    assert len(rows) <= after * limit
    assert None not in codes[codes.index("DG-ACC-002") :] if "DG-ACC-002" in codes else rows == sorted(ids)


async def test_pages_are_asked_for_ahead() -> None:
    archive = Archive({f"r{at:03d}" for at in range(100)}, 10, 10)
    await read(archive, 2)
    assert archive.most == 2


@settings(deadline=None)
@given(IDS, IDS.map(sorted), st.integers(1, 9))
def test_pages_to_the_ends_that_were_named_hold_every_id_once(ids: set[str], later: list[str], limit: int) -> None:
    every = sorted(ids)
    first, _, ends = pages_of(every, limit, None)
    assert all(end in ids for end in ends)
    known = sorted(ids | set(later))  # records that came meanwhile
    read = every[:first]
    for end in ends:
        while True:
            rest = [each for each in known if each > (read[-1] if read else "")]
            count, after, _ = pages_of(rest, limit, end)
            read += rest[:count]
            assert after is None or after == read[-1]
            if after is None:
                break
    assert read == every[:first] + [each for each in known if first and every[first - 1] < each <= (ends or [""])[-1]]
