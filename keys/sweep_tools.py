"""What the steps of a sweep work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from keys.forget import Forgetter
from keys.ledger import LedgerStore
from keys.places import Place
from keys.sweep_state import Sweep, SweepStore
from keys.vault import Transit
from schemas.errors import DanganError

Progress = Callable[[str, int, int | None], None]


def no_progress(_step: str, _done: int, _total: int | None) -> None:
    """Report to nobody."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the steps work with.

    Attributes:
        transit: with a token that may read, rotate, configure, trim and rewrap, and no more than that.
        forgetter: finishes interrupted forgets, with a token of its own.
        places: every backup place; one that fails stops the sweep.
        clock: UNIX seconds.
        new_id: an opaque unique id.
        lease: seconds.
        vault_snapshot: makes Vault's own snapshot and answers its name, where the installation has one.
        on_progress: told (what, done, total or None) from time to time.
    """

    transit: Transit
    states: SweepStore
    ledger: LedgerStore
    forgetter: Forgetter
    places: Sequence[Place]
    clock: Callable[[], int]
    new_id: Callable[[], str]
    lease: int = 120
    vault_snapshot: Callable[[], Awaitable[str]] | None = None
    on_progress: Progress = no_progress

    async def record(self, sweep: Sweep, **changes: Any) -> Sweep:
        """Write the sweep's document and renew the lease.

        Raises:
            DanganError: DG-SWP-002 when another sweeper has taken over.
        """
        new = replace(sweep, **changes, lease_until=self.clock() + self.lease)
        if not await self.states.swap(new, if_epoch=sweep.epoch):
            raise DanganError("DG-SWP-002", detail=sweep.root)
        return new
