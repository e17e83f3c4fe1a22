"""Workers that come and go under load, and a store that is away for long: nothing is lost, nobody is called."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ops.embedded.program import Service
from ops.embedded.stack import Stack
from ops.rules import load_rules
from tests.harness.aftermath import audit_events, chain_report, drain, handled, records_of
from tests.harness.clerks import Book, Clerks
from tests.harness.customers import stored
from tests.harness.office import Office, grant_id, open_office
from tests.harness.workers import Worker

pytestmark = pytest.mark.fault

MIB = 1 << 20


@asynccontextmanager
async def _load(office: Office, tag: str, clerks: int = 3) -> AsyncIterator[Book]:
    """A load for as long as the block runs; afterwards everything must be as the book has it."""
    catalogue = load_rules().catalogue
    async with office.publisher(reply_timeout=30.0) as publisher:
        staff = Clerks(publisher, grant_id(office.crm.principal), tag, normal=lambda fields: stored(fields, catalogue))
        stop = asyncio.Event()
        work = asyncio.create_task(staff.work(clerks, stop))
        try:
            yield staff.book
        finally:
            stop.set()
            async with asyncio.timeout(60):
                await work
        await drain(office.settings)
        await asyncio.gather(*map(staff.read, staff.book.records))
    assert staff.book.wrong == []
    records = await records_of(office.settings, staff.book.records)
    for name, kept in staff.book.records.items():
        assert [entry["command"] for entry in records[name].history] == kept.updates
    assert staff.book.delivered.keys() - handled(await audit_events(office.settings)) == set()
    assert (await chain_report(office)).findings == []


async def _answers(book: Book, more: int, within: float = 60.0) -> None:
    before = book.answered
    async with asyncio.timeout(within):
        while book.answered < before + more:
            await asyncio.sleep(0.05)


async def test_workers_join_leave_and_are_told_to_stop_under_load(own_stack: Stack) -> None:
    office = await open_office(own_stack.settings)
    with Worker(own_stack.home, "stays") as stays:
        await asyncio.to_thread(stays.wait_started)
        async with _load(office, "come") as book:
            await _answers(book, 60)
            for at in range(2):
                with Worker(own_stack.home, f"comes-{at}") as comes:
                    await asyncio.to_thread(comes.wait_started)
                    await _answers(book, 40)
                    # SIGTERM with batches at work: what is begun is finished, what is not is left to the other
                    assert await asyncio.to_thread(comes.stop) == 0, comes.tail()
                await _answers(book, 40)
        assert await asyncio.to_thread(stays.stop) == 0, stays.tail()
    assert stays.exits == [0]


async def test_a_store_outage_longer_than_the_session_timeout_is_waited_out(own_stack: Stack) -> None:
    office = await open_office(own_stack.settings)
    with Worker(own_stack.home, "patient") as worker:
        await asyncio.to_thread(worker.wait_started)
        async with _load(office, "away") as book:
            await _answers(book, 40)
            pid = worker.pid
            await asyncio.to_thread(own_stack.kill9, Service.MONGO)
            await asyncio.sleep(13.0)  # Kafka's session timeout is 10 s
            await asyncio.to_thread(own_stack.restart, Service.MONGO)
            await _answers(book, 40)
            assert worker.pid == pid, worker.tail()
        assert worker.exits == []


async def test_a_workers_memory_stays_flat(own_stack: Stack) -> None:
    office = await open_office(own_stack.settings)
    with Worker(own_stack.home, "flat") as worker:
        await asyncio.to_thread(worker.wait_started)
        async with _load(office, "flat", clerks=8) as book:
            await _answers(book, 400)
            warm = worker.memory()
            await _answers(book, 1200)
            grown = worker.memory() - warm
    assert grown < 60 * MIB, f"{grown / MIB:.0f} MiB"
