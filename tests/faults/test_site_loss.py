"""What of the loss of a site one machine can show: one of two workers dies for good, and the store's process dies.

The embedded store and broker are one server each, so the loss of a member of theirs cannot be shown here; that the
configured ones span two sites is what ``dangan doctor`` checks (tests/ops/test_doctor_sites.py).
"""

from __future__ import annotations

import asyncio

import pytest

from ops.embedded.program import Service
from ops.embedded.stack import Stack
from ops.rules import load_rules
from tests.harness.aftermath import drain, records_of
from tests.harness.clerks import Clerks
from tests.harness.customers import stored
from tests.harness.office import grant_id, open_office
from tests.harness.workers import Worker

pytestmark = pytest.mark.fault


@pytest.mark.clause("STO-09")
async def test_what_dies_takes_no_acknowledged_write_along_and_the_other_worker_goes_on(own_stack: Stack) -> None:
    office = await open_office(own_stack.settings)
    catalogue = load_rules().catalogue
    with Worker(own_stack.home, "main-site") as lost, Worker(own_stack.home, "other-site") as stays:
        await asyncio.gather(*(asyncio.to_thread(each.wait_started) for each in (lost, stays)))
        async with office.publisher(reply_timeout=20.0) as publisher:
            clerks = Clerks(
                publisher, grant_id(office.crm.principal), "site", normal=lambda fields: stored(fields, catalogue)
            )
            book, stop = clerks.book, asyncio.Event()

            async def answers(more: int) -> None:
                before = book.answered
                async with asyncio.timeout(60):
                    while book.answered < before + more:
                        await asyncio.sleep(0.05)

            work = asyncio.create_task(clerks.work(2, stop))
            await answers(40)
            lost._stopping.set()  # its supervisor is gone as well: nobody starts it again
            lost.kill9()
            await answers(40)  # service goes on
            await asyncio.to_thread(own_stack.kill9, Service.MONGO)
            await asyncio.to_thread(own_stack.restart, Service.MONGO)
            await answers(40)
            stop.set()
            async with asyncio.timeout(60):
                await work
            await drain(own_stack.settings)
            await asyncio.gather(*map(clerks.read, book.records))
        assert lost.exits == [-9]
    assert book.wrong == []
    records = await records_of(own_stack.settings, book.records)
    for name, kept in book.records.items():
        assert [entry["command"] for entry in records[name].history] == kept.updates
