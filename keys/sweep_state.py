"""A sweep's document: one per root, with the step reached and a lease.

The ``epoch`` grows each time a sweeper takes the lease, and every write of the document is conditional on it: a
sweeper that lost the lease stops at its next write. What such a sweeper may still do to pages and to Vault before
it notices is harmless, because each of those writes has a condition of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from schemas.certificate import RootEvidence
from schemas.errors import DanganError


class Step(StrEnum):
    """The last thing that a sweep has finished, in order."""

    TAKEN = "taken"
    FROZEN = "frozen"
    ROTATED = "rotated"
    REWRAPPED = "rewrapped"
    SAVED = "saved"  # Vault's own snapshot, where there is one
    FENCED = "fenced"  # the trim rehearsed: reversible
    COPIED = "copied"
    TRIMMED = "trimmed"  # irreversible
    DONE = "done"


@dataclass(frozen=True, slots=True)
class CopyFile:
    """A snapshot file in a backup place: name, SHA-256 (hexadecimal) and number of keys."""

    place: str
    file: str
    sha256: str
    keys: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep of one root.

    Attributes:
        id: kept through every resumption.
        owner: who holds the lease, until ``lease_until`` (UNIX seconds).
        tag: of the freezing attempt that counts.
        base: the root's latest version when the set was frozen; what was forgotten is under it or older.
        target: the version that everything moves to, above ``base``.
        floor: ``min_decryption_version`` before the rehearsal, to go back to.
        vault_copy: what Vault's own snapshot of step SAVED is called, if there is one.
        frozen_at: when the set was frozen, by the clock of the sweeper that did, UNIX seconds.
    """

    root: str
    id: str
    epoch: int
    owner: str
    lease_until: int
    started_at: int
    step: Step = Step.TAKEN
    tag: str = ""
    base: int = 0
    target: int = 0
    floor: int = 0
    vault_copy: str | None = None
    copies: tuple[CopyFile, ...] = ()
    trimmed_at: int = 0
    frozen_at: int = 0


class SweepStore(Protocol):
    """Where sweeps are kept. Every write is durable when its coroutine returns."""

    async def get(self, root: str) -> Sweep | None:
        """The root's newest sweep."""

    async def insert(self, sweep: Sweep) -> bool:
        """Insert the root's first sweep; False when there is one already."""

    async def swap(self, sweep: Sweep, *, if_epoch: int) -> bool:
        """Replace the root's sweep where its epoch is ``if_epoch``."""

    async def keep(self, evidence: RootEvidence) -> None:
        """Keep a finished sweep's evidence for good; repeatable."""

    async def evidence(self, sweeps: Collection[str]) -> dict[str, RootEvidence]:
        """The evidence of those sweeps."""


def takeover(
    current: Sweep | None, *, root: str, owner: str, new_id: str, now: int, lease: int, force: bool = False
) -> Sweep:
    """The sweep that a sweeper may go on with: the unfinished one, or a new one.

    Args:
        current: the root's newest sweep.
        new_id: the id of a new sweep, should there be none to resume.
        now: UNIX seconds.
        lease: seconds.
        force: take an unexpired lease from another sweeper. Safe, since that one is then fenced off.

    Raises:
        DanganError: DG-SWP-001 when another sweeper holds the lease.
    """
    if current is None or current.step is Step.DONE:
        epoch = current.epoch + 1 if current else 1
        return Sweep(root, new_id, epoch, owner, now + lease, started_at=now)
    if current.lease_until > now and not force:
        raise DanganError("DG-SWP-001", detail=f"{root}, {current.lease_until - now} s left")
    return replace(current, epoch=current.epoch + 1, owner=owner, lease_until=now + lease)
