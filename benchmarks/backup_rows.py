"""D2: backup and restore in bytes a second, beside a driver loop that copies the same documents between databases.

The loop does the least a program can: it reads every document of every collection as raw BSON and inserts it into
another database of the same server, in batches, with the same durability. A backup besides takes digests, seals, writes
to two places and reads both back; a restore unseals, judges each record, joins it with the newest key pages, takes
out keys that nobody names and makes every index.
"""

from __future__ import annotations

import hashlib
import shutil
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bson.raw_bson import RawBSONDocument

from benchmarks.bench import Bench
from benchmarks.rows import Row, Side, Target
from benchmarks.sweeping import full_rights
from keys.cipher import FieldCipher
from keys.places import DirectoryPlace, digest
from keys.ring import KeyRing
from keys.vault import Transit
from ops.backups.chain import chain_of, unseal
from ops.backups.fingerprints import Fingerprints, fingerprint_file, load_fingerprints, split
from ops.backups.frames import Base
from ops.backups.making import Made, Wanted, make_sealed
from ops.private_files import write_private
from ops.restore import Restore
from schemas.levels import Level
from store import indexes
from store.database import Database, connect
from store.dump import dump
from store.pages import Pages
from store.record import Record
from store.records import Records

_PATIENCE_MS: Final = 60_000
_BATCH: Final = 500
_MIB: Final = 1 << 20
_NAME: Final = "bench_backup"


@dataclass(slots=True)
class _Times:
    """Seconds of each repetition, and what each moved."""

    loop: list[float]
    backup: list[float]
    increment: list[float]
    opening: list[float]
    joining: list[float]
    bytes: int = 0
    sealed: int = 0


async def backup_rows(bench: Bench) -> AsyncIterator[list[Row]]:
    """Fill a database of its own; back it up, restore it and copy it, in turns."""
    uri = bench.scene.settings.mongo_uri.get_secret_value()
    folder = bench.scene.settings.home / "bench-d2"
    async with connect(uri, _NAME, timeout_ms=_PATIENCE_MS) as database, full_rights(bench) as transit:
        await indexes.ensure(database)
        await _fill(bench, database, transit)
        times = _Times([], [], [], [], [])
        for turn in range(bench.plan.repetitions):
            await _loop(uri, database, turn, times)
            await _turn(uri, database, transit, folder / str(turn), turn, times)
            bench.say(
                f"backup: {times.bytes / _MIB:.0f} MiB; loop {times.loop[-1]:.2f} s, backup {times.backup[-1]:.2f} s, "
                f"nothing changed {times.increment[-1]:.2f} s, "
                f"unseal {times.opening[-1]:.2f} s, join {times.joining[-1]:.2f} s"
            )
        # Only now: the embedded store may work on a dropped database for half a minute, at the cost of what comes next.
        for name in [name for name in await database.client.list_database_names() if name.startswith(_NAME)]:
            await database.client.drop_database(name)
    yield _rows(times, bench.plan.backed_up)


async def _fill(bench: Bench, database: Database, transit: Transit) -> None:
    """Records of the made-up customers, encrypted as a worker does."""
    records = Records(database)
    async with KeyRing(transit, Pages(database)) as ring:
        for start in range(0, bench.plan.backed_up, _BATCH):
            names = [f"D2-{at:07d}" for at in range(start, min(start + _BATCH, bench.plan.backed_up))]
            slots = await ring.allocate("bench", [(name, tuple(Level)) for name in names])
            made = []
            for at, (name, keys) in enumerate(zip(names, slots, strict=True)):
                ciphers = [FieldCipher(slot.dek, name, level) for level, slot in keys.items()]
                person = bench.people[(start + at) % len(bench.people)]
                fields = {
                    field: ciphers[number % len(ciphers)].seal(field, 1, str(value).encode())
                    for number, (field, value) in enumerate(person.items())
                }
                refs = {level: slot.ref for level, slot in keys.items()}
                made.append(
                    Record(
                        name, f"S-{name}", 1, Level.CORE, "bench", "account_service", "contract", fields, refs,
                        str(uuid.uuid4()), "sys:bench", ("kid",), 1,
                    )
                )  # fmt: skip
            assert not await records.insert(made)


