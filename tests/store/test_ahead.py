"""The ids ahead of a bulk read, on the real store: every live one once and in order, whatever the size of a page."""

from __future__ import annotations

import uuid

import pytest

from ops.embedded.stack import Stack
from store import ahead
from store.database import connect
from store.portions import Listed

pytestmark = pytest.mark.flow


@pytest.mark.parametrize("limit", [1, 3, 7, 10, 40])
async def test_all_ids_come_once_and_in_order(stack: Stack, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "_AHEAD", 10)
    names = [f"r{at:02d}" for at in range(33)]
    async with connect(stack.settings.mongo_uri.get_secret_value(), f"t{uuid.uuid4()}") as database:
        gone = {"r05", "r32"}
        revised = {"r07"}
        docs = [
            {"_id": name, "state": "destroyed" if name in gone else "live", "version": 1 + (name in revised)}
            for name in names
        ]
        await database["records"].insert_many(docs)
        clock = [0.0]
        listing = ahead.Ahead(database, clock=lambda: clock[0])
        found: list[Listed] = []
        while page := await listing.listed({"state": "live"}, found[-1].id if found else "", limit):
            found += page[:limit]
            assert len(page) == min(4 * limit, len(names) - len(gone) - len(found) + len(page[:limit]))
            clock[0] += 25.0  # a list is used for a minute
        assert found == [Listed(name, name in revised) for name in names if name not in gone]
        await database.client.drop_database(database.name)


async def test_a_page_that_ends_anywhere_goes_on_in_the_same_list(stack: Stack) -> None:
    names = [f"r{at:02d}" for at in range(33)]
    async with connect(stack.settings.mongo_uri.get_secret_value(), f"t{uuid.uuid4()}") as database:
        await database["records"].insert_many([{"_id": name, "state": "live", "version": 1} for name in names])
        listing = ahead.Ahead(database, clock=lambda: 0.0)
        await listing.listed({"state": "live"}, "", 5)
        await database["records"].delete_many({})  # what is listed anew is empty
        for after, limit in (("r07", 5), ("r06x", 3), ("r30", 5)):
            found = [each.id for each in await listing.listed({"state": "live"}, after, limit)]
            assert found == [name for name in names if name > after][: 4 * limit]
        assert await listing.listed({"state": "live"}, "", 5) == []
        assert await listing.listed({"state": "live", "subject": "s"}, "r07", 5) == []
        await database.client.drop_database(database.name)
