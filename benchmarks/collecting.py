"""One run of collecting: bundles lie ready in Kafka, a warm worker takes them, the clock stops at the last reply."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from benchmarks.customers import Fields
from benchmarks.replies import Replies
from benchmarks.scene import Scene
from benchmarks.sealed import collects, load, seal_all
from benchmarks.vault_log import VaultLog
from benchmarks.worker import Program
from store.database import Document


@dataclass(frozen=True, slots=True)
class CollectRun:
    """What one run showed.

    Attributes:
        run: the record ids' prefix.
        seconds: from the worker's waking, everything lying ready, to the last durable reply.
        cpu_seconds: the worker's processor time in between.
        vault_calls: requests Vault logged, by operation.
    """

    run: str
    records: int
    seconds: float
    cpu_seconds: float
    vault_calls: Counter[str]

    @property
    def per_second(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    @property
    def cpu_us(self) -> float:
        """Worker processor time for a record, microseconds."""
        return 1e6 * self.cpu_seconds / self.records


class Collecting:
    """Runs collects against one worker."""

    def __init__(
        self, scene: Scene, program: Program, people: Sequence[Fields], producer: AIOKafkaProducer, answers: Replies
    ) -> None:
        self._scene = scene
        self._program = program
        self._people = people
        self._producer = producer
        self._answers = answers
        self._vault = VaultLog(scene.stack.vault_audit_log)

    async def run(self, count: int, bundle: int) -> CollectRun:
        """Collect ``count`` records in bundles of ``bundle``."""
        run = f"b{uuid.uuid4().hex[:8]}"
        sealed = seal_all(self._scene, "collect", collects(run, self._people, count), bundle)
        expected = await self._answers.count() + len(sealed)
        with self._program.paused():
            await load(self._producer, "collect", sealed)
            self._vault.since_last()
            cpu = self._program.cpu_seconds()
            start = time.monotonic()
        end = await self._answers.until(expected, check=self._program.check)
        cpu = self._program.cpu_seconds() - cpu
        return CollectRun(run, count, end - start, cpu, self._vault.since_last())

    async def stored(self, run: CollectRun) -> list[Document]:
        """The documents that the run left in the store; raises if any is missing."""
        ids = {"$gte": f"{run.run}-", "$lt": f"{run.run}."}
        documents = [doc async for doc in self._scene.database["records"].find({"_id": ids, "state": "live"})]
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
