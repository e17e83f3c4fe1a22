"""The index in the real store: joined with the records that live, in groups that batches do not cut."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from ops.embedded.stack import Stack
from schemas.errors import Refusal
from schemas.levels import Level
from store import archive_index
from store.archive_entries import Assigned, Entry
from store.archive_index import ArchiveIndex
from store.database import Database, connect

pytestmark = pytest.mark.flow
#: More than are fetched at once, and than a batch of groups.
COUNT = 1300


def entry(number: int, **changes: Any) -> Entry:
    made = Entry(
        record=f"rec-{number:05d}", customer=f"sub-{number % 400:05d}", code=None, version=1, purpose="p",
        level=Level.BASIC, type="individual", business_type="finance", segment="ordinary", special=None,
        categories=("basic",), item=None, consent=False, grade="none", remarks="", household=None, paper="none",
    )  # fmt: skip
    return replace(made, **changes)


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    async with connect(stack.settings.mongo_uri.get_secret_value(), f"t{uuid.uuid4().hex}") as opened:
        await archive_index.ensure_indexes(opened)
        yield opened
        await opened.client.drop_database(opened.name)


async def filled(database: Database) -> ArchiveIndex:
    """Every seventh record is destroyed, every eleventh under review."""
    docs = [
        {"_id": f"rec-{at:05d}", "state": "live" if at % 7 else "destroyed", "version": 1}
        | ({} if at % 11 else {"stage": "received"})
        for at in range(COUNT)
    ]
    await database["records"].insert_many(docs)
    index = ArchiveIndex(database)
    await index.enter([entry(at) for at in range(COUNT)])
    return index


@pytest.mark.clause("ARR-11")
async def test_rows_are_those_of_living_records_with_their_stage(database: Database) -> None:
    index = await filled(database)
    rows = [(row.entry.record, row.stage) async for row in index.rows()]
    assert rows == [(f"rec-{at:05d}", "archived" if at % 11 else "received") for at in range(COUNT) if at % 7]
    assert [row.entry.record async for row in index.rows(type="individual")] == [record for record, _ in rows]
    of_one = [row.entry.record async for row in index.rows(customer="sub-00003")]
    assert of_one == [f"rec-{at:05d}" for at in (3, 403, 803, 1203)]
    assert [row async for row in index.rows(record="rec-00007")] == []
    assert await index.remove_destroyed() == len([at for at in range(COUNT) if at % 7 == 0])
    assert await index.remove_destroyed() == 0
    assert [(row.entry.record, row.stage) async for row in index.rows()] == rows


@pytest.mark.clause("ARR-11")
async def test_no_batch_cuts_a_group(database: Database) -> None:
    index = await filled(database)
    await database["attachments.files"].insert_many(
        {"metadata": {"record": record, "kind": kind, "state": state}}
        for record, kind, state in (("rec-00003", "scan", "complete"), ("rec-00403", "letter", "open"))
    )
    seen: dict[str, list[str]] = {}
    async for rows in index.groups("customer"):
        (customer,) = {row.entry.customer for row in rows}
        assert customer not in seen
        seen[customer] = [row.entry.record for row in rows]
        assert {row.entry.record: row.kinds for row in rows if row.kinds} in ({}, {"rec-00003": {"scan"}})
    assert seen == {
        f"sub-{customer:05d}": those
        for customer in range(400)
        if (those := [f"rec-{at:05d}" for at in range(customer, COUNT, 400) if at % 7])
    }
    assert list(seen) == sorted(seen)
    assert [rows async for rows in index.groups("household")] == []


@pytest.mark.clause("ARR-11")
async def test_what_changed_is_entered_again_and_what_was_decided_stays(database: Database) -> None:
    index = await filled(database)
    assigned = Assigned("special", "file-1", "person:archivist", 7)
    assert await index.assign("rec-00001", assigned)
    assert await index.stand("rec-00001", "past")
    assert not await index.assign("rec-nobody", assigned)
    await database["codes"].insert_many([{"_id": f"A-{at}", "record": f"rec-{at:05d}"} for at in range(COUNT)])
    due = [record async for batch in index.to_enter({"archived"}) for record in batch]
    ripe = [at for at in range(COUNT) if at % 7 and at % 11]
    assert due == [f"rec-{at:05d}" for at in ripe]  # none has a code yet
    await index.enter([entry(at, code=f"A-{at}") for at in ripe], codes_required=True)
    await database["records"].update_one({"_id": "rec-00002"}, {"$set": {"version": 2}})
    assert [batch async for batch in index.to_enter({"archived"})] == [["rec-00002"]]
    (row,) = [row async for row in index.rows(record="rec-00001")]
    assert (row.entry.code, row.tier, row.standing) == ("A-1", assigned, "past")


@pytest.mark.clause("ARR-10")
@pytest.mark.clause("ARR-16")
async def test_one_wrong_entry_keeps_all_of_its_batch_out(database: Database) -> None:
    await database["codes"].insert_one({"_id": "A-1", "record": "rec-00001"})
    index = ArchiveIndex(database)
    for wrong, code in (
        (entry(2, code="A-1"), "DG-ARR-004"),
        (entry(2, code="A-2"), "DG-ARR-003"),
        (entry(2), "DG-ARR-005"),
        (entry(2, code="A-1", grade="secret"), "DG-ARR-006"),
    ):
        with pytest.raises(Refusal, match=code):
            await index.enter([entry(1, code="A-1"), wrong], codes_required=True)
    assert await database["archive_index"].find_one({}) is None


@pytest.mark.clause("ARR-08")
async def test_the_last_full_revision_counts(database: Database) -> None:
    index = ArchiveIndex(database)
    assert await index.last_revision() is None
    for at in (50, 70, 60):
        await index.begin_revision(at, "person:archivist")
    assert await index.last_revision() == 70
