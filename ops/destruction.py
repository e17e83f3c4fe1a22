"""Sweeps as an installation runs them: its roots, backup places and horizon, and the certificates they give.

The places that may still hold Vault's own storage from before a trim are the installation's to know. They stand in
``HOME/horizon.toml``, and every certificate states them:

    [[place]]
    name = "vault-1 disk snapshots"
    holds = "Vault's raft storage"
    keep_days = 35
"""

from __future__ import annotations

import os
import socket
import time
import tomllib
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from consumers.destruction.destroyer import kept_from
from consumers.destruction.keeping import standing_needs
from keys.certificate import Issuer
from keys.forget import Forgetter
from keys.ledger import Standing, State
from keys.pages import KINDS, root_of_kind
from keys.roots import INGEST_ROOT
from keys.sweep import run_sweep
from keys.sweep_state import Sweep
from keys.sweep_tools import Progress, Tools, no_progress
from keys.vault import Transit
from keys.wrapped import LiveSlots, PageKeys, WrappedKeys
from keys.wrapped_ingest import IngestKeySet
from ops.backups.places import approved_places
from ops.private_files import write_private
from schemas.certificate import Horizon
from schemas.errors import DanganError
from schemas.settings import Settings
from store.database import Database
from store.holds import Holds
from store.ingest_keys import IngestKeys
from store.ledger import Ledger
from store.merges import Merges
from store.pages import Pages
from store.records import Records
from store.sweeps import Certificates, Sweeps
from store.tombstones import Tombstones

