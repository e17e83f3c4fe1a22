"""A whole archive without servers: what collects, forgets and sweeps is the real code, what it writes to is not.

Two questions decide every test of destruction. :meth:`Archive.unreadable`: which live records can't be read with the
newest pages? :meth:`Archive.falsely_certified`: which certified records can be read by somebody who has every old
copy of every page and ingest key, and Vault with all rights?
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

from keys.certificate import Issuer
from keys.forget import Forgetter
from keys.ingest import IngestKey, create
from keys.ledger import Order, State
from keys.pages import Page, open_table, root_version_of
from keys.ring import KeyRing
from keys.roots import INGEST_ROOT
from keys.sweep import run_sweep
from keys.sweep_state import Sweep
from keys.sweep_tools import Tools
from keys.wrapped import LiveSlots, PageKeys, WrappedKeys
from keys.wrapped_ingest import IngestKeySet
from schemas.errors import DanganError
from schemas.levels import Level
from tests.simulators.key_pages import SimulatedIngestKeys, SimulatedPages
from tests.simulators.orders import approved
from tests.simulators.store import (
    Gated,
    MemoryPlace,
    Remembering,
    SimulatedCertificates,
    SimulatedLedger,
    SimulatedRecords,
    SimulatedSweeps,
)
from tests.simulators.vault import Refused, SimulatedVault


@dataclass
class Message:
    """A sealed bundle in Kafka's history; ``before`` says whether it came before the record was forgotten."""

    record: str
    kid: str
    committed: bool = False


async def no_pause(_seconds: float) -> None:
    return


async def open_gate(*_: str) -> None:
    return


