"""The destruction ledger: one entry per destroyed record, written first and never removed.

``pending -> forgotten -> certified``. The entry is the fence against a second life of the record, and what a
restore replays. This module holds the entry and the rules about it; :class:`LedgerStore` is what keeps them.

A record is gone for good when every root that wrapped something of it was swept after it was forgotten.
What a sweep of a root may count as swept is settled *before* the root is rotated: the sweep keeps a
list of the entries that it finds ``forgotten`` at that moment (its frozen set) and afterwards counts those
only. Whatever is forgotten later was possibly still wrapped under the new version, and waits for the next
sweep.

Each attempt at freezing has a tag of its own, and the sweep's document names the tag of the attempt that
counts: so a sweeper that was fenced off and wakes up late can freeze what it likes without effect.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from keys.roots import INGEST_ROOT
from schemas.destruction import Application

#: The ground of what a restore destroyed again, by the audit stream's word. Its approvals were lost with the ledger, so
#: there is never a certificate for it.
REPLAYED: Final = "audit_replay"


class State(StrEnum):
    """How far the destruction of a record has come."""

    PENDING = "pending"  # ordered; its keys may still be in the live pages
    FORGOTTEN = "forgotten"  # the live system cannot read it; old copies of the database can
    CERTIFIED = "certified"  # nothing can


@dataclass(frozen=True, slots=True)
class Approver:
    """Who approved, and the Ed25519 public key (32 bytes) that says so."""

    id: str
    x: bytes


@dataclass(frozen=True, slots=True)
class Order:
    """Why records are destroyed and on whose word (clause DES-02): what the certificate will state.

    It holds all members of the request that the approvers signed. Without valid approvals no certificate is given.

    Attributes:
        command: id of the destroy command or retention run.
        approvals: the approvers' compact JWS, verbatim.
        at: when it was decided, UNIX seconds.
        records: all that the request names, in its order.
        approvers: whose signatures the approvals are.
        application: what the applicant asked for, where there is an application (DES-04).
        others: applicant and witness, who signed as such.
    """

    command: str
    requester: str
    ground: str
    approvals: tuple[str, ...]
    at: int
    reason: str = ""
    records: tuple[str, ...] = ()
    approvers: tuple[Approver, ...] = ()
    application: Application | None = None
    others: tuple[Approver, ...] = ()


@dataclass(frozen=True, slots=True)
class OldKey:
    """A wrapped page key over a table that held the record's DEK in that slot: evidence for the certificate."""

    root: str
    page: str
    slot: int
    root_version: int
    wrapped_key: str


@dataclass(frozen=True, slots=True)
class Traces:
    """Everything that could open an old copy of a record: what sweeps must reach, and evidence.

    Attributes:
        roots: the level roots that wrapped something of it; all of them where that cannot be known.
        old_keys: the wrapped page keys seen at the forgetting.
        ingest_kids: ingest keys that may open a Kafka message with its data: those that sealed its
            bundles, and every one that lived when it was forgotten, since a message that was refused
            or not yet read is history too.
    """

    roots: frozenset[str] = frozenset()
    old_keys: tuple[OldKey, ...] = ()
    ingest_kids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an entry has come, without its order and its old keys: what a sweep reads of every entry that waits."""

    record: str
    state: State
    roots: frozenset[str]
    ingest_kids: frozenset[str]
    forgotten_at: int | None
    swept: frozenset[str]

    @property
    def needed(self) -> frozenset[str]:
        """Every root that must be swept after the forgetting. Ingest always: Kafka held the record."""
        return self.roots | {INGEST_ROOT}


@dataclass(frozen=True, slots=True)
class Entry:
    """One destroyed record.

    Attributes:
        traces: written before any of its keys is removed; only ever added to.
        forgotten_at: UNIX seconds.
        swept: root -> id of the sweep that finished for it.
        certificate: serial of its certificate.
    """

    record: str
    order: Order
    state: State = State.PENDING
    traces: Traces = Traces()
    forgotten_at: int | None = None
    swept: Mapping[str, str] = field(default_factory=dict)
    certificate: str | None = None

    @property
    def standing(self) -> Standing:
        """How far it has come."""
        seen = self.traces
        return Standing(self.record, self.state, seen.roots, seen.ingest_kids, self.forgotten_at, frozenset(self.swept))

    @property
    def needed(self) -> frozenset[str]:
        """:attr:`Standing.needed`."""
        return self.standing.needed


def freezable(entry: Standing, root: str, destroyed_kids: Collection[str]) -> bool:
    """Whether a sweep of ``root`` that has not rotated yet may count the entry as swept when it ends.

    Args:
        entry: as read before the rotation.
        root: the root to be swept.
        destroyed_kids: ingest keys whose wrapped private key is erased from the live store.
    """
    if entry.state is not State.FORGOTTEN or root not in entry.needed or root in entry.swept:
        return False
    # An ingest key that still lives is rewrapped by this very sweep, so the sweep proves nothing about it.
    return root != INGEST_ROOT or entry.ingest_kids <= set(destroyed_kids)


def complete(entry: Entry) -> bool:
    """Whether a certificate may be written: forgotten, and every needed root swept since."""
    return entry.state is State.FORGOTTEN and entry.needed <= set(entry.swept) and entry.order.ground != REPLAYED


class LedgerStore(Protocol):
    """Where entries are kept. Every write is durable when its coroutine returns, and repeatable."""

    async def open(self, entries: Sequence[Entry]) -> set[str]:
        """Insert pending entries; return the records that had an entry already, which stays as it is."""

    async def begin(self, gate: str, order: Order) -> bool:
        """Note on the order's pending entry ``gate`` that its keys may be touched from now on, so that it cannot be
        withdrawn any more; False when it was withdrawn. One document decides between this and :meth:`withdraw`.
        """

    async def withdraw(self, gate: str, records: Collection[str], order: Order) -> bool:
        """Remove the order's pending entries, the one called ``gate`` last; False when the order has begun."""

    async def get(self, records: Collection[str]) -> dict[str, Entry]:
        """The entries of those records that have one."""

    async def in_state(self, state: State, *, after: str = "", limit: int) -> list[Entry]:
        """At most ``limit`` entries in a state, by ascending record id after ``after``."""

    async def standing(self, state: State, *, after: str = "", limit: int) -> list[Standing]:
        """As :meth:`in_state`, without orders: an order names up to 256 records, and stands in each one's entry."""

    async def note(self, traces: Mapping[str, Traces]) -> None:
        """Add traces to the pending entries of those records. Nothing is ever taken away."""

    async def forgotten(self, records: Collection[str], ingest_kids: Collection[str], *, at: int) -> None:
        """Add the ingest keys to the pending entries of those records and move them on to forgotten."""

    async def freeze(self, records: Collection[str], tag: str) -> None:
        """Add entries to the frozen set of that tag."""

    async def sweep_done(self, root: str, tag: str, sweep: str) -> None:
        """Note the sweep for every entry of the tag's frozen set."""

    async def certified(self, records: Collection[str], serial: str, swept: Mapping[str, str]) -> None:
        """Move forgotten entries, all with those finished sweeps, on to certified."""
