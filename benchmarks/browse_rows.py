"""C2: a bulk answer of 10,000 records under one grant, beside decrypting the same records in a loop.

The answer takes the whole way, message by message: sealed command, worker, policies, grant, store, key pages, masks, an
audit event for each record, sealed reply, opened by the reader. The loop has ciphertexts and page keys at hand already
and does nothing but open each record's page slot and decrypt its fields.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

import orjson

from benchmarks.bench import Bench
from benchmarks.collecting import collect, stored, warm_up
from benchmarks.reading import FIELDS, Client, client
from benchmarks.rows import Row, Side, Target
from benchmarks.worker import worker
from keys.cipher import FieldCipher
from keys.ring import KeyRing
from keys.vault import Transit
from ops.rules import load_rules
from schemas.levels import Level
from schemas.use import MAX_ROWS
from store.pages import Pages
from store.records import Record, from_document

_RECORDS: Final = 10_000


async def browse_rows(bench: Bench) -> AsyncIterator[list[Row]]:
    """Measure: two pages under way at a time, then the loop, in turns."""
    with worker(bench.scene.settings.home, "bench-browse") as running:
        await warm_up(bench, running)
        run = await collect(bench, running, _RECORDS, 50)
        records = [from_document(doc) for doc in await stored(bench, run)]
        answers, loops = [], []
        async with client(bench, [record.id for record in records]) as asking:
            await asking.until_answered()
            for at in range(bench.plan.repetitions):
                answers.append(await _browse(asking, f"{run.prefix}-", len(records)))
                loops.append(await _loop(bench, records))
                bench.say(f"browse {answers[-1]:,.0f}/s, decrypting alone {loops[-1]:,.0f}/s ({at + 1})")
    yield [
        Row(
            "C2",
            f"bulk answer of {_RECORDS:,} records under one grant, six fields, pages of {MAX_ROWS:,}",
            Side("browse", "records/s", tuple(answers)),
            Side("decrypting the same records in a loop", "records/s", tuple(loops)),
            Target(0.3, 0.6),
            notes="the answer has an audit event for each record and is opened by its reader; the loop has all at hand",
        )
    ]


async def _browse(asking: Client, begin: str, count: int) -> float:
    read = 0
    begun = time.perf_counter()
    async with aclosing(asking.pages(begin)) as pages:
        async for page in pages:
            values: Any = page.values
            read += len(values["rows"])
            if read >= count:
                break
    return count / (time.perf_counter() - begun)


async def _loop(bench: Bench, records: list[Record]) -> float:
    settings, fields = bench.scene.settings, load_rules(profile="trial").catalogue.fields
    async with Transit(settings.vault_addr, settings.token_file("worker"), mount=settings.transit_mount) as vault:
        ring = KeyRing(vault, Pages(bench.scene.database))
        async with ring:
            deks = await ring.open({record.id: record.keys for record in records})
            begun = time.perf_counter()
            for record in records:
                ciphers: dict[Level, FieldCipher] = {}
                for name in FIELDS:
                    level = fields[name].level
                    if level not in ciphers:
                        ciphers[level] = FieldCipher(deks[record.id][level], record.id, level)
                    orjson.loads(ciphers[level].open(name, 1, record.fields[name]))
            return len(records) / (time.perf_counter() - begun)
