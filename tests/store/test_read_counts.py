"""The counts of reading, on the real store: shared by workers, and each message counted once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from ops.embedded.stack import Stack
from store.database import connect
from store.read_counts import Asked, ReadCounts, ensure_indexes

pytestmark = pytest.mark.flow

NOON = 1_800_000_000_000


@pytest.fixture
async def counts(stack: Stack) -> AsyncIterator[ReadCounts]:
    uri, name = stack.settings.mongo_uri.get_secret_value(), f"t{uuid.uuid4()}"
    async with connect(uri, name) as database:
        await ensure_indexes(database)
        yield ReadCounts(database)
        await database.client.drop_database(name)


async def test_messages_are_added_up_by_minute_and_day_and_principal(counts: ReadCounts) -> None:
    assert await counts.add("per:a", "m1", requests=2, records=202, at_ms=NOON) == Asked(2, 202)
    assert await counts.add("per:a", "m2", requests=1, records=1, at_ms=NOON + 1) == Asked(3, 203)
    assert await counts.add("per:a", "m3", requests=1, records=1, at_ms=NOON + 60_000) == Asked(1, 204)
    assert await counts.add("per:a", "m4", requests=1, records=1, at_ms=NOON + 86_400_000) == Asked(1, 1)
    assert await counts.add("per:b", "m1", requests=1, records=1, at_ms=NOON) == Asked(1, 1)


async def test_a_message_that_comes_again_counts_once_even_at_the_same_time(counts: ReadCounts) -> None:
    adds = [counts.add("per:a", f"m{at % 3}", requests=1, records=10, at_ms=NOON) for at in range(30)]
    assert max((asked.requests, asked.records) for asked in await asyncio.gather(*adds)) == (3, 30)
    assert await counts.add("per:a", "m0", requests=1, records=10, at_ms=NOON) == Asked(3, 30)
