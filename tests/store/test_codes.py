"""Codes in the real store: many workers at once, a worker that dies at any write, records that come twice."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ops.embedded.stack import Stack
from schemas.archive_code import CodeTemplate, Wanted
from schemas.errors import Refusal
from store import codes
from store.codes import Codes
from store.database import Database, connect

pytestmark = pytest.mark.flow
TEMPLATE = CodeTemplate("{type}{year}{serial:03}-{part:02}")
SERIES = {"type": "P", "year": "2023"}


class Killed(BaseException):
    """The worker was killed."""


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    async with connect(stack.settings.mongo_uri.get_secret_value(), f"t{uuid.uuid4().hex}") as opened:
        await codes.ensure_indexes(opened)
        yield opened
        await opened.client.drop_database(opened.name)


def wanted(count: int, customers: int = 10**9) -> list[Wanted]:
    return [Wanted(f"rec-{at:05d}", f"sub-{at % customers:05d}") for at in range(count)]


async def check_whole(database: Database, records: list[Wanted]) -> None:
    """No gap, no clash, each record exactly one code."""
    found = [doc async for doc in database["codes"].find({})]
    assert Counter(doc["record"] for doc in found) == Counter(each.record for each in records)
    of_customer = {each.record: each.customer for each in records}
    parts: dict[int, list[int]] = {}
    owner: dict[int, set[str]] = {}
    for doc in found:
        place = TEMPLATE.place(doc["_id"])
        assert place.series == SERIES
        parts.setdefault(place.serial, []).append(place.part)
        owner.setdefault(place.serial, set()).add(of_customer[doc["record"]])
    assert sorted(parts) == list(range(1, len({each.customer for each in records}) + 1))
    assert all(sorted(each) == list(range(1, len(each) + 1)) for each in parts.values())
    assert all(len(each) == 1 for each in owner.values())


@pytest.mark.clause("ARR-10")
async def test_a_second_call_gives_nothing_new(database: Database) -> None:
    allocator = Codes(database, TEMPLATE)
    first = await allocator.give(SERIES, wanted(5, 3) * 2)
    assert sorted(first.values()) == ["P2023001-01", "P2023001-02", "P2023002-01", "P2023002-02", "P2023003-01"]
    assert await allocator.give(SERIES, wanted(5, 3)) == first == await allocator.of([r for r, _ in wanted(9)])
    assert await allocator.record_of("P2023003-01") == "rec-00002"
    assert await allocator.record_of("P2023009-01") is None
    later = await allocator.give(SERIES, [Wanted("rec-00009", "sub-00001"), Wanted("rec-00008", "sub-00009")])
    assert later == {"rec-00009": "P2023002-03", "rec-00008": "P2023004-01"}


@pytest.mark.clause("ARR-10")
async def test_many_workers_at_once_leave_no_gap_and_no_clash(database: Database) -> None:
    records = wanted(900, 333)
    workers = [Codes(database, TEMPLATE) for _ in range(6)]
    await asyncio.gather(*(worker.give(SERIES, records[at * 60 :]) for at, worker in enumerate(workers)))
    await check_whole(database, records)


class Dying:
    """A collection whose owner is killed at its n-th write, before it or after it."""

    def __init__(self, inner: Any, clock: dict[str, int], when: str) -> None:
        self._inner, self._clock, self._when = inner, clock, when

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in ("insert_many", "insert_one", "replace_one"):
            return method

        async def call(*args: Any, **options: Any) -> Any:
            self._clock["left"] -= 1
            if self._clock["left"] == 0 and self._when == "before":
                raise Killed
            if self._clock["left"] == 0 and self._when == "half" and name == "insert_many":
                await self._inner.insert_many(list(args[0])[::2], ordered=False)
                raise Killed
            result = await method(*args, **options)
            if self._clock["left"] == 0:
                raise Killed
            return result

        return call


@pytest.mark.clause("ARR-10")
@pytest.mark.parametrize("when", ["before", "half", "after"])
@pytest.mark.parametrize("write", range(1, 7))
async def test_a_worker_killed_at_any_write_leaves_no_gap(database: Database, write: int, when: str) -> None:
    clock = {"left": write}
    dying = {name: Dying(database[name], clock, when) for name in ("codes", "code_series")}
    records = wanted(300, 250)
    with pytest.raises(Killed):
        await Codes(dying, TEMPLATE).give(SERIES, records)  # type: ignore[arg-type]
    # Others do not even want the records that the dead one had begun to number.
    other = [Wanted("rec-other", "sub-other")]
    await Codes(database, TEMPLATE, patience=0.05).give(SERIES, other)
    begun = await Codes(database, TEMPLATE).of([each.record for each in records])
    await check_whole(database, [each for each in records if each.record in begun] + other)
    await Codes(database, TEMPLATE).give(SERIES, records)
    await check_whole(database, records + other)


@pytest.mark.clause("ARR-10")
async def test_a_record_that_got_a_code_of_another_series_meanwhile_keeps_it(database: Database) -> None:
    """The number that was meant for it is spent on nobody, and an entry says so: no gap, and no second code."""
    allocator = Codes(database, TEMPLATE)
    real = allocator.of
    first = True

    async def blind(records: Any) -> dict[str, str]:
        nonlocal first
        found = {} if first else await real(records)
        first = False
        return found

    await Codes(database, TEMPLATE).give({"type": "C", "year": "2022"}, [Wanted("rec-x", "sub-x")])
    allocator.of = blind  # type: ignore[method-assign]
    given = await allocator.give(SERIES, [Wanted("rec-x", "sub-x"), Wanted("rec-y", "sub-y")])
    assert given == {"rec-x": "C2022001-01", "rec-y": "P2023002-01"}
    assert await database["codes"].find_one({"_id": "P2023001-01"}) == {
        "_id": "P2023001-01", "series": "type=P;year=2023", "n": [1, 1], "void": True
    }  # fmt: skip


@pytest.mark.clause("ARR-10")
async def test_a_code_that_cannot_be_made_spends_no_number(database: Database) -> None:
    with pytest.raises(Refusal, match="DG-ARR-010"):
        await Codes(database, CodeTemplate("{business}-{serial}")).give({"business": "b" * 64}, wanted(1))
    assert await database["code_series"].find_one({}) is None
