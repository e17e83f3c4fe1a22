"""A6: a sweep of the large store, beside the same sweep of a key for each record; and what the copies weigh."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from benchmarks import per_record
from benchmarks.bench import Bench
from benchmarks.rows import Row, Side, Target
from benchmarks.sweeping import SweepRun, page_keys, record_keys, sweep
from keys.vault import Transit
from ops.vault_admin import VaultAdmin
from schemas.levels import Level
from store import ledger, sweeps
from store.database import Database, Document, connect

_STANDARD: Final = 100_000
_PATIENCE_MS: Final = 60_000


class _Turn(NamedTuple):
    """One sweep of each: key pages, a key per record, and the latter with no record."""

    pages: SweepRun
    filled: SweepRun
    empty: SweepRun


async def sweep_rows(bench: Bench, transit: Transit, database: Database, sample: list[Document]) -> list[Row]:
    """Sweep both layouts in turns.

    Args:
        transit: with every right.
        database: the store with the key pages.
        sample: stored documents, for the key-per-record layout.
    """
    settings = bench.scene.settings
    uri = settings.mongo_uri.get_secret_value()
    with VaultAdmin(settings.vault_addr, bench.scene.stack.root_token) as vault:
        for kind in (per_record.FILLED, per_record.EMPTY):
            for level in Level:
                path = f"/{settings.transit_mount}/keys/{per_record.root_for(level, kind)}"
                vault.call("POST", path, {"type": "aes256-gcm96"})
    turns: list[_Turn] = []
    folder = settings.home / "bench-backups"
    async with (
        connect(uri, "bench_filled", timeout_ms=_PATIENCE_MS) as filled,
        connect(uri, "bench_empty", timeout_ms=_PATIENCE_MS) as empty,
    ):
        for other in (filled, empty):
            await ledger.ensure_indexes(other)
            await sweeps.ensure_indexes(other)
        await per_record.fill(filled, transit, sample)
        for _ in range(bench.plan.sweeps):
            turn = _Turn(
                await sweep(bench, transit, database, page_keys(database), folder / "pages"),
                await sweep(bench, transit, filled, record_keys(filled, per_record.FILLED), folder / "filled"),
                await sweep(bench, transit, empty, record_keys(empty, per_record.EMPTY), folder / "empty"),
            )
            bench.say(f"sweep: key pages {turn.pages.seconds:.1f} s, a key per record {turn.filled.seconds:.1f} s, "
                      f"nothing {turn.empty.seconds:.1f} s")  # fmt: skip
            turns.append(turn)
    live = await database["records"].count_documents({"state": "live"})
    return _rows(turns, live, len(sample))


def _rows(turns: Sequence[_Turn], live: int, sample: int) -> list[Row]:
    note = (
        f"Key pages swept over {live:,} records, a key per record over {sample:,}. Scaled linearly to 100,000 after "
        "taking off what a sweep of nothing costs."
    )

    def sides(unit: str, figure: Callable[[SweepRun], float]) -> tuple[Side, Side]:
        def scaled(run: SweepRun, turn: _Turn, records: int) -> float:
            fixed = min(figure(turn.empty), figure(run))
            return fixed + (figure(run) - fixed) * _STANDARD / records

        value = Side("key pages", unit, tuple(scaled(turn.pages, turn, live) for turn in turns))
        return value, Side(
            "a key per record and level", unit, tuple(scaled(turn.filled, turn, sample) for turn in turns)
        )

    copy = Side("key-page snapshot", "bytes/record", tuple(turn.pages.copy_bytes / live for turn in turns))
    other = turns[-1].filled.copy_bytes / sample
    return [
        Row("A6 operations", "sweep of 100,000 records: keys that Vault worked on",
            *sides("keys", lambda run: run.vault.items.total()), Target(50, 200), inverse=True,
            notes=note, more={"items": [dict(turn.pages.vault.items) for turn in turns]}),
        Row("A6 calls", "the same: requests to Vault (up to 480 keys each)",
            *sides("calls", lambda run: run.vault.calls.total()), inverse=True),
        Row("A6 time", "the same: time", *sides("s", lambda run: run.seconds), Target(20, 50), inverse=True),
        Row("A7 copy", "key material in a snapshot", copy, target=Target(120, 80, at_least=False),
            notes=f"A key per record and level: {other:.0f} bytes a record."),
    ]  # fmt: skip
