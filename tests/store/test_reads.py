"""Records come with the pages of the levels asked for, in one fetch or in two, and never when they are gone."""

from __future__ import annotations

import uuid

import pytest

from keys.pages import Page
from keys.ports import KeyRef
from ops.embedded.stack import Stack
from schemas.levels import Level
from store.database import connect
from store.pages import Pages
from store.reads import Reads
from store.record import Record
from store.records import Records

pytestmark = pytest.mark.flow


def page(name: str, level: Level) -> Page:
    return Page(name, level, "cohort", 1, 1, 1, "vault:v1:AA", bytes(3), name.encode())


def record(number: int) -> Record:
    keys = {Level.CORE: KeyRef(f"core-{number % 3}", number), Level.BASIC: KeyRef("basic-0", number)}
    return Record(
        f"r{number:02d}",
        "s",
        2,
        Level.CORE,
        "c",
        "account_service",
        "contract",
        {"name": b"x"},
        keys,
        "c",
        "s",
        ("k",),
        7,
    )


@pytest.mark.parametrize("count", [1, 3, 8, 9, 30])
async def test_few_or_many_they_come_alike(stack: Stack, count: int) -> None:
    uri, name = stack.settings.mongo_uri.get_secret_value(), f"t{uuid.uuid4()}"
    made = [record(number) for number in range(30)]
    stored = [page(f"core-{number}", Level.CORE) for number in range(2)] + [page("basic-0", Level.BASIC)]
    async with connect(uri, name) as database:
        await Records(database).insert(made)
        await Pages(database).insert(stored)  # core-2 is gone
        await Records(database).erase_many({"r00": made[0].keys}, at=7)
        wanted = [each.id for each in made[:count]] + ["nobody"]
        for levels in ({Level.CORE}, {Level.CORE, Level.BASIC}, {Level.SENSITIVE}, set()):
            records, pages = await Reads(database).fetch(wanted, levels)
            assert records == {each.id: each for each in made[1:count]}
            named = {each.keys[level].page for each in made[1:count] for level in levels & each.keys.keys()}
            assert pages == {each.id: each for each in stored if each.id in named}
        await database.client.drop_database(name)