#: What a person calls a root on the command line.
ROOTS: Final = {**{str(kind): root_of_kind(kind) for kind in KINDS}, "ingest": INGEST_ROOT}
_DAY: Final = 86400
_UNKNOWN: Final = Horizon(
    place="Vault's storage and whatever copies it", holds="the key versions from before the trim", until=None
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sweep of a root would do: how many wrapped keys it would move, and how many entries wait for it."""

    root: str
    latest_version: int
    keys: int
    waiting: int
    interrupted_at: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The finished sweeps, and the certificates that they made possible: serial -> compact JWS."""

    sweeps: tuple[Sweep, ...]
    certificates: Mapping[str, str]


class Destruction:
    """Everything that destroys, on an open database and a Vault token of the role ``sweeper``."""

    def __init__(self, settings: Settings, database: Database, transit: Transit) -> None:
        self._settings = settings
        self._transit = transit
        self._needs = partial(standing_needs, database)
        self._pages, self._records = Pages(database), Records(database)
        self._ledger, self._sweeps = Ledger(database), Sweeps(database)
        self._ingest, self._certificates = IngestKeys(database), Certificates(database)
        self._tombstones, self._holds, self._merges = Tombstones(database), Holds(database), Merges(database)

    @property
    def forgetter(self) -> Forgetter:
        """Forgets records with the sweeper's token."""
        return Forgetter(
            self._transit,
            self._pages,
            self._records,
            self._ledger,
            self._ingest.live_kids,
            held=kept_from(self._holds, self._merges, time.time, self._needs),
        )

    async def sweep(
        self,
        roots: Collection[str] = tuple(ROOTS),
        *,
        drained: Collection[str] = (),
        force: bool = False,
        on_progress: Progress = no_progress,
    ) -> Outcome:
        """Sweep roots, and certify what is destroyed by that.

        Args:
            roots: names from :data:`ROOTS`.
            drained: ingest keys to be erased: retired, and every message sealed to them is committed.
            force: take unexpired leases.
            on_progress: told (what, done, total or None).

        Raises:
            DanganError: DG-SWP-0xx; nothing that lives is lost, and running it again resumes.
        """
        tools = Tools(
            self._transit,
            self._sweeps,
            self._ledger,
            self.forgetter,
            approved_places(self._settings),
            clock=_now,
            new_id=lambda: uuid.uuid4().hex,
            on_progress=on_progress,
        )
        owner = f"{socket.gethostname()}:{os.getpid()}"
        unfinished = await self._ledger.count(State.PENDING)
        if unfinished:  # the sweep finishes them before its first step
            on_progress("unfinished destructions: finish", 0, unfinished)
        swept = await run_sweep(tools, self._keys(roots, drained), owner=owner, force=force)
        if unfinished:
            left = await self._ledger.count(State.PENDING)  # those under a legal hold
            on_progress("unfinished destructions: finish", max(unfinished - left, 0), unfinished)
        certificates = await self._issuer(on_progress, await self._ledger.count(State.FORGOTTEN)).issue()
        return Outcome(tuple(swept), certificates)

    async def plan(self, roots: Collection[str] = tuple(ROOTS)) -> list[Plan]:
        """What a sweep would do now. Changes nothing."""
        waiting = [entry for state in (State.PENDING, State.FORGOTTEN) for entry in await self._all_in(state)]
        plans = []
        for keys in self._keys(roots, ()):
            latest = await self._transit.latest_version(keys.root)
            current = await self._sweeps.get(keys.root)
            plans.append(
                Plan(
                    keys.root,
                    latest,
                    await keys.count_below(latest + 1),
                    sum(keys.root in entry.needed and keys.root not in entry.swept for entry in waiting),
                    current.step.value if current and current.step != "done" else None,
                )
            )
        return plans

    def _keys(self, roots: Collection[str], drained: Collection[str]) -> Sequence[WrappedKeys]:
        unknown = set(roots) - ROOTS.keys()
        if unknown:
            raise DanganError("DG-SWP-010", field=sorted(unknown)[0])
        listing = LiveSlots(self._records)
        pages: list[WrappedKeys] = [
            PageKeys(kind, self._pages, self._records, listing) for kind in KINDS if str(kind) in roots
        ]
        return [*pages, IngestKeySet(self._ingest, drained)] if "ingest" in roots else pages

    async def _all_in(self, state: State) -> list[Standing]:
        found: list[Standing] = []
        while batch := await self._ledger.standing(state, after=found[-1].record if found else "", limit=1000):
            found += batch
        return found

    def _issuer(self, on_progress: Progress, waiting: int) -> Issuer:
        return Issuer(
            self._transit,
            self._ledger,
            self._sweeps,
            _Filed(self._certificates, self._settings, on_progress, waiting),
            self._tombstones,
            self._pages,
            clock=_now,
            horizon=horizon(self._settings, now=_now()),
        )


@dataclass(slots=True)
class _Filed:
    """Certificates that are written to a file each as well, also where a later one is refused.

    ``done`` counts records, of the ``waiting`` ones: it is what a person sees of the issuing.
    """

    inner: Certificates
    settings: Settings
    on_progress: Progress
    waiting: int
    done: int = 0

    async def put(self, serial: str, jws: str, records: Sequence[str]) -> str:
        kept = await self.inner.put(serial, jws, records)
        write_private(certificate_file(self.settings, serial), kept + "\n")
        self.done += len(records)
        self.on_progress("certificates: records certified", self.done, max(self.waiting, self.done))
        return kept


def certificate_file(settings: Settings, serial: str) -> Path:
    """Where a certificate is written besides the database."""
    return settings.home / "certificates" / f"{serial}.jws"


def horizon(settings: Settings, *, now: int) -> tuple[Horizon, ...]:
    """The places of ``HOME/horizon.toml``, each until its copies of ``now`` are gone; one unknown place without it.

    Raises:
        DanganError: DG-SWP-011 when the file is not as the module's docstring shows.
    """
    try:
        places = tomllib.loads((settings.home / "horizon.toml").read_text("utf-8"))["place"]
        return tuple(
            Horizon(place=each["name"], holds=each["holds"], until=now + int(each["keep_days"]) * _DAY)
            for each in places
        )
    except FileNotFoundError:
        return (_UNKNOWN,)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DanganError("DG-SWP-011", detail=type(error).__name__) from error


def _now() -> int:
    return int(time.time())
