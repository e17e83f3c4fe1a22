"""Consents and the records under them in memory; what takes several calls to MongoDB can be interrupted between them."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace

from keys.ports import KeyRef
from keys.ring import SlotKey
from schemas.levels import Level
from store.consents import Consented, Withdrawal, key_of
from store.record import Occupied, Record


class SimulatedArchive:
    """Implements what collecting and withdrawing use of the stores; ``gate`` is awaited before every call."""

    def __init__(self, gate: Callable[[], Awaitable[None]]) -> None:
        self.consents: dict[str, Consented] = {}
        self.records: dict[str, Record] = {}
        self.under: set[tuple[str, str]] = set()
        self._gate = gate

    # --- store.consents.Consents ---

    async def claim(self, consents: Sequence[Consented], records: Sequence[tuple[str, str]]) -> dict[str, Consented]:
        await self._gate()
        self.under.update(records)
        await self._gate()
        for each in consents:
            self.consents.setdefault(each.key, each)
        return await self.get([each.key for each in consents])

    async def get(self, keys: Collection[str]) -> dict[str, Consented]:
        await self._gate()
        return {key: self.consents[key] for key in keys if key in self.consents}

    async def withdraw(self, subject: str, reference: str, withdrawal: Withdrawal) -> Withdrawal:
        await self._gate()
        key = key_of(subject, reference)
        standing = self.consents.get(key) or Consented(subject, reference)
        if standing.withdrawal is None:
            self.consents[key] = replace(standing, withdrawal=withdrawal)
        return self.consents[key].withdrawal or withdrawal

    async def users(self, subject: str, reference: str) -> set[str]:
        await self._gate()
        return {record.sender for record in self._records_under(subject, reference)}

    async def block(self, subject: str, reference: str) -> list[str]:
        await self._gate()
        under = self._records_under(subject, reference)
        found = [record.id for record in under if record.consent and record.consent["only"]]
        await self._gate()
        for record in found:
            self.records[record] = replace(self.records[record], consent_state="withdrawn")
        return found

    async def checked(self, records: Collection[str]) -> None:
        await self._gate()
        for record in records:
            if record in self.records and self.records[record].consent_state == "checking":
                self.records[record] = replace(self.records[record], consent_state=None)

    def _records_under(self, subject: str, reference: str) -> list[Record]:
        """As the real one: what was noted before the insert, and is there."""
        named = [record for key, record in sorted(self.under) if key == key_of(subject, reference)]
        return [self.records[name] for name in named if name in self.records]

    # --- store.records.Records and store.identities.Identities ---

    async def insert(self, records: Sequence[Record]) -> tuple[dict[str, Occupied], dict[str, str]]:
        await self._gate()
        standing = {record.id: _occupied(self.records[record.id]) for record in records if record.id in self.records}
        for record in records:
            self.records.setdefault(record.id, record)
        return standing, {}

    async def occupied(self, ids: Collection[str]) -> dict[str, Occupied]:
        await self._gate()
        return {name: _occupied(self.records[name]) for name in ids if name in self.records}


class FreshKeys:
    """A ring and an index of which only new keys are asked."""

    async def allocate(
        self, cohort: str, needs: Sequence[tuple[str, Collection[Level]]]
    ) -> list[Mapping[Level, SlotKey]]:
        return [
            {level: SlotKey(KeyRef(cohort, at), os.urandom(32)) for level in levels}
            for at, (_record, levels) in enumerate(needs)
        ]

    async def tokens(self, values: Mapping[str, Sequence[str]]) -> dict[str, list[bytes]]:
        return {name: [value.encode() for value in each] for name, each in values.items()}


def _occupied(record: Record) -> Occupied:
    return Occupied(True, record.command, record.sender, record.version, record.at_ms)
