"""``dangan sweep`` killed at random moments and run again, while real workers collect: nothing that lives is lost.

tests/flows/test_destruction.py stops it at each of its steps; here whole processes meet: publisher, worker, sweeper.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from keys.certificate import verify_certificate
from ops.embedded.stack import Stack
from ops.rules import load_rules
from store.database import connect
from tests.harness.aftermath import chain_report, drain
from tests.harness.clerks import Clerks
from tests.harness.customers import stored
from tests.harness.office import PURPOSE, Office, grant_id, open_office
from tests.harness.story import sweep
from tests.harness.workers import Worker, dangan

pytestmark = pytest.mark.fault

KILLS = 5
SEED = 7


async def test_a_sweep_killed_five_times_beside_ingest_loses_nothing(own_stack: Stack) -> None:
    office = await open_office(own_stack.settings)
    catalogue = load_rules().catalogue
    with Worker(own_stack.home, "sweepers-neighbour") as worker:
        await asyncio.to_thread(worker.wait_started)
        async with office.publisher(reply_timeout=30.0) as publisher:
            clerks = Clerks(
                publisher, grant_id(office.crm.principal), "s", normal=lambda fields: stored(fields, catalogue)
            )
            doomed = await _collect_and_destroy(office)
            stop = asyncio.Event()
            load = asyncio.create_task(clerks.work(2, stop))
            try:
                reached = await _killed_and_resumed(own_stack, random.Random(SEED))
            finally:
                stop.set()
                async with asyncio.timeout(60):
                    await load
            await drain(own_stack.settings)
            await asyncio.gather(*map(clerks.read, clerks.book.records))
            assert clerks.book.wrong == []
            assert len(clerks.book.records) >= 100
            read = await publisher.access(
                record=doomed[0], grant=grant_id(office.crm.principal), purpose=PURPOSE, fields=["city"]
            )
            assert (await read).status == "refused"
        assert worker.exits == []
    assert len(reached) == KILLS
    assert len(set(reached)) >= 2, reached  # not always at the same step
    certificates = [
        verify_certificate(file.read_text("ascii").strip(), office.trust)
        for file in (own_stack.home / "certificates").glob("*.jws")
    ]
    assert sorted(record.id for each in certificates for record in each.records) == doomed
    assert (await chain_report(office)).findings == []


async def _collect_and_destroy(office: Office) -> list[str]:
    doomed = [f"doomed-{at}" for at in range(6)]
    async with (
        office.publisher() as publisher,
        office.publisher(office.archivist) as archivist,
        asyncio.timeout(60),
    ):
        parts = {"subject": "subject-1", "purpose": PURPOSE, "legal_basis": "contract", "fields": {"city": "x"}}
        made = [await publisher.collect(record=name, **parts) for name in doomed]
        assert {(await receipt).status for receipt in made} == {"accepted"}
        destroyed = await archivist.destroy(**office.destroy_parts(doomed, "no longer needed"))
        assert (await destroyed).status == "accepted"
    return doomed


async def _killed_and_resumed(stack: Stack, rng: random.Random) -> list[str]:
    """Kill the sweeper at random moments of its work, then let it finish. Returns how far it was at each kill."""
    reached: list[str] = []
    for _ in range(3 * KILLS):
        if len(reached) == KILLS:
            break
        before = await _states(stack)
        sweeper = dangan(stack.home, "sweep", "--all", "--rotate-ingest", "--take-over", log=stack.home / "killed.log")
        try:
            async with asyncio.timeout(60):  # it starts, waits for senders, and takes its leases
                while await _states(stack) == before:
                    await asyncio.sleep(0.02)
            await asyncio.sleep(rng.uniform(0.0, 1.2))
        finally:
            sweeper.kill()
            status = await asyncio.to_thread(sweeper.wait)
        assert status in (-9, 0), (stack.home / "killed.log").read_text("utf-8")[-1500:]
        if status == -9:  # otherwise it was done by then
            reached.append(", ".join(f"{root} {step}" for root, (step, _) in (await _states(stack)).items()))
    await asyncio.to_thread(sweep, stack.home, "--take-over")
    return reached


async def _states(stack: Stack) -> dict[str, tuple[str, int]]:
    """Root -> the step its newest sweep has reached, and its lease's epoch."""
    settings = stack.settings
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        return {doc["_id"]: (doc["step"], doc["epoch"]) async for doc in database["sweeps"].find()}
