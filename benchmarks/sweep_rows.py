"""A6: a sweep of the large store, beside the same sweep of a key for each record; and what the copies weigh."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks import per_record
from benchmarks.bench import Bench
from benchmarks.rows import Row, Side, Target
from benchmarks.sweeping import SweepRun, page_keys, record_keys, sweep
from keys.vault import Transit
from ops.vault_admin import VaultAdmin
from schemas.levels import Level
from store import ledger, sweeps
from store.database import Database, Document, connect

_STANDARD = 100_000


async def sweep_rows(bench: Bench, transit: Transit, database: Database, sample: list[Document]) -> list[Row]:
    """Sweep both layouts in turns.

    Args:
        transit: with every right.
        database: the store with the key pages.
        sample: stored documents, for the key-per-record layout.
    """
    settings = bench.scene.settings
    with VaultAdmin(settings.vault_addr, bench.scene.stack.root_token) as vault:
        for level in Level:
            vault.call("POST", f"/{settings.transit_mount}/keys/{per_record.root_for(level)}", {"type": "aes256-gcm96"})
    ours: list[SweepRun] = []
    theirs: list[SweepRun] = []
    folder = settings.home / "bench-backups"
    async with connect(settings.mongo_uri.get_secret_value(), "bench_per_record", timeout_ms=60_000) as other:
        await ledger.ensure_indexes(other)
        await sweeps.ensure_indexes(other)
        await per_record.fill(other, transit, sample)
        for _ in range(bench.plan.sweeps):
            ours.append(await _swept(bench, transit, database, folder / "pages", per_page=True))
            theirs.append(await _swept(bench, transit, other, folder / "records", per_page=False))
    live = await database["records"].count_documents({"state": "live"})
    return _rows(ours, theirs, live, len(sample))


async def _swept(bench: Bench, transit: Transit, database: Database, folder: Path, *, per_page: bool) -> SweepRun:
    roots = page_keys(database) if per_page else record_keys(database)
    run = await sweep(bench, transit, database, roots, folder)
    layout = "key pages" if per_page else "a key per record"
    work = f"{run.vault.items.total():,} items in {run.vault.calls.total()} calls"
    bench.say(f"sweep, {layout}: {run.seconds:.1f} s, {work}")
    return run


def _rows(ours: list[SweepRun], theirs: list[SweepRun], live: int, sample: int) -> list[Row]:
    note = f"Key pages swept over {live:,} records, a key per record over {sample:,}; both scaled linearly to 100,000."

    def sides(unit: str, figure: Callable[[SweepRun, float], float]) -> tuple[Side, Side]:
        value = Side("key pages", unit, tuple(figure(run, _STANDARD / live) for run in ours))
        floor = tuple(figure(run, _STANDARD / sample) for run in theirs)
        return value, Side("a key per record and level", unit, floor)

    def keys(run: SweepRun, factor: float) -> float:
        return run.vault.scaled(run.vault.items, factor)

    def calls(run: SweepRun, factor: float) -> float:
        return run.vault.scaled(run.vault.calls, factor)

    def seconds(run: SweepRun, factor: float) -> float:
        return run.seconds * factor

    copy = Side("key-page snapshot", "bytes/record", tuple(run.copy_bytes / live for run in ours))
    other = theirs[-1].copy_bytes / sample
    return [
        Row("A6 operations", "sweep of 100,000 records: keys that Vault worked on",
            *sides("keys", keys), Target(50, 200), inverse=True,
            notes=note, more={"items": [dict(run.vault.items) for run in ours]}),
        Row("A6 calls", "the same: requests to Vault (up to 480 keys each)",
            *sides("calls", calls), inverse=True),
        Row("A6 time", "the same: time", *sides("s", seconds), Target(20, 50), inverse=True),
        Row("A7 copy", "key material in a snapshot", copy, target=Target(120, 80, at_least=False),
            notes=f"A key per record and level: {other:.0f} bytes a record."),
    ]  # fmt: skip
