"""One customer, one archive, on the real store and Vault: concurrent duplicates, a signed merge, reads, destruction."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from keys.cipher import FieldCipher
from keys.ingest import create
from keys.pages import open_table
from keys.ring import KeyRing
from keys.roots import root_of
from keys.vault import KeyRefused, Transit, transit_of
from ops.commands.approve import sign_approval
from ops.destruction import ROOTS, Destruction
from ops.embedded.program import Service
from ops.embedded.stack import Stack
from schemas.commands import Destroy
from schemas.levels import Level
from schemas.principals import Grant
from schemas.replies import Result
from store import records as record_store
from store.database import Database, connect
from store.ingest_keys import IngestKeys
from store.ledger import ensure_indexes as ledger_indexes
from store.merges import Merges
from store.pages import Pages, from_document
from store.pages import ensure_indexes as page_indexes
from store.principals import Grants
from streams.appliers import Parts, appliers
from tests.consumers.samples import access, collect, principal, received, update
from tests.harness.customers import customer
from tests.harness.services import passing_services
from tests.simulators.merging import ARCHIVIST, CRM, ONE_EACH, SIGNERS, People, link

pytestmark = [pytest.mark.flow, pytest.mark.clause("ARR-13")]

NOW = int(time.time())
_MADE = principal("sys:crm", "collector", "editor", "reader")
_KEYS = tuple(replace(key, not_before=NOW - 10, not_after=NOW + 600) for key in _MADE.receiving_keys)
READER = replace(_MADE, receiving_keys=_KEYS)


#: The posts that sign merges, and two who approve destructions; their keys are valid now.
PEOPLE = People({**SIGNERS, "per:a1": "approver", "per:a2": "approver"}, now=NOW)


@dataclass
class Site:
    """An archive of its own in the module's services, with two workers' appliers in this process."""

    stack: Stack
    database: Database
    transit: Transit
    workers: list[Any]

    async def apply(self, *commands: Any, by: Any = CRM, worker: int = 0) -> list[Result]:
        family = {"collect": "collect", "update": "update", "access": "access", "destroy": "destroy"}.get(
            commands[0].type, "approve"
        )
        batch = [received(command, by, at_ms=NOW * 1000, offset=7 + at) for at, command in enumerate(commands)]
        return [outcome.result for outcome in await self.workers[worker][family].apply(batch, NOW)]

    async def one(self, command: Any, **options: Any) -> Result:
        (result,) = await self.apply(command, **options)
        return result

    async def read(self, record: str, *fields: str) -> Result:
        return await self.one(access(record=record, fields=list(fields)), by=READER)

    async def destroy(self, *records: str) -> Result:
        request = {"id": str(uuid.uuid4()), "type": "destroy", "records": records, "ground": "subject_request"}
        command = Destroy.model_validate({**request, "reason": "asked", "approvals": ()})
        signed = [sign_approval(command, ARCHIVIST.id, PEOPLE.keys[name], now=NOW) for name in ("per:a1", "per:a2")]
        return await self.one(command.model_copy(update={"approvals": tuple(signed)}), by=ARCHIVIST)

    async def copy(self) -> dict[str, list[dict[str, Any]]]:
        names = ("records", "pages")
        return {name: await self.database[name].find().to_list() for name in names}

    async def stolen(self, copy: dict[str, list[dict[str, Any]]], record: str) -> set[str]:
        """The fields that somebody with an old copy of the database and Vault's root token reads of a record."""
        (stored,) = [doc for doc in copy["records"] if doc["_id"] == record]
        found = set()
        for name, (page_id, slot) in stored["keys"].items():
            level = Level(name)
            page = next(from_document(doc) for doc in copy["pages"] if doc["_id"] == page_id)
            (key,) = await self.transit.try_decrypt(root_of(level), [page.wrapped_key])
            if isinstance(key, KeyRefused):
                continue
            cipher = FieldCipher(open_table(page, key)[slot], record, level)
            for field, sealed in stored["fields"].items():
                if ONE_EACH.catalogue.field(field).level is level:
                    cipher.open(field, stored.get("field_versions", {}).get(field, 1), sealed)
                    found.add(field)
        return found


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The store and Vault alone: no message is sent here."""
    with passing_services(tmp_path_factory.mktemp("stack"), (Service.MONGO, Service.VAULT)) as started:
        yield started


@pytest.fixture
async def site(stack: Stack) -> AsyncIterator[Site]:
    settings = stack.settings
    name = f"t{uuid.uuid4().hex[:12]}"
    async with (
        connect(settings.mongo_uri.get_secret_value(), name) as database,
        transit_of(settings, stack.root_token.get_secret_value) as transit,
        KeyRing(transit, Pages(database)) as one,
        KeyRing(transit, Pages(database)) as two,
    ):
        for ensure in (record_store.ensure_indexes, page_indexes, ledger_indexes):
            await ensure(database)
            await ensure(database)
        await create(transit, IngestKeys(database), now=NOW, ttl=3600)
        everything = frozenset({"*"})
        grant = Grant(
            "grant-1",
            READER.id,
            everything,
            everything,
            everything,
            "account_service",
            NOW - 5,
            NOW + 600,
            history=True,
        )
        assert await Grants(database).put(grant)
        workers = [
            appliers(
                Parts(database, transit, Pages(database), IngestKeys(database), cast("Any", PEOPLE), ring, ONE_EACH)
            )
            for ring in (one, two)
        ]
        yield Site(stack, database, transit, workers)
        await database.client.drop_database(name)


def fields(number: int, *names: str) -> dict[str, Any]:
    made = customer(number)
    return {name: made[name] for name in names}


async def test_of_many_collects_of_one_customer_at_once_exactly_one_becomes_the_archive(site: Site) -> None:
    commands = [
        collect(record=f"rec-{at:03}", subject=f"sub-{at:03}", fields=fields(5, "id_number", "name", "phone"))
        for at in range(24)
    ]
    # Three bundles at a time by two workers, one of them redelivered to the other.
    bundles = [commands[at : at + 4] for at in range(0, 24, 4)]
    told = await asyncio.gather(
        *(site.apply(*bundle, worker=at % 2) for at, bundle in enumerate(bundles)), site.apply(*bundles[0], worker=1)
    )
    results = {result.id: result for part in told[:-1] for result in part}
    assert {result.status for result in results.values()} == {"accepted"}
    first = [command.record for command in commands if results[command.id].of is None]
    assert len(first) == 1
    assert {result.of for result in results.values()} == {None, first[0]}
    assert {result.code for result in results.values()} == {None, "DG-MRG-001"}
    again = await site.apply(*commands)
    assert [(result.status, result.of) for result in again] == [
        ("accepted", results[command.id].of) for command in commands
    ]
    stages = [doc.get("stage", "archived") async for doc in site.database["records"].find({})]
    assert sorted(stages) == ["archived", *["duplicate"] * 23]
    queue = [waiting async for waiting in Merges(site.database).waiting()]
    assert {waiting.record for waiting in queue} == {command.record for command in commands} - set(first)
    assert {(waiting.of, waiting.of_version) for waiting in queue} == {(first[0], 1)}


async def test_an_id_and_an_identity_that_are_both_taken_are_told_apart(site: Site) -> None:
    mine = collect(record="rec-a", subject="sub-1", fields=fields(5, "id_number"))
    other = collect(record="rec-b", subject="sub-2", fields=fields(6, "id_number"))
    await site.apply(mine, other)
    both = collect(record="rec-b", subject="sub-1", fields=fields(5, "id_number"))
    twin = collect(record="rec-c", subject="sub-3", fields=fields(5, "id_number"))
    refused, kept, same = await site.apply(both, twin, mine)
    assert (refused.code, kept.code, kept.of) == ("DG-COL-003", "DG-MRG-001", "rec-a")
    assert (same.status, same.of) == ("accepted", None)


async def test_a_merged_customer_is_read_as_one_and_undone_as_two(site: Site) -> None:
    await site.apply(
        collect(record="rec-a", subject="sub-1", fields=fields(5, "id_number", "name")),
        collect(record="rec-b", subject="sub-2", fields=fields(5, "id_number", "phone", "city")),
    )
    assert (await site.read("rec-b", "phone")).code == "DG-ACC-008"
    merged = await site.one(link("merge", "rec-a", "rec-b", (1, 1), now=NOW, people=PEOPLE), by=ARCHIVIST)
    assert (merged.status, merged.version) == ("accepted", 2)
    whole = await site.read("rec-a", "name", "phone", "city")
    assert whole.values == fields(5, "name", "phone", "city")
    direct = await site.read("rec-b", "phone")
    assert (direct.code, "rec-a" in (direct.message or "")) == ("DG-MRG-004", True)
    past = await site.one(access(record="rec-b", fields=["phone"], version=1), by=READER)
    assert past.values == fields(5, "phone")  # under a grant for history, as ever
    await site.one(update(record="rec-a", from_version=2, fields={"city": "Wuxi"}))
    assert (await site.read("rec-a", "city")).values == {"city": "Wuxi"}
    undone = await site.one(link("unmerge", "rec-a", "rec-b", (3, 2), now=NOW, people=PEOPLE), by=ARCHIVIST)
    assert undone.status == "accepted"
    assert (await site.read("rec-a", "name", "phone", "city")).values == fields(5, "name") | {"city": "Wuxi"}
    assert (await site.read("rec-b", "phone")).code == "DG-ACC-008"


async def test_a_link_that_the_archive_did_not_take_is_withdrawn_without_a_trace(site: Site) -> None:
    await site.apply(
        collect(record="rec-a", subject="sub-1", fields=fields(5, "id_number", "name")),
        collect(record="rec-b", subject="sub-2", fields=fields(5, "id_number", "phone")),
    )
    records, merges = record_store.Records(site.database), Merges(site.database)
    duplicate = (await records.get(["rec-b"]))["rec-b"]
    entry = {"command": "c", "digest": "d", "by": "x", "version": 1, "link": {}}
    assert await merges.join(duplicate, "rec-a", entry)
    assert not await merges.join(duplicate, "rec-a", entry)
    joined = (await records.get(["rec-b"]))["rec-b"]
    assert (joined.stage, joined.part_of, joined.version) == ("merged", "rec-a", 2)
    assert (await site.read("rec-a", "phone")).values == {}  # half a link is no link
    assert await merges.unnamed(["rec-a"], queued=False) == {"rec-b"}
    assert not await merges.withdraw(joined, "rec-a", "another command's")
    assert await merges.withdraw(joined, "rec-a", "d")
    assert (await records.get(["rec-b"], history=True))["rec-b"] == duplicate


async def test_a_read_of_an_archive_names_each_part_that_it_opened(site: Site) -> None:
    await site.apply(
        collect(record="rec-a", subject="sub-1", fields=fields(5, "id_number", "name")),
        collect(record="rec-b", subject="sub-2", fields=fields(5, "id_number", "phone", "city")),
    )
    await site.one(link("merge", "rec-a", "rec-b", (1, 1), now=NOW, people=PEOPLE), by=ARCHIVIST)
    batch = [received(access(record="rec-a", fields=["name", "phone"]), READER, at_ms=NOW * 1000)]
    (outcome,) = await site.workers[0]["access"].apply(batch, NOW)
    told = [(event.action, event.record, event.fields, event.level) for event in outcome.facts]
    assert told == [
        ("access", "rec-a", ("name", "phone"), Level.SENSITIVE),
        ("access", "rec-b", ("phone",), Level.SENSITIVE),
    ]


async def test_a_corrected_identifier_moves_or_names_who_has_it(site: Site) -> None:
    await site.apply(
        collect(record="rec-a", subject="sub-1", fields=fields(5, "id_number")),
        collect(record="rec-b", subject="sub-2", fields=fields(6, "id_number")),
    )
    clash = await site.one(update(record="rec-b", fields=fields(5, "id_number")))
    assert (clash.code, "rec-a" in (clash.message or "")) == ("DG-MRG-003", True)
    assert (await site.one(update(record="rec-a", fields=fields(7, "id_number")))).status == "accepted"
    assert (await site.one(update(record="rec-b", fields=fields(5, "id_number")))).status == "accepted"


async def test_the_destruction_of_a_merged_customer_leaves_nothing_of_any_part(site: Site) -> None:
    await site.apply(
        collect(record="rec-a", subject="sub-1", fields=fields(5, "id_number", "name")),
        collect(record="rec-b", subject="sub-2", fields=fields(5, "id_number", "phone")),
        collect(record="rec-c", subject="sub-3", fields=fields(5, "id_number", "city")),
        collect(record="rec-z", subject="sub-4", fields=fields(9, "id_number", "city")),
    )
    await site.one(link("merge", "rec-a", "rec-b", (1, 1), now=NOW, people=PEOPLE), by=ARCHIVIST)
    old = await site.copy()
    assert await site.stolen(old, "rec-b") == {"id_number", "phone"}
    refused = await site.destroy("rec-a")
    assert refused.code == "DG-MRG-005"
    assert "rec-b, rec-c" in (refused.message or "")
    assert (await site.read("rec-a", "phone")).status == "accepted"
    assert (await site.destroy("rec-a", "rec-b", "rec-c")).status == "accepted"
    left = await site.database["records"].find({"_id": {"$ne": "rec-z"}}).to_list()
    assert [sorted(doc) for doc in left] == [["_id", "at", "state"]] * 3
    for record in ("rec-a", "rec-b", "rec-c"):
        assert (await site.read(record, "phone")).code == "DG-ACC-007"
    await Destruction(site.stack.settings, site.database, site.transit).sweep(
        tuple(root for root in ROOTS if root != "ingest")
    )
    for record in ("rec-a", "rec-b", "rec-c"):
        assert await site.stolen(old, record) == set()
    assert (await site.read("rec-z", "city")).status == "accepted"
    fresh = await site.one(collect(record="rec-new", subject="sub-1", fields=fields(5, "id_number")))
    assert (fresh.status, fresh.of) == ("accepted", None)
