"""``kill -9`` of worker, broker, store and Vault under load: nothing acknowledged is lost, nothing is done twice.

The load keeps book (tests/harness/clerks.py); in the end the book, the records, the audit stream and every reply
that was ever written must tell the same story. Only two things help: a supervisor that starts a worker again, and
whoever starts a killed service again on the same data.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from ops.embedded.program import Service
from ops.embedded.stack import Stack
from ops.rules import load_rules
from streams.receipts import Receipt
from tests.harness.aftermath import answers, audit_events, chain_report, drain, handled, records_of
from tests.harness.clerks import Book, Clerks, drop_off, place_of
from tests.harness.customers import stored
from tests.harness.office import Office, grant_id, open_office
from tests.harness.workers import Worker

pytestmark = pytest.mark.fault

#: A broker takes ten seconds to come back, the others one.
KILLS = Counter({"one": 5, "two": 4, Service.KAFKA: 3, Service.MONGO: 4, Service.VAULT: 4})
SEED = 20_260_1


async def test_twenty_kills_at_random_moments_lose_and_double_nothing(own_stack: Stack) -> None:
    office = await open_office(own_stack.settings)
    catalogue = load_rules().catalogue
    with Worker(own_stack.home, "one") as one, Worker(own_stack.home, "two") as two:
        await asyncio.to_thread(one.wait_started)
        await asyncio.to_thread(two.wait_started)
        async with (
            office.publisher(reply_timeout=8.0, delivery_timeout=30.0) as publisher,
            office.silent_publisher() as silent,
        ):
            clerks = Clerks(
                publisher, grant_id(office.crm.principal), "k", normal=lambda fields: stored(fields, catalogue)
            )
            stop = asyncio.Event()
            load = asyncio.create_task(clerks.work(4, stop))
            dropping = asyncio.create_task(drop_off(silent, "dropped", stop))
            await _storm(own_stack, {"one": one, "two": two}, clerks.book, random.Random(SEED))
            await _goes_on(clerks.book)
            stop.set()
            async with asyncio.timeout(120):
                await load
                dropped = await dropping
                await asyncio.wait([receipt.delivered for receipt in dropped])
            await drain(own_stack.settings)
            await asyncio.gather(*map(clerks.read, clerks.book.records))
            await drain(own_stack.settings)
        await _check(office, clerks.book)
        await _check_dropped(office, dropped)
        assert one.exits.count(-9) == KILLS["one"], one.tail()
        assert two.exits.count(-9) == KILLS["two"], two.tail()


async def _storm(stack: Stack, workers: dict[str, Worker], book: Book, rng: random.Random) -> None:
    """Three kills within a second and a half, at any moment of work under way; then until work goes on."""
    targets = list(KILLS.elements())
    rng.shuffle(targets)
    while targets:
        await _goes_on(book)
        await asyncio.sleep(rng.uniform(0.0, 0.7))
        wave = [targets.pop() for _ in range(min(3, len(targets)))]
        async with asyncio.TaskGroup() as group:
            for target in dict.fromkeys(wave):
                moment, down = rng.uniform(0.0, 1.5), rng.uniform(0.2, 2.5)
                group.create_task(_kill(stack, workers, target, moment, down, wave.count(target)))


async def _kill(stack: Stack, workers: dict[str, Worker], target: str, moment: float, down: float, times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(moment)
        if isinstance(target, Service):
            await asyncio.to_thread(stack.kill9, target)
            await asyncio.sleep(down)
            await asyncio.to_thread(stack.restart, target)
        else:
            await asyncio.to_thread(workers[target].kill9_when_running)


async def _goes_on(book: Book, answers: int = 40) -> None:
    """Wait until the archive has answered so many commands more: nobody helps it."""
    before = book.answered
    async with asyncio.timeout(90):
        while book.answered < before + answers:
            await asyncio.sleep(0.05)


async def _check(office: Office, book: Book) -> None:
    assert book.wrong == []
    assert len(book.records) >= 100
    # --- the records: each once, at the right version, every update in its history once and in order
    records = await records_of(office.settings, book.records)
    assert records.keys() == book.records.keys()
    for name, kept in book.records.items():
        history = [entry["command"] for entry in records[name].history]
        assert (history, records[name].version) == (kept.updates, len(kept.updates) + 1), name
    # --- the audit stream: an event for everything that Kafka took, and chains without a gap
    unseen = book.delivered.keys() - handled(await audit_events(office.settings))
    assert {message: book.delivered[message] for message in unseen} == {}
    report = await chain_report(office)
    assert report.findings == []
    # --- the replies: no command was told yes and no
    families = {command: family for (command, _), (family, _) in book.delivered.items()}
    for command, said in (await answers(office, office.crm)).items():
        statuses = {status for status, _ in said}
        contradiction = "refused" in statuses and statuses & {"accepted", "duplicate"}
        if contradiction and families.get(command) == "access":
            # A read may be withheld at first and be answered when it comes again; never refused by a rule.
            contradiction = {code for status, code in said if status == "refused"} - {"DG-ACC-005"}
        assert not contradiction, (command, dict(said))


async def _check_dropped(office: Office, dropped: list[Receipt]) -> None:
    """Nobody asked for these again: each that Kafka took is there once, and the audit stream tells of it."""
    taken = {one.partition_key: one for one in dropped if one.delivered.exception() is None}
    assert len(taken) >= 200
    records = await records_of(office.settings, taken)
    assert taken.keys() - records.keys() == set()
    assert {name for name, record in records.items() if record.command != taken[name].command_id} == set()
    expected = {(one.command_id, place_of(one.delivered.result())) for one in taken.values()}
    assert expected - handled(await audit_events(office.settings)) == set()
