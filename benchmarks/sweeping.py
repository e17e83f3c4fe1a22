"""One sweep of every level, on either layout, timed and counted."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.per_record import RecordKeysOf
from benchmarks.vault_log import VaultWork
from keys.forget import Forgetter
from keys.places import DirectoryPlace
from keys.sweep import run_sweep
from keys.sweep_tools import Tools
from keys.vault import Transit
from keys.wrapped import LiveSlots, PageKeys, WrappedKeys
from schemas.levels import Level
from store.database import Database
from store.ledger import Ledger
from store.pages import Pages
from store.records import Records
from store.sweeps import Sweeps


@dataclass(frozen=True, slots=True)
class SweepRun:
    """What a sweep of all levels took, and the bytes of the copies it wrote to one place."""

    seconds: float
    vault: VaultWork
    copy_bytes: int


@asynccontextmanager
async def full_rights(bench: Bench) -> AsyncIterator[Transit]:
    """Vault with every right, for both layouts alike."""
    token = bench.scene.stack.root_token.get_secret_value()
    async with Transit(bench.scene.settings.vault_addr, lambda: token, timeout=30.0) as transit:
        yield transit


def forgetter(transit: Transit, database: Database) -> Forgetter:
    """Forgets records of a database."""

    async def no_ingest_keys() -> Collection[str]:
        return ()

    return Forgetter(transit, Pages(database), Records(database), Ledger(database), no_ingest_keys)


def page_keys(database: Database) -> list[WrappedKeys]:
    """The key pages of every level."""
    records = Records(database)
    listing = LiveSlots(records)
    return [PageKeys(level, Pages(database), records, listing) for level in Level]


def record_keys(database: Database, kind: str) -> list[WrappedKeys]:
    """The DEKs of every level in the other layout."""
    return [RecordKeysOf(level, database, kind) for level in Level]


async def sweep(
    bench: Bench, transit: Transit, database: Database, roots: Sequence[WrappedKeys], folder: Path
) -> SweepRun:
    """Sweep the roots with two backup places below ``folder``."""
    places = [DirectoryPlace(folder / name) for name in ("a", "b")]
    tools = Tools(
        transit,
        Sweeps(database),
        Ledger(database),
        forgetter(transit, database),
        places,
        clock=lambda: int(time.time()),
        new_id=lambda: uuid.uuid4().hex,
    )
    bench.vault.since_last()
    start = time.monotonic()
    await run_sweep(tools, roots, owner="bench")
    seconds = time.monotonic() - start
    size = sum(file.stat().st_size for file in (folder / "a").iterdir())
    return SweepRun(seconds, bench.vault.since_last(), size)
