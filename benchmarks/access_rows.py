"""A5: reading at 20 and at 100 requests a second, beside an echo that only opens and seals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

import orjson

from benchmarks.bench import Bench
from benchmarks.collecting import collect, warm_up
from benchmarks.reading import Client, client
from benchmarks.rows import Row, Side, Target, percentile
from benchmarks.worker import Program, program, worker

_RATES: Final = (20, 100)
_SHARES: Final = (
    ("p50", 0.50, Target(2.5, 1.6, at_least=False)),
    ("p95", 0.95, None),
    ("p99", 0.99, Target(4.0, 2.5, at_least=False)),
)
_RECORDS: Final = 2_000

Latencies = dict[int, list[list[float]]]


async def access_rows(bench: Bench) -> AsyncIterator[list[Row]]:
    """Measure: worker and echo take turns, each started anew and warmed for its turn."""
    home = bench.scene.settings.home
    with worker(home, "bench-fill") as filling:
        await warm_up(bench, filling)
        run = await collect(bench, filling, _RECORDS, 50)
    ours: Latencies = {rate: [] for rate in _RATES}
    bare: Latencies = {rate: [] for rate in _RATES}
    async with client(bench, [f"{run.prefix}-{at}" for at in range(run.records)]) as asking:
        for at in range(bench.plan.repetitions):
            with worker(home, f"bench-read-{at}"):
                answer = await asking.until_answered()
                await _measure(bench, asking, ours, "access")
            with _echo(bench, at, answer.values or {}):
                await asking.until_answered()
                await _measure(bench, asking, bare, "echo")
    yield _rows(ours, bare)


@contextmanager
def _echo(bench: Bench, at: int, values: dict[str, object]) -> Iterator[Program]:
    home = bench.scene.settings.home
    file = home / "bench-echo.json"
    file.write_bytes(orjson.dumps(values))
    # A group of its own each time: it reads the topic from its start, and has caught up when it answers us.
    with program(("-m", "benchmarks.echo", str(home), f"bench-echo-{at}", str(file)), home / "bench-echo.log") as made:
        yield made


async def _measure(bench: Bench, asking: Client, into: Latencies, name: str) -> None:
    await asking.latencies(50, 2)  # warm: page keys cached, code paths seen
    for rate, seconds in zip(_RATES, (bench.plan.low_seconds, bench.plan.high_seconds), strict=True):
        into[rate].append(await asking.latencies(rate, seconds))
        last = into[rate][-1]
        bench.say(f"{name} at {rate}/s: p50 {percentile(last, 0.5):.1f} ms, p99 {percentile(last, 0.99):.1f} ms")


def _rows(ours: Latencies, bare: Latencies) -> list[Row]:
    rows = []
    for rate in _RATES:
        for label, share, target in _SHARES:
            value = Side("access", "ms", tuple(percentile(each, share) for each in ours[rate]))
            floor = Side("echo through Kafka and Faust", "ms", tuple(percentile(each, share) for each in bare[rate]))
            rows.append(Row(f"A5 {rate}/s {label}", f"access at {rate} requests/s, {label}", value, floor, target))
    return rows
