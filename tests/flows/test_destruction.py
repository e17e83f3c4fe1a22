"""Forget, sweep and certify on a real Vault and a real store: crashes, concurrent ingest, and an attacker with all rights."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from keys.certificate import Issuer, verify_certificate
from keys.cipher import FieldCipher
from keys.forget import Forgetter
from keys.ingest import create
from keys.ledger import State
from keys.okp import thumbprint
from keys.pages import open_table
from keys.places import DirectoryPlace
from keys.ring import KeyRing
from keys.roots import CERTIFICATES_KEY, INGEST_ROOT, root_of
from keys.sweep import run_sweep
from keys.sweep_tools import Tools
from keys.vault import KeyRefused, Transit, transit_of
from keys.wrapped import LiveSlots, PageKeys
from keys.wrapped_ingest import IngestKeySet
from ops.embedded.stack import Stack
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.trust import Trust, TrustedKey
from store.database import Database, connect
from store.ingest_keys import IngestKeys
from store.ledger import Ledger
from store.ledger import ensure_indexes as ledger_indexes
from store.pages import Pages, from_document
from store.pages import ensure_indexes as page_indexes
from store.record import Record
from store.records import Records
from store.sweeps import Certificates, Sweeps
from store.tombstones import Tombstones
from tests.simulators.orders import approved

pytestmark = pytest.mark.flow


class Stopped(Exception):
    """A sweeper that was killed."""


class StopsAt:
    """An object whose calls are counted together with others'; at the one numbered ``at`` the caller is killed."""

    def __init__(self, inner: Any, counter: Any, at: int) -> None:
        self._inner, self._counter, self._at = inner, counter, at

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if not asyncio.iscoroutinefunction(method):
            return method

        async def call(*args: Any, **options: Any) -> Any:
            if next(self._counter) == self._at:
                raise Stopped
            return await method(*args, **options)

        return call


@dataclass
class Site:
    """An archive of its own in the shared services: a database and the shared roots."""

    stack: Stack
    database: Database
    transit: Transit
    ring: KeyRing
    places: list[DirectoryPlace]

    def __post_init__(self) -> None:
        self.pages, self.records = Pages(self.database), Records(self.database)
        self.ledger, self.sweeps = Ledger(self.database), Sweeps(self.database)
        self.ingest, self.certificates = IngestKeys(self.database), Certificates(self.database)
        self.forgetter = Forgetter(self.transit, self.pages, self.records, self.ledger, self.ingest.live_kids)

    async def collect(self, *names: str) -> None:
        kid = (await self.ingest.living())[0].kid
        slots = await self.ring.allocate("cohort", [(name, tuple(Level)) for name in names])
        records = []
        for name, keys in zip(names, slots, strict=True):
            fields = {
                f"f_{level.value}": FieldCipher(slot.dek, name, level).seal(f"f_{level.value}", 1, name.encode())
                for level, slot in keys.items()
            }
            refs = {level: slot.ref for level, slot in keys.items()}
            records.append(
                Record(
                    name,
                    "sub-1",
                    1,
                    Level.CORE,
                    "cohort",
                    "service",
                    "contract",
                    fields,
                    refs,
                    str(uuid.uuid4()),
                    "sys:crm",
                    (kid,),
                    1,
                )
            )
        assert not await self.records.insert(records)

    async def forget(self, *names: str) -> None:
        now = int(time.time())
        await self.forgetter.forget(names, approved(*names, at=now), at=now)

    async def new_ingest_key(self) -> None:
        older = list(await self.ingest.live_kids())
        await create(self.transit, self.ingest, now=int(time.time()), ttl=3600)
        await self.ingest.retire(older)

    async def sweep(self, *, owner: str = "one", stop_at: int = -1, force: bool = False) -> int:
        """Sweep everything and certify; how many calls that took."""
        calls = count()
        through = lambda inner: StopsAt(inner, calls, stop_at)  # noqa: E731 - a partial with a name
        tools = Tools(
            through(self.transit),
            through(self.sweeps),
            through(self.ledger),
            self.forgetter,
            self.places,
            clock=lambda: int(time.time()),
            new_id=lambda: uuid.uuid4().hex,
        )
        listing = LiveSlots(self.records)
        roots = [PageKeys(level, through(self.pages), through(self.records), listing) for level in Level]
        drained = await self.ingest.live_kids()  # nothing is in flight here; the active one is not retiring
        await run_sweep(tools, [*roots, IngestKeySet(through(self.ingest), drained)], owner=owner, force=force)
        issuer = Issuer(
            through(self.transit),
            through(self.ledger),
            through(self.sweeps),
            self.certificates,
            Tombstones(self.database),
            self.pages,
            clock=lambda: int(time.time()),
        )
        await issuer.issue()
        return next(calls)

    async def readable(self) -> set[str]:
        """Every record that opens at all its levels, read as a worker does."""
        keys = [item async for item in self.records.live_keys()]
        found = set()
        for start in range(0, len(keys), 500):
            part = dict(keys[start : start + 500])
            stored = await self.records.get(part)
            for name, deks in (await self.ring.open(part)).items():
                for level, dek in deks.items():
                    field = f"f_{level.value}"
                    plain = FieldCipher(dek, name, level).open(field, 1, stored[name].fields[field])
                    assert plain == name.encode()
                found.add(name)
        return found


