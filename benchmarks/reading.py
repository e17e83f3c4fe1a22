"""Reads at a fixed rate, whatever becomes of the earlier ones (an open loop), each timed from when it was due.

A client that waits for an answer before it asks again goes easy on a slow server and never sees its queue
(coordinated omission); here a request that is late because an earlier one was slow counts as late.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.bench import Bench
from benchmarks.customers import PURPOSE
from benchmarks.scene import GRANT, SENDER
from schemas.errors import DanganError
from schemas.replies import Result
from schemas.use import MAX_ROWS
from streams.bulk import pages
from streams.publisher import Publisher

FIELDS = ("name", "id_number", "phone", "address", "last_feedback", "satisfaction")


class Client:
    """A sender of access commands, one to a message and without linger."""

    def __init__(self, publisher: Publisher, records: Sequence[str]) -> None:
        self._publisher = publisher
        self._records = records
        self._random = random.Random(7)

    async def ask(self) -> Result:
        """Read six fields of any record."""
        record = self._random.choice(self._records)
        receipt = await self._publisher.access(record=record, grant=GRANT, purpose=PURPOSE, fields=FIELDS)
        return await receipt.answer

    def pages(self, after: str) -> AsyncGenerator[Result, None]:
        """Pages of as many records as may be with the same fields, behind a place in the grant's records."""

        async def ask(parts: Mapping[str, Any]) -> Result:
            return await (await self._publisher.publish("browse", parts)).answer

        parts = {"grant": GRANT, "purpose": PURPOSE, "fields": list(FIELDS), "after": after, "limit": MAX_ROWS}
        return pages(ask, parts)

    async def until_answered(self, within: float = 90.0) -> Result:
        """Ask until something answers: a process that has just started, and has its backlog behind it."""
        deadline = time.monotonic() + within
        while True:
            asked = [asyncio.ensure_future(self.ask()) for _ in range(16)]  # some for every partition
            await asyncio.wait(asked, timeout=max(deadline - time.monotonic(), 0.1))
            answers = [each.result() for each in asked if each.done() and each.exception() is None]
            if len(answers) == len(asked):
                return answers[0]
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
            if time.monotonic() > deadline:
                raise TimeoutError("nobody answers")

    async def latencies(self, rate: float, seconds: float) -> list[float]:
        """Ask ``rate`` times a second for so long; milliseconds from due to answered, one for each request."""
        start = time.monotonic() + 0.1
        asked = []
        for at in range(round(rate * seconds)):
            due = start + at / rate
            await asyncio.sleep(max(due - time.monotonic(), 0))
            asked.append(asyncio.create_task(self._timed(due)))
        return list(await asyncio.gather(*asked))

    async def _timed(self, due: float) -> float:
        result = await self.ask()
        if result.status != "accepted":
            raise DanganError(result.code or "DG-CMD-005")
        return 1000 * (time.monotonic() - due)


@asynccontextmanager
async def client(bench: Bench, records: Sequence[str]) -> AsyncIterator[Client]:
    """Connect as the sender."""
    made = bench.scene
    async with Publisher(
        made.settings.kafka_bootstrap,
        principal=SENDER,
        signing_key=made.signing_key,
        receiving_key=made.receiving_key,
        trust=made.trust,
        linger=0.0,
        reply_timeout=30.0,
    ) as publisher:
        yield Client(publisher, records)
