"""A field keeps the level it was first archived under."""

from __future__ import annotations

import pytest

from schemas.levels import Level
from store.database import connect
from store.field_levels import keep_levels


@pytest.mark.flow
async def test_a_changed_level_is_told_and_a_new_field_is_noted(stack) -> None:  # type: ignore[no-untyped-def]
    async with connect(stack.settings.mongo_uri.get_secret_value(), "levels_test") as database:
        assert await keep_levels(database, {"name": Level.SENSITIVE}) == []
        assert await keep_levels(database, {"name": Level.SENSITIVE, "city": Level.BASIC}) == []
        assert await keep_levels(database, {"name": Level.BASIC, "city": Level.BASIC}) == ["name"]
        assert await keep_levels(database, {"name": Level.SENSITIVE}) == []
        await database.client.drop_database("levels_test")
