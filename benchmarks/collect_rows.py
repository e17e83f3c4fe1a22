"""A1 to A4: collecting in bundles of 50 and one by one, beside the raw insert and the bare encryption."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from benchmarks.bench import Bench
from benchmarks.collecting import CollectRun, batch_size, collect, stored, warm_up
from benchmarks.encryption import csfle_key_each_us, csfle_warm_us, tink_us
from benchmarks.raw_insert import raw_insert
from benchmarks.rows import Row, Side, Target
from benchmarks.worker import worker
from store.database import Document


async def collect_rows(bench: Bench) -> AsyncIterator[list[Row]]:
    """Measure all four: each repetition runs every side, every other one in reverse order."""
    plan = bench.plan
    bundled: list[CollectRun] = []
    single: list[CollectRun] = []
    raw: list[float] = []
    unindexed: list[float] = []
    encryption: dict[str, list[float]] = {"warm": [], "each": [], "tink": []}
    with worker(bench.scene.settings.home, "bench-collect") as program:
        await warm_up(bench, program)
        documents = await stored(bench, await collect(bench, program, plan.bundled, 50))
        batch = round(batch_size(documents))

        async def bundles() -> None:
            bundled.append(await collect(bench, program, plan.bundled, 50))
            bench.say(f"bundles of 50: {bundled[-1].per_second:,.0f}/s, {bundled[-1].cpu_us:.0f} us CPU a record")

        async def singles() -> None:
            single.append(await collect(bench, program, plan.single, 1))
            bench.say(f"single messages: {single[-1].per_second:,.0f}/s, {single[-1].cpu_us:.0f} us CPU a record")

        async def inserts() -> None:
            raw.append(await raw_insert(bench.scene, documents, batch))
            unindexed.append(await raw_insert(bench.scene, documents, batch, indexes=False))
            bench.say(f"raw insert_many of {batch}: {raw[-1]:,.0f}/s; without an index: {unindexed[-1]:,.0f}/s")

        async def encrypts() -> None:
            for name, figure in (await asyncio.to_thread(_encrypt, bench)).items():
                encryption[name].append(figure)
            bench.say(f"encryption alone: {encryption['warm'][-1]:.0f} us CPU a record (pymongocrypt, warm key)")

        sides = (bundles, inserts, singles, encrypts)
        for at in range(plan.repetitions):
            for side in sides if at % 2 == 0 else sides[::-1]:
                await side()
    yield _rows(bench, bundled, single, (raw, unindexed), encryption, batch, documents)


def _encrypt(bench: Bench) -> dict[str, float]:
    uri = bench.scene.settings.mongo_uri.get_secret_value()
    people = bench.people
    return {
        "warm": csfle_warm_us(uri, people[: bench.plan.encrypted]),
        "each": csfle_key_each_us(uri, people[: bench.plan.keyed]),
        "tink": tink_us(people),
    }


def _rows(
    bench: Bench,
    bundled: list[CollectRun],
    single: list[CollectRun],
    inserts: tuple[list[float], list[float]],
    encryption: dict[str, list[float]],
    batch: int,
    documents: list[Document],
) -> list[Row]:
    raw, unindexed = inserts
    floor = Side(f"raw insert_many of {batch}, same indexes", "records/s", tuple(raw))
    bare = Side(f"raw insert_many of {batch}, no index", "records/s", tuple(unindexed))
    names = len(bench.people[0])
    per_bundle = [run.cpu_us for run in bundled]
    cpu = Side("worker CPU", "us/record", tuple(per_bundle))

    def beside(name: str, key: str) -> Side:
        return Side(name, "us/record", tuple(encryption[key]))

    rate = Side("collect", "records/s", tuple(run.per_second for run in bundled))
    one_by_one = Side("collect", "records/s", tuple(run.per_second for run in single))
    mean = _mean(documents, lambda doc: sum(len(value) for value in doc["fields"].values()))
    return [
        Row("A1", "collect, bundles of 50, one worker", rate, floor, Target(0.60, 0.85),
            notes=f"{names} fields a record ({mean:.0f} bytes of ciphertext), {bench.plan.bundled:,} records a run.",
            more={"batch": batch}),
        Row("A1b", "the same beside an insert without the token index", rate, bare),
        Row("A2", "collect, one command a message, one worker", one_by_one, floor, Target(0.20, 0.40),
            more={"cpu_us": [run.cpu_us for run in single]}),
        Row("A3", "worker CPU, bundles of 50", cpu, beside("pymongocrypt, warm key", "warm"),
            Target(0.25, 0.12, at_least=False)),
        Row("A3b", "the same beside a key for each record", cpu, beside("pymongocrypt, a key per record", "each")),
        Row("A3c", "the same beside Tink", cpu, beside("Tink AES256-GCM", "tink")),
        Row("A4", "Vault calls, bundles of 50",
            Side("calls", "calls/record", tuple(run.vault_calls for run in bundled)),
            target=Target(0.05, 0.02, at_least=False), notes="Counted in Vault's own audit log.",
            more={"calls": [dict(run.vault.calls) for run in bundled]}),
    ]  # fmt: skip


def _mean(documents: list[Document], size: Callable[[Document], int]) -> float:
    return sum(size(doc) for doc in documents) / len(documents)