class Archive:
    """``gate`` is awaited before every call to Vault or a store."""

    def __init__(self, gate: Callable[..., Awaitable[None]] = open_gate) -> None:
        self.vault, self.pages, self.records = SimulatedVault(), SimulatedPages(), SimulatedRecords()
        self.ledger, self.sweeps, self.ingest = SimulatedLedger(), SimulatedSweeps(), SimulatedIngestKeys()
        self.certificates, self.places = SimulatedCertificates(), [MemoryPlace("east"), MemoryPlace("west")]
        self.pages.pages = self.old_pages = Remembering[str, Page]()
        self.ingest.keys = self.old_ingest = Remembering[str, IngestKey]()
        self.vault.before_call = gate
        self.now = 1_000_000
        self.held: set[str] = set()
        self.messages: list[Message] = []
        self.deks: dict[tuple[str, Level], bytes] = {}
        self._ids = (f"id-{number:06d}" for number in itertools.count(1))
        self.gate = gate

    def gated(self, store: Any) -> Any:
        return Gated(store, self.gate)

    # --- what workers do ---

    def receive(self, record: str) -> Message:
        """A bundle with the record arrives, sealed to the newest active ingest key."""
        kid = max(self.old_ingest.values(), key=lambda key: (key.state == "active", key.created_at)).kid
        self.messages.append(Message(record, kid))
        return self.messages[-1]

    async def collect(self, message: Message, levels: Collection[Level]) -> bool:
        """Whether the record was inserted: page, confirm, record."""
        ring = KeyRing(self.vault, self.gated(self.pages), sleep=no_pause)
        async with ring:
            (slots,) = await ring.allocate("cohort", [(message.record, levels)])
            keys = {level: slot.ref for level, slot in slots.items()}
            took: bool = await self.gated(self.records).insert(message.record, keys, message.kid)
            if took:
                self.deks.update({(message.record, level): slot.dek for level, slot in slots.items()})
        message.committed = True
        return took

    async def update(self, message: Message, levels: Collection[Level]) -> bool:
        """An update that needs keys of further levels."""
        records = self.gated(self.records)
        stored = self.records.records.get(message.record)
        version = stored.version if stored else 0
        held = (await records.keys_of([message.record])).get(message.record, {})
        ring = KeyRing(self.vault, self.gated(self.pages), sleep=no_pause)
        async with ring:
            (slots,) = await ring.allocate("cohort", [(message.record, [v for v in levels if v not in held])])
            keys = {level: slot.ref for level, slot in slots.items()}
            took: bool = await records.add_keys(message.record, keys, message.kid, if_version=version)
            if took:
                self.deks.update({(message.record, level): slot.dek for level, slot in slots.items()})
        message.committed = True
        return took

    async def collected(self, *records: str, levels: Collection[Level] = tuple(Level)) -> None:
        for record in records:
            assert await self.collect(self.receive(record), levels)

    async def new_ingest_key(self) -> None:
        store = self.gated(self.ingest)
        older = [key.kid for key in await store.living()]
        self.now += 1
        await create(self.vault, store, now=self.now, ttl=86400)
        await store.retire(older)

    # --- what destroys ---

    @property
    def forgetter(self) -> Forgetter:
        return Forgetter(
            self.vault,
            self.gated(self.pages),
            self.gated(self.records),
            self.gated(self.ledger),
            self.gated(self.ingest).live_kids,
            held=self._on_hold,
            clock=lambda: self.now,
            pause=no_pause,
        )

    async def _on_hold(self, records: Collection[str]) -> set[str]:
        await self.gate("held")
        return self.held & set(records)

    async def forget(self, *records: str, order: Order | None = None) -> None:
        await self.forgetter.forget(records, order or approved(*records), at=self.now)

    def tools(self, **options: Any) -> Tools:
        return Tools(
            self.vault,
            self.gated(self.sweeps),
            self.gated(self.ledger),
            self.forgetter,
            self.places,
            clock=lambda: self.now,
            new_id=lambda: next(self._ids),
            **options,
        )

    def drained(self) -> set[str]:
        """Ingest keys with no message that is still to be applied."""
        return set(self.old_ingest) - {message.kid for message in self.messages if not message.committed}

    def roots(self, levels: Collection[str] = tuple(Level), *, ingest: bool = True) -> list[WrappedKeys]:
        listing = LiveSlots(self.gated(self.records))
        roots: list[WrappedKeys] = [
            PageKeys(level, self.gated(self.pages), self.gated(self.records), listing) for level in levels
        ]
        return [*roots, IngestKeySet(self.gated(self.ingest), self.drained())] if ingest else roots

    async def sweep(
        self, roots: list[WrappedKeys] | None = None, *, owner: str = "one", force: bool = False, **options: Any
    ) -> list[Sweep]:
        swept = await run_sweep(
            self.tools(**options), self.roots() if roots is None else roots, owner=owner, force=force
        )
        await self.issuer.issue()
        return swept

    @property
    def issuer(self) -> Issuer:
        return Issuer(
            self.vault,
            self.gated(self.ledger),
            self.gated(self.sweeps),
            self.gated(self.certificates),
            self.gated(self.records),
            self.gated(self.pages),
            clock=lambda: self.now,
        )

    # --- the two questions ---

    def unreadable(self) -> list[str]:
        """Live records that nobody ordered to be destroyed and that cannot be read now, and why."""
        found = []
        for record, keys in self.records.live().items():
            if record in self.ledger.entries:
                continue
            for level, ref in keys.items():
                name, slot = ref.holder
                page = self.pages.pages.get(name)
                if page is None:
                    found.append(f"{record}: no page")
                    continue
                try:
                    table = open_table(page, self.vault.keys[page.root].decrypt(page.wrapped_key))
                except (Refused, DanganError) as error:
                    found.append(f"{record}: {error}")
                    continue
                if table.get(slot) != self.deks[record, level]:
                    found.append(f"{record}: not its DEK")
        return found

    def falsely_certified(self) -> list[str]:
        """Certified records that some old copy and Vault as it is now would still give away."""
        names = [entry.record for entry in self.ledger.entries.values() if entry.state is State.CERTIFIED]
        return [name for name in names if self.readable_from_old_copies(name)]

    def readable_from_old_copies(self, record: str) -> bool:
        """Whether any copy ever stored opens with what Vault still has, its reversible settings apart."""
        slots = defaultdict(set)
        for _level, ref in self.records.ever[record]:
            for name, slot in ref.places:
                slots[name].add(slot)
        pages = (
            self._has(page.root, page.wrapped_key)
            for page in self.old_pages.history
            if not slots[page.id].isdisjoint(page.slots)
        )
        kids = {message.kid for message in self.messages if message.record == record}
        ingest = (
            self._has(INGEST_ROOT, key.wrapped_private)
            for key in self.old_ingest.history
            if key.kid in kids and key.wrapped_private
        )
        return any(pages) or any(ingest)

    def _has(self, root: str, wrapped: str) -> bool:
        return root_version_of(wrapped) in self.vault.keys[root].versions
