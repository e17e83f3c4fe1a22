"""Eight processes number records at once, two of them are killed: no gap, no clash, each record exactly one code.

``DANGAN_TEST_CODES=100000`` numbers as many.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.embedded.program import Service
from ops.embedded.stack import Stack
from store import codes
from store.database import Database, connect
from tests.harness.numbering import SERIES, TEMPLATE, wanted
from tests.harness.services import own_services

pytestmark = pytest.mark.fault
COUNT = int(os.environ.get("DANGAN_TEST_CODES", "8000"))
SHARES = 8
KILLED = (2, 5)
SEED = 20_231_001


@pytest.fixture
def store_alone(tmp_path: Path) -> Iterator[Stack]:
    with own_services(tmp_path / "home", [Service.MONGO]) as started:
        yield started


def start(uri: str, name: str, share: int) -> subprocess.Popen[bytes]:
    words = [uri, name, str(share), str(SHARES), str(COUNT)]
    return subprocess.Popen([sys.executable, "-m", "tests.harness.numbering", *words], cwd=Path(__file__).parents[2])


async def kill_and_start_again(
    running: dict[int, subprocess.Popen[bytes]], database: Database, uri: str, chance: random.Random
) -> list[int]:
    """End the two with SIGKILL while they have work left, one after the other; how many codes there were then."""
    seen = []
    for at, share in enumerate(KILLED):
        while (there := await database["codes"].count_documents({})) < COUNT * (at + 1) // 5:
            await asyncio.sleep(0.02)
        await asyncio.sleep(chance.uniform(0, 0.1))
        running[share].kill()
        assert await asyncio.to_thread(running[share].wait) == -9
        seen.append(there)
        running[share] = start(uri, database.name, share)
    return seen


@pytest.mark.clause("ARR-10")
async def test_eight_processes_and_two_kills_leave_no_gap_and_no_clash(store_alone: Stack) -> None:
    uri = store_alone.settings.mongo_uri.get_secret_value()
    async with connect(uri, "codes") as database:
        await codes.ensure_indexes(database)
        running = {share: start(uri, "codes", share) for share in range(SHARES)}
        try:
            async with asyncio.timeout(20 + COUNT / 100):
                seen = await kill_and_start_again(running, database, uri, random.Random(SEED))
                ends = [await asyncio.to_thread(process.wait) for process in running.values()]
        finally:
            for process in running.values():
                process.kill()
        assert ends == [0] * SHARES
        assert seen[-1] < COUNT
        await check(database)


async def check(database: Database) -> None:
    """Each record one code; customers from 1 without a gap; the files of each from 1 without a gap."""
    of_record: dict[str, str] = {}
    files: dict[int, list[int]] = defaultdict(list)
    customers: dict[int, set[str]] = defaultdict(set)
    total = 0
    async for doc in database["codes"].find({}):
        place = TEMPLATE.place(doc["_id"])
        assert place.series == SERIES
        assert not doc.get("void")
        of_record[doc["record"]] = doc["_id"]
        files[place.serial].append(place.part)
        customers[place.serial].add(doc["customer"])
        total += 1
    expected = [wanted(number) for number in range(COUNT)]
    assert total == len(of_record) == COUNT
    assert of_record.keys() == {each.record for each in expected}
    assert sorted(files) == list(range(1, len({each.customer for each in expected}) + 1))
    assert all(sorted(parts) == list(range(1, len(parts) + 1)) for parts in files.values())
    assert all(len(those) == 1 for those in customers.values())
    for each in expected:
        assert each.customer in customers[TEMPLATE.place(of_record[each.record]).serial]
