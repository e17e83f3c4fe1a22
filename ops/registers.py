"""Keeping a register (登记簿): each step is audited before it is kept, and may be done again."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ops.audited import Desk, stored_digest
from ops.registry import refuse_personal
from schemas.errors import DanganError, Refusal
from schemas.registers import Entry, Lifecycle, Said
from store.registers import Register, entry_document, record_entries


class Book:
    """A register with somebody who keeps it.

    Args:
        desk: who acts.
        lifecycle: what may follow what.
    """

    def __init__(self, desk: Desk, lifecycle: Lifecycle) -> None:
        self._desk = desk
        self._lifecycle = lifecycle
        self._register = Register(desk.database, lifecycle.name)
        self._ties = record_entries(desk.database, lifecycle.name)

    async def entry(self, reference: str) -> Entry:
        """The entry of that reference.

        Raises:
            DanganError: DG-REG-001, DG-OPS-036.
        """
        refuse_personal(reference=reference)
        found = (await self._register.get([reference])).get(reference)
        if found is None:
            raise DanganError("DG-REG-001", detail=reference)
        return found

    async def begin(
        self,
        reference: str,
        kind: str,
        said: Mapping[str, Said],
        *,
        now: int,
        records: Collection[str] = (),
    ) -> Entry:
        """Make an entry, tied to the records that it is about. Again with the same words: nothing happens.

        Raises:
            Refusal: as :meth:`schemas.registers.Lifecycle.begin`; DG-REG-008 when there is another one.
            DanganError: DG-OPS-036 for what is no opaque reference.
        """
        refuse_personal(reference=reference)
        for record in records:
            refuse_personal(record=record)
        made = self._lifecycle.begin(reference, kind, said, by=self._desk.operator, at=now)
        known = (await self._register.get([reference])).get(reference)
        if known is not None:
            if (known.kind, dict(known.steps[0].said)) != (kind, dict(said)):
                raise Refusal("DG-REG-008", detail=reference)
            await self._ties.tie((record, reference) for record in records)
            return known
        await self._said(made)
        # Tied first: an entry that no record leads to would be forgotten when the record is destroyed.
        await self._ties.tie((record, reference) for record in records)
        return await self._kept(made)

    async def follow(
        self, reference: str, verb: str, said: Mapping[str, Said], *, now: int, records: Collection[str] = ()
    ) -> Entry:
        """Do the next step of an entry.

        Raises:
            Refusal: as :meth:`schemas.registers.Lifecycle.follow`; DG-REG-008 when somebody was quicker.
            DanganError: DG-REG-001, DG-OPS-036.
        """
        known = await self.entry(reference)
        for record in records:
            refuse_personal(record=record)
        after = self._lifecycle.follow(known, verb, said, by=self._desk.operator, at=now)
        await self._ties.tie((record, reference) for record in records)
        if after is known:
            return known
        await self._said(after)
        return await self._kept(after)

    async def about(self, records: Collection[str]) -> dict[str, list[Entry]]:
        """The entries about each of the records, by record; only those that have some."""
        tied = await self._ties.of_many(records)
        entries = await self._register.get({each for named in tied.values() for each in named})
        found = {record: [entries[each] for each in sorted(named) if each in entries] for record, named in tied.items()}
        return {record: named for record, named in found.items() if named}

    async def _said(self, entry: Entry) -> None:
        book = f"{self._lifecycle.name}.{entry.steps[-1].verb}"
        await self._desk.record("register", record=entry.id, book=book, digest=stored_digest(entry_document(entry)))

    async def _kept(self, entry: Entry) -> Entry:
        if not await self._register.put(entry):
            raise Refusal("DG-REG-008", detail=entry.id)
        return entry
