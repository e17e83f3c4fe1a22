"""The connection to the store leaves nothing open behind it."""

from __future__ import annotations

import asyncio
import gc

import pytest

from ops.embedded.stack import Stack
from store.database import connect

pytestmark = pytest.mark.flow


@pytest.mark.parametrize("ticks", range(6))
def test_a_connection_given_up_at_once_leaves_no_socket(stack: Stack, ticks: int) -> None:
    """The driver forgot the socket its monitor was opening; a collected socket fails the test as a warning."""

    async def given_up() -> None:
        async with connect(stack.settings.mongo_uri.get_secret_value(), "given_up") as database:
            reading = asyncio.ensure_future(database["some"].find_one({}))
            for _ in range(ticks):
                await asyncio.sleep(0)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    for _ in range(5):
        asyncio.run(given_up())
        gc.collect()
