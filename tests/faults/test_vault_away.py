"""OpenBao stopped, sealed, or with the sweeper's token revoked after a step of a sweep: nothing is certified falsely.

At every call of forget and sweep, on a simulated Vault: tests/keys/test_vault_faults.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from keys.ledger import State
from keys.sweep_state import Step, Sweep
from keys.vault import transit_of
from ops.embedded.program import Service
from ops.embedded.stack import Stack
from ops.vault_admin import VaultAdmin
from schemas.errors import DanganError
from store.database import Database
from store.sweeps import Sweeps
from tests.flows.test_destruction import Site, site
from tests.harness.services import passing_services

pytestmark = [pytest.mark.fault, pytest.mark.clause("DES-07")]

__all__ = ["site"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Vault and the store of this module's own."""
    with passing_services(tmp_path_factory.mktemp("vault-away"), [Service.MONGO, Service.VAULT]) as started:
        yield started


class Breaks(Sweeps):
    """Sweeps that have something done to Vault once a step is recorded for the first time."""

    def __init__(self, database: Database, step: Step, fault: Fault) -> None:
        super().__init__(database)
        self._step, self._fault, self.done = step, fault, False

    async def swap(self, sweep: Sweep, *, if_epoch: int) -> bool:
        took = await super().swap(sweep, if_epoch=if_epoch)
        if sweep.step is self._step and not self.done:
            self.done = True
            await asyncio.to_thread(self._fault.happen)
        return took


class Fault:
    """A Vault that is stopped, sealed, or has revoked the token that is used."""

    def __init__(self, stack: Stack, kind: str) -> None:
        self._stack, self._kind = stack, kind
        self.token = self._new_token()

    def happen(self) -> None:
        if self._kind == "stopped":
            self._stack.kill9(Service.VAULT)
        elif self._kind == "sealed":
            with self._admin() as vault:
                vault.call("PUT", "/sys/seal", {})
        else:
            with self._admin() as vault:
                vault.call("POST", "/auth/token/revoke", {"token": self.token})

    def mend(self) -> None:
        if self._kind == "sealed":
            self._stack.kill9(Service.VAULT)
        if self._kind in ("stopped", "sealed"):
            self._stack.restart(Service.VAULT)  # which unseals it
        self.token = self._new_token()

    def _new_token(self) -> str:
        with self._admin() as vault:
            return str(vault.call("POST", "/auth/token/create", {"ttl": "1h"})["auth"]["client_token"])

    def _admin(self) -> VaultAdmin:
        return VaultAdmin(self._stack.settings.vault_addr, self._stack.root_token)


@pytest.fixture
async def pair(site: Site) -> Site:
    await site.collect("rec-1", "rec-2", "rec-3")
    await site.new_ingest_key()
    return site


@pytest.mark.parametrize("kind", ["stopped", "sealed", "revoked"])
async def test_a_vault_that_goes_away_after_any_step_certifies_nothing_falsely(pair: Site, kind: str) -> None:
    settings = pair.stack.settings
    for at, step in enumerate((Step.FROZEN, Step.ROTATED, Step.COPIED, Step.TRIMMED)):
        doomed = f"doomed-{at}"
        await pair.collect(doomed)
        await pair.forget(doomed)
        await pair.new_ingest_key()
        fault = Fault(pair.stack, kind)
        whole, own = (
            pair.transit,
            transit_of(settings, lambda used=fault: used.token),
        )
        pair.sweeps = breaks = Breaks(pair.database, step, fault)
        async with own:
            pair.transit = own
            with pytest.raises(DanganError, match=r"DG-KEY-00[12]"):
                await pair.sweep()
            assert breaks.done
            entry = (await pair.ledger.get([doomed]))[doomed]
            assert entry.state is State.FORGOTTEN
            assert await pair.certificates.of_record(doomed) == []
            await asyncio.to_thread(fault.mend)
            await pair.sweep(owner="two", force=True)
        pair.transit = whole
        entry = (await pair.ledger.get([doomed]))[doomed]
        assert entry.state is State.CERTIFIED
        (old,) = {key.wrapped_key for key in entry.traces.old_keys if key.root == "dangan-core"}
        (answer,) = await whole.try_decrypt("dangan-core", [old])
        assert not isinstance(answer, bytes)
    assert await pair.readable() == {"rec-1", "rec-2", "rec-3"}