async def _loop(uri: str, database: Database, turn: int, times: _Times) -> None:
    """The floor: read everything, insert everything."""
    into = f"{_NAME}_copy_{turn}"
    async with connect(uri, into, timeout_ms=_PATIENCE_MS) as target:
        began, moved = time.perf_counter(), 0
        for name in await database.list_collection_names():
            async for batch in dump(database, name):
                moved += len(batch)
                await target[name].insert_many(map(RawBSONDocument, split(batch)), ordered=False)
        times.loop.append(time.perf_counter() - began)
        times.bytes = moved


async def _turn(uri: str, database: Database, transit: Transit, folder: Path, turn: int, times: _Times) -> None:
    places = [DirectoryPlace(folder / name) for name in ("east", "west")]
    began = time.perf_counter()
    full = await _backed_up(database, places, transit, _wanted(turn, 0), folder)
    times.backup.append(time.perf_counter() - began)
    times.sealed = full.size
    began = time.perf_counter()
    base = Base(id=_wanted(turn, 0).id, sha256=full.sha256)
    known = load_fingerprints(fingerprint_file(folder, base.id), hashlib.sha256(full.fingerprints).hexdigest())
    assert known is not None
    await _backed_up(database, places, transit, _wanted(turn, 1, base, known), folder)
    times.increment.append(time.perf_counter() - began)
    began = time.perf_counter()
    await unseal(chain_of(places, base.id), transit, folder / "plain", _silent)
    times.opening.append(time.perf_counter() - began)
    into = f"{_NAME}_restored_{turn}"
    async with connect(uri, into, timeout_ms=_PATIENCE_MS) as target:
        began = time.perf_counter()
        report = await Restore(folder / "plain", database, target, transit, places, _silent).run()
        times.joining.append(time.perf_counter() - began)
        assert report.restored
        assert not report.unreadable
    shutil.rmtree(folder)


def _wanted(turn: int, number: int, base: Base | None = None, known: Fingerprints | None = None) -> Wanted:
    at = turn * 10 + number
    name = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    return Wanted(name, "incremental" if base else "full", at, base, known)


async def _backed_up(
    database: Database, places: list[DirectoryPlace], transit: Transit, wanted: Wanted, folder: Path
) -> Made:
    made = await make_sealed(database, places, transit, wanted, _silent)
    write_private(fingerprint_file(folder, wanted.id), made.fingerprints)
    file = f"{wanted.id}.{wanted.kind}.backup"
    assert all(digest(place, file) == made.sha256 for place in places)
    return made


def _silent(_name: str, _done: int, _total: int | None) -> None:
    return


def _rows(times: _Times, records: int) -> list[Row]:
    def side(name: str, seconds: list[float]) -> Side:
        return Side(name, "MiB/s", tuple(times.bytes / _MIB / each for each in seconds))

    floor = side("driver loop, database to database", times.loop)
    restoring = [opening + joining for opening, joining in zip(times.opening, times.joining, strict=True)]
    both = [made + back for made, back in zip(times.backup, restoring, strict=True)]
    note = (
        f"{records:,} records, {times.bytes / _MIB:.0f} MiB of BSON, {times.sealed / _MIB:.0f} MiB sealed. The "
        "backup goes to two folders of one disk and is read back in both."
    )
    target = Target(0.5, 0.8)
    twice = Side("driver loop, twice", "MiB/s", tuple(each / 2 for each in floor.samples))
    return [
        Row("D2 backup", "a full backup, sealed, in two places, verified", side("dangan", times.backup), floor, target,
            notes=note),
        Row("D2 restore", "unsealed, joined with the current keys, indexed", side("dangan", restoring), floor, target,
            more={"unseal_s": times.opening, "join_s": times.joining}),
        Row("D2 both", "backup and restore, one after the other", side("dangan", both), twice, target),
        Row("D2 daily", "an incremental backup where nothing changed", side("dangan", times.increment), floor),
    ]  # fmt: skip
