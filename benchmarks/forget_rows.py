"""F: forgetting records one by one, and a thousand together."""

from __future__ import annotations

import random
import time
from typing import Final

from benchmarks.bench import Bench
from benchmarks.rows import Row, Side
from benchmarks.sealed import chunks
from benchmarks.sweeping import forgetter
from keys.ledger import Order
from keys.vault import Transit
from store.database import Database

_ALONE: Final = 20
_TOGETHER: Final = 1_000


async def forget_rows(bench: Bench, transit: Transit, database: Database, names: list[str]) -> list[Row]:
    """Forget records chosen at random from the whole store: the worst case, since hardly two share a page."""
    repetitions = bench.plan.sweeps
    together = min(_TOGETHER, len(names) // (2 * repetitions) - _ALONE)
    chosen = random.Random(11).sample(names, repetitions * (together + _ALONE))
    forget = forgetter(transit, database)
    alone_ms: list[float] = []
    together_ms: list[float] = []
    for group in chunks(chosen, together + _ALONE):
        start = time.monotonic()
        for record in group[:_ALONE]:
            await forget.forget([record], _order(), at=int(time.time()))
        alone_ms.append(1000 * (time.monotonic() - start) / _ALONE)
        start = time.monotonic()
        await forget.forget(group[_ALONE:], _order(), at=int(time.time()))
        together_ms.append(1000 * (time.monotonic() - start) / together)
        bench.say(f"forget: {alone_ms[-1]:.1f} ms alone, {together_ms[-1]:.2f} ms each of {together:,}")
    return [
        Row("F", f"forget {together:,} records together, each", Side("together", "ms/record", tuple(together_ms)),
            Side("one alone", "ms/record", tuple(alone_ms)),
            notes="Ledger entries, re-keyed pages, tombstones; chosen at random from the whole store."),
    ]  # fmt: skip


def _order() -> Order:
    return Order("00000000-0000-4000-8000-000000000000", "sys:bench", "expired", (), int(time.time()))
