"""A7, A8: what a large store's keys weigh and a worker's memory while it is filled; then the rows that use it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import bson

from benchmarks.bench import Bench
from benchmarks.collecting import collect
from benchmarks.forget_rows import forget_rows
from benchmarks.memory import Watch, watched
from benchmarks.reading import client
from benchmarks.rows import Row, Side, Target
from benchmarks.sealed import chunks
from benchmarks.sweep_rows import sweep_rows
from benchmarks.sweeping import full_rights
from benchmarks.worker import worker
from store.database import Database, Document, connect

_RUN: Final = 10_000
_PATIENCE_MS: Final = 60_000


async def store_rows(bench: Bench) -> AsyncIterator[list[Row]]:
    """Fill the store through a worker, weigh it, sweep it, forget some of it."""
    before, watch, names, sample = await _fill(bench)
    yield _memory_rows(bench, before, watch)
    settings = bench.scene.settings
    uri, name = settings.mongo_uri.get_secret_value(), settings.mongo_database
    # The embedded store answers a listing of all records in one piece: far beyond a worker's timeouts.
    async with connect(uri, name, timeout_ms=_PATIENCE_MS) as database, full_rights(bench) as transit:
        yield [await _weight(database)]
        yield await sweep_rows(bench, transit, database, sample)
        yield await forget_rows(bench, transit, database, names)


async def _fill(bench: Bench) -> tuple[float, Watch, list[str], list[Document]]:
    """Collect the large store; the worker's memory before and meanwhile, the record ids, some documents."""
    names: list[str] = []
    sample: list[Document] = []
    with worker(bench.scene.settings.home, "bench-many") as program:
        async with client(bench, ["no-such-record"]) as asking:
            await asking.until_answered()  # a refusal: the worker is there, and has collected nothing
        before = program.rss_bytes() / 2**20
        with watched(program) as watch:
            for start in range(0, bench.plan.many, _RUN):
                count = min(_RUN, bench.plan.many - start)
                run = await collect(bench, program, count, 50)
                names += [f"{run.prefix}-{at}" for at in range(count)]
                bench.say(f"{len(names):,} records; worker at {watch.peak:.0f} MiB, {before:.0f} before the first")
        for part in chunks(names[: bench.plan.per_record], 1_000):
            found = bench.scene.database["records"].find({"_id": {"$in": part}})
            sample += [doc async for doc in found]
    return before, watch, names, sample


def _memory_rows(bench: Bench, before: float, watch: Watch) -> list[Row]:
    more = {"before_mib": before, "samples_mib": watch.samples}
    return [
        Row(
            "A8",
            f"worker memory while collecting {bench.plan.many:,} records",
            Side("above the start", "MiB", (watch.peak - before,)),
            target=Target(150, 60, at_least=False),
            notes=f"{before:.0f} MiB before the first record.",
            more=more,
        ),
        Row("A8b", "the same: its last third above its middle third", Side("creep", "MiB", (watch.creep(),)),
            target=Target(10, 5, at_least=False)),
    ]  # fmt: skip


async def _weight(database: Database) -> Row:
    pages = [doc async for doc in database["pages"].find({})]
    live = await database["records"].count_documents({"state": "live"})
    sizes = [len(bson.encode(page)) for page in pages]
    slots = sum(len(page["slots"]) for page in pages)
    return Row(
        "A7",
        "key material in the store",
        Side("key pages (BSON)", "bytes/record", (sum(sizes) / live,)),
        target=Target(120, 80, at_least=False),
        notes=f"{slots / live:.2f} levels a record, {slots / len(pages):.0f} slots a page, "
        f"{sum(sizes) / slots:.1f} bytes a slot.",
        more={"pages": len(pages), "records": live, "slots": slots},
    )
