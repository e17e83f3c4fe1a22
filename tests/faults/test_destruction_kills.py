"""Forget, sweep and certificates in one process that is killed at random moments, and run again until it is done."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from keys.certificate import verify_certificate
from keys.ledger import State
from keys.okp import thumbprint
from keys.ring import KeyRing
from keys.roots import CERTIFICATES_KEY
from keys.vault import transit_of
from ops.embedded.program import Service
from ops.embedded.stack import Stack
from schemas.certificate import contradictions
from schemas.trust import Trust, TrustedKey
from store.database import Database, connect
from store.indexes import ensure
from store.pages import Pages
from tests.faults.destroying import READY
from tests.flows.test_destruction import Site, everything_stored, stolen
from tests.harness.services import own_services

pytestmark = [pytest.mark.fault, pytest.mark.clause("DES-07")]

KILLS = 7
SEED = 11
RECORDS = 280
DUE_EACH = 20


async def test_everything_due_is_certified_and_nothing_else_is_lost_however_often_the_process_is_killed(
    tmp_path: Path,
) -> None:
    with own_services(tmp_path / "home", [Service.MONGO, Service.VAULT]) as stack:
        settings = stack.settings
        async with (
            connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database,
            transit_of(settings, stack.root_token.get_secret_value) as transit,
            KeyRing(transit, Pages(database)) as ring,
        ):
            await ensure(database)
            await _killed_and_run_again(Site(stack, database, transit, ring, []), database)


async def _killed_and_run_again(site: Site, database: Database) -> None:
    names = [f"rec-{at:04d}" for at in range(RECORDS)]
    await site.new_ingest_key()
    await site.collect(*names)
    copy = await everything_stored(database)
    chosen = random.Random(SEED)
    due: list[str] = []
    moments: list[tuple[int, int]] = []
    for _ in range(KILLS):
        await site.new_ingest_key()
        due += names[len(due) * 2 : len(due) * 2 + 2 * DUE_EACH : 2]  # every other one, so that pages have survivors
        moments.append(await _killed(site, due, chosen.uniform(0.0, 0.9)))
    assert len(set(moments)) >= 3, moments  # at different places
    for _ in range(2):  # the first one ends interrupted sweeps, whose sets were frozen before the last records went
        await site.new_ingest_key()
        await asyncio.to_thread(_finished, site.stack, due)
    assert await site.readable() == set(names) - set(due)
    entries = await site.ledger.get(names)
    assert {name: entry.state for name, entry in entries.items()} == dict.fromkeys(due, State.CERTIFIED)
    x = await site.transit.public_key(CERTIFICATES_KEY)
    trust = Trust(certificates=(TrustedKey(kid=thumbprint("Ed25519", x), x=x),))
    certified: list[str] = []
    for file in (site.stack.home / "certificates").glob("*.jws"):
        certificate = verify_certificate(file.read_text("ascii").strip(), trust)
        assert contradictions(certificate) == []
        certified += [record.id for record in certificate.records]
    assert sorted(certified) == sorted(due)
    for name in due[:: DUE_EACH // 2]:
        assert await stolen(site, copy, name) == []


async def _killed(site: Site, due: Sequence[str], after: float) -> tuple[int, int]:
    """Kill the process so many seconds after it is connected; how many records were forgotten and certified by then."""
    process = _started(site.stack, due)
    try:
        assert process.stdout is not None
        assert (await asyncio.to_thread(process.stdout.readline)).strip() == READY
        await asyncio.sleep(after)
    finally:
        process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(process.communicate)
    assert process.returncode in (-signal.SIGKILL, 0)
    counts = [await site.ledger.count(state) for state in (State.FORGOTTEN, State.CERTIFIED)]
    return counts[0], counts[1]


def _finished(stack: Stack, due: Sequence[str]) -> None:
    started = time.monotonic()
    process = _started(stack, due)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert time.monotonic() - started < 60


def _started(stack: Stack, due: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.destroying", str(stack.home), *due],
        cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
