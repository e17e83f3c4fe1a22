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
from benchmarks.scene import GRANT, SENDER
from benchmarks.worker import worker
from keys.cipher import FieldCipher
from keys.cursors import cursors_from
from keys.ring import KeyRing
from keys.vault import transit_of
from ops.rules import load_rules
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.use import MAX_ROWS
from store.pages import Pages
from store.reads import Reads
from store.record import Record, from_document

_RECORDS: Final = 10_000


async def browse_rows(bench: Bench) -> AsyncIterator[list[Row]]:
    """Measure: two pages under way at a time, then the loop, in turns."""
    with worker(bench.scene.settings.home, "bench-browse") as running:
        await warm_up(bench, running)
        run = await collect(bench, running, _RECORDS, 50)
        records = [from_document(doc) for doc in await stored(bench, run)]
        records.sort(key=lambda record: record.id)
        answers, loops, fetches = [], [], []
        begin = await _place(bench, f"{run.prefix}-")
        async with client(bench, [record.id for record in records]) as asking:
            await asking.until_answered()
            for at in range(bench.plan.repetitions):
                with bench.answers.deaf():
                    answers.append(await _browse(asking, begin, len(records)))
                loops.append(await _loop(bench, records))
                fetches.append(await _fetching(bench, records))
                alone = f"decrypting alone {loops[-1]:,.0f}/s, fetching alone {fetches[-1]:,.0f}/s"
                bench.say(f"browse {answers[-1]:,.0f}/s, {alone} ({at + 1})")
    yield [
        Row(
            "C2",
            f"bulk answer of {_RECORDS:,} records under one grant, six fields, pages of {MAX_ROWS:,}",
            Side("browse", "records/s", tuple(answers)),
            Side("decrypting the same records in a loop", "records/s", tuple(loops)),
            Target(0.3, 0.6),
            notes="the answer has an audit event for each record and is opened by its reader; the loop has all at hand",
            more={"fetching alone, records/s": fetches},
        )
    ]


async def _place(bench: Bench, record: str) -> str:
    """The place behind a record, as an answer to the sender would name it: behind other runs' records."""
    settings = bench.scene.settings
    async with transit_of(settings, settings.token_file("worker")) as vault:
        return (await cursors_from(vault)).token(record, SENDER, GRANT)


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
    """Records a second: page keys and pages are at hand; each record's DEKs are taken out of its pages' slots."""
    settings, fields = bench.scene.settings, load_rules(profile="trial").catalogue.fields
    async with transit_of(settings, settings.token_file("worker")) as vault:
        stored_pages = Pages(bench.scene.database)
        refs = {record.id: record.keys for record in records}
        pages = await stored_pages.get({ref.page for keys in refs.values() for ref in keys.values()})
        async with KeyRing(vault, stored_pages) as ring:
            await ring.open_with(pages, refs)  # page keys are unwrapped from here on
            begun = time.perf_counter()
            deks = await ring.open_with(pages, refs)
            for record in records:
                opened = deks[record.id]
                if isinstance(opened, DanganError):
                    raise opened
                ciphers: dict[Level, FieldCipher] = {}
                for name in FIELDS:
                    level = fields[name].level
                    if level not in ciphers:
                        ciphers[level] = FieldCipher(opened[level], record.id, level)
                    orjson.loads(ciphers[level].open(name, 1, record.fields[name]))
            return len(records) / (time.perf_counter() - begun)


async def _fetching(bench: Bench, records: list[Record]) -> float:
    """Records a second of the store alone: listed and fetched as a page does, nothing opened."""
    reads, after, read = Reads(bench.scene.database), records[0].id[:-1], 0
    begun = time.perf_counter()
    while read < len(records):
        listed = (await reads.listed(None, {}, after=after, limit=MAX_ROWS))[:MAX_ROWS]
        async with aclosing(reads.portions(listed, tuple(Level))) as portions:
            async for found, _ in portions:
                read += len(found)
        after = listed[-1].id
    return read / (time.perf_counter() - begun)
