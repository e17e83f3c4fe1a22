"""Vault unreachable, sealed, or with a revoked token from any call of a forget or a sweep on: nothing is certified falsely.

Afterwards, with Vault back, another run finishes. The same on OpenBao: tests/faults/test_vault_away.py.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from keys.ledger import State
from schemas.errors import DanganError, Transient
from schemas.levels import Level
from tests.simulators.archive import Archive

pytestmark = [pytest.mark.clause("DES-07"), pytest.mark.slow]

LEVELS = (Level.CORE, Level.BASIC)
Work = Callable[[Archive], Awaitable[object]]


def unreachable(op: str) -> DanganError:
    return Transient("DG-KEY-001", detail=f"{op}: no answer")


def sealed(op: str) -> DanganError:
    return Transient("DG-KEY-001", detail=f"{op}: status 503: Vault is sealed")


def revoked(op: str) -> DanganError:
    return DanganError("DG-KEY-002", detail=f"{op}: permission denied")


@dataclass
class Failing:
    """Lets so many calls to Vault through, then fails until mended; counts what it was asked."""

    error: Callable[[str], DanganError]
    after: int
    calls: int = 0
    mended: bool = False

    async def __call__(self, op: str, _key: str) -> None:
        self.calls += 1
        if self.calls > self.after and not self.mended:
            raise self.error(op)


async def forget(archive: Archive) -> None:
    await archive.forget("rec-2")


async def sweep(archive: Archive) -> None:
    archive.now += 1000
    await archive.sweep(archive.roots(LEVELS))


async def prepared() -> Archive:
    archive = Archive()
    await archive.new_ingest_key()
    await archive.collected("rec-1", "rec-2", "rec-3", levels=LEVELS)
    await archive.forget("rec-1")
    await archive.new_ingest_key()
    return archive


async def failed_at(after: int, work: Work, error: Callable[[str], DanganError]) -> bool:
    """Run with a Vault that fails from some call on, then again with a good one; False when it never got to fail."""
    archive = await prepared()
    failing = archive.vault.before_call = Failing(error, after)
    certified = False
    try:
        await work(archive)
    except DanganError as told:
        assert told.code in {"DG-KEY-001", "DG-KEY-002"}, told
    else:
        certified = True
    assert archive.unreadable() == []
    assert archive.falsely_certified() == []
    if not certified:  # it said that it failed: then nobody was certified on the way either
        assert archive.certificates.certificates == {}
    failing.mended = True
    await work(archive)
    await archive.new_ingest_key()
    await sweep(archive)
    gone = {"rec-1"} | ({"rec-2"} if work is forget else set())
    assert {entry.record for entry in archive.ledger.entries.values() if entry.state is State.CERTIFIED} == gone
    assert archive.unreadable() == []
    assert archive.falsely_certified() == []
    for each in archive.sweeps.kept.values():  # evidence is Vault's refusal to go back, not its refusal to talk
        assert "permission denied" not in each.lowering_refused
    return not certified


@pytest.mark.parametrize("error", [unreachable, sealed, revoked])
@pytest.mark.parametrize("work", [forget, sweep])
async def test_whenever_vault_fails_nothing_is_certified_falsely_and_another_run_finishes(
    work: Work, error: Callable[[str], DanganError]
) -> None:
    after = 0
    while await failed_at(after, work, error):
        after += 1
    assert after >= (4 if work is forget else 20)