@pytest.fixture
async def site(stack: Stack, tmp_path: Path) -> AsyncIterator[Site]:
    settings = stack.settings
    name = f"t{uuid.uuid4().hex[:12]}"
    async with (
        connect(settings.mongo_uri.get_secret_value(), name) as database,
        transit_of(settings, stack.root_token.get_secret_value) as transit,
    ):
        await page_indexes(database)
        await ledger_indexes(database)
        places = [DirectoryPlace(tmp_path / "east"), DirectoryPlace(tmp_path / "west")]
        async with KeyRing(transit, Pages(database)) as ring:
            made = Site(stack, database, transit, ring, places)
            await made.new_ingest_key()
            yield made
        await database.client.drop_database(name)


async def everything_stored(database: Database) -> dict[str, list[dict[str, Any]]]:
    """A copy of the whole database: what a thief of its files has."""
    return {name: await database[name].find().to_list() for name in await database.list_collection_names()}


async def stolen(site: Site, copy: dict[str, list[dict[str, Any]]], record: str) -> list[bytes]:
    """What a thief with a copy of the database and Vault's root token reads of a record."""
    (stored,) = [doc for doc in copy["records"] if doc["_id"] == record]
    found = []
    for level_name, (page_id, slot) in stored["keys"].items():
        level = Level(level_name)
        page = next(from_document(doc) for doc in copy["pages"] if doc["_id"] == page_id)
        (key,) = await site.transit.try_decrypt(root_of(level), [page.wrapped_key])
        if not isinstance(key, KeyRefused):
            field = f"f_{level.value}"
            found.append(
                FieldCipher(open_table(page, key)[slot], record, level).open(field, 1, stored["fields"][field])
            )
    for kid in stored["ingest"]:
        wrapped = next(doc["wrapped_private"] for doc in copy["ingest_keys"] if doc["_id"] == kid)
        (private,) = await site.transit.try_decrypt(INGEST_ROOT, [wrapped])
        if not isinstance(private, KeyRefused):
            found.append(b"the ingest key")
    return found


async def test_an_old_copy_of_the_database_yields_nothing_of_what_was_destroyed(site: Site) -> None:
    await site.collect(*(f"rec-{number:04d}" for number in range(300)))
    copy = await everything_stored(site.database)
    gone = [f"rec-{number:04d}" for number in range(0, 300, 100)]
    await site.forget(*gone)
    assert len(await stolen(site, copy, gone[0])) == 4  # forgotten, not swept: three levels and the ingest key
    await site.new_ingest_key()
    await site.sweep()
    for name in gone:
        assert await stolen(site, copy, name) == []
    for level in Level:  # with all rights: nor by turning the settings back
        with pytest.raises(DanganError, match="DG-KEY-002"):
            await site.transit.configure(root_of(level), min_decryption_version=1)
    assert len(await site.readable()) == 297
    entries = await site.ledger.get(gone)
    assert {entry.state for entry in entries.values()} == {State.CERTIFIED}
    (jws,) = await site.certificates.of_record(gone[0])
    x = await site.transit.public_key(CERTIFICATES_KEY)
    certificate = verify_certificate(jws, Trust(certificates=(TrustedKey(kid=thumbprint("Ed25519", x), x=x),)))
    assert [record.id for record in certificate.records] == gone
    assert all("min" in each.lowering_refused for each in certificate.roots)


async def test_a_sweep_killed_at_any_of_its_calls_is_finished_by_the_next(site: Site) -> None:
    await site.collect("rec-0", "rec-1")
    await site.new_ingest_key()
    calls = await site.sweep()
    for number, at in enumerate(range(0, calls, calls // 12), start=2):
        await site.collect(f"rec-{number}")
        await site.forget(f"rec-{number - 1}")
        await site.new_ingest_key()
        with pytest.raises(Stopped):
            await site.sweep(stop_at=at)
        assert await site.readable() == {"rec-0", f"rec-{number}"}
        await site.sweep(owner="two", force=True)
        assert await site.readable() == {"rec-0", f"rec-{number}"}
        entry = (await site.ledger.get([f"rec-{number - 1}"]))[f"rec-{number - 1}"]
        assert entry.state is State.CERTIFIED


async def test_ingest_during_sweeps_loses_nothing(site: Site) -> None:
    stop = asyncio.Event()
    written: list[str] = []

    async def writer(number: int) -> None:
        for batch in count():
            if stop.is_set():
                return
            names = [f"rec-{number}-{batch}-{at}" for at in range(5)]
            await site.collect(*names)
            written.extend(names)
            await asyncio.sleep(0.05)  # enough pages to be met at every step, not so many that the sweep is all rewrap

    writers = [asyncio.create_task(writer(number)) for number in range(3)]
    try:
        for _ in range(3):
            await site.sweep()
            victims = written[:2]
            del written[:2]
            await site.forget(*victims)
    finally:
        stop.set()
        await asyncio.gather(*writers)
    await site.sweep()
    assert len(written) > 40
    assert await site.readable() == set(written)
