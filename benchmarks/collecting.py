"""One run of collecting: bundles lie ready in Kafka, a warm worker takes them, the clock stops at the last reply."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_lowercase

from benchmarks.bench import Bench
from benchmarks.sealed import collects, load, seal_all
from benchmarks.vault_log import VaultWork
from benchmarks.worker import Program
from store.database import Document


@dataclass(frozen=True, slots=True)
class CollectRun:
    """What one run showed.

    Attributes:
        prefix: of the record ids.
        seconds: from the worker's waking, everything lying ready, to the last durable reply.
        cpu_seconds: the worker's processor time in between.
        vault: what Vault logged meanwhile.
    """

    prefix: str
    records: int
    seconds: float
    cpu_seconds: float
    vault: VaultWork

    @property
    def per_second(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    @property
    def cpu_us(self) -> float:
        """Worker processor time for a record, microseconds."""
        return 1e6 * self.cpu_seconds / self.records

    @property
    def vault_calls(self) -> float:
        """Vault requests for a record."""
        return self.vault.calls.total() / self.records


def _fresh() -> str:
    """A name of letters: random digits may look like somebody's telephone number (DG-COL-007)."""
    return "".join(secrets.choice(ascii_lowercase) for _ in range(9))


async def collect(bench: Bench, program: Program, count: int, bundle: int) -> CollectRun:
    """Collect ``count`` records in bundles of ``bundle``.

    The worker stands still while they are put into Kafka, so that it finds all of them when it wakes: no sender
    works beside it, and its start does not count.
    """
    prefix = _fresh()
    sealed = seal_all(bench.scene, "collect", collects(prefix, bench.people, count), bundle)
    bench.answers.forget_refusals()
    expected = bench.answers.count + count
    with program.paused():
        await load(bench.producer, "collect", sealed)
        bench.vault.since_last()
        cpu = program.cpu_seconds()
        start = time.monotonic()
    end = await bench.answers.until(expected, check=program.check)
    cpu = program.cpu_seconds() - cpu
    return CollectRun(prefix, count, end - start, cpu, bench.vault.since_last())


async def warm_up(bench: Bench, program: Program, records: int = 2_000) -> None:
    """Let a worker that has just started collect some records first."""
    sealed = seal_all(bench.scene, "collect", collects(_fresh(), bench.people, records), 50)
    bench.answers.forget_refusals()
    expected = bench.answers.count + records
    await load(bench.producer, "collect", sealed)
    await bench.answers.until(expected, check=program.check)


async def stored(bench: Bench, run: CollectRun) -> list[Document]:
    """The documents that a run left in the store; raises if any is missing."""
    ids = {"$gte": f"{run.prefix}-", "$lt": f"{run.prefix}."}
    documents = [doc async for doc in bench.scene.database["records"].find({"_id": ids, "state": "live"})]
    if len(documents) != run.records:
        raise RuntimeError(f"{len(documents)} of {run.records} records are stored")
    return documents


def batch_size(documents: Sequence[Document]) -> float:
    """Records that the worker stored together, on average: a batch leaves one key page that is not full.

    Read from the store, so that it is what happened and not what was configured.
    """
    pages = Counter(doc["keys"]["core"][0] for doc in documents)
    batches = sum(1 for used in pages.values() if used < 256) or len(pages)
    return len(documents) / batches
