"""Takes records that may be read off the shelf: their parts, consents for another purpose, their keys, their values.

One way for every kind of read of records as they are now, one record or a page of them. What is looked up here is
looked up only for those who may know of the record: how long an answer takes tells nobody else anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from consumers.authorize import may_open
from consumers.reading.leases import Lease
from consumers.reading.opening import Opening, Shown, Sources
from consumers.reading.parts import sources, wanted_parts
from consumers.reading.purposes import Consented, Purposes
from consumers.rules import Rules
from keys.pages import Page
from keys.ring import KeyRing
from schemas.errors import DanganError, Refusal
from schemas.principals import Principal
from store.reads import Reads
from store.record import Record


class Asked(NamedTuple):
    """A record that the rules let be read, as far as it says itself; what for, and by whom."""

    record: Record
    lease: Lease
    purpose: str
    reader: Principal


class Found(NamedTuple):
    """What is answered of a record, and where each field was read."""

    read: Sources
    values: dict[str, object]
    clear: tuple[str, ...]


class Shelf:
    """Opens records.

    Args:
        reads: fetches parts of archives.
        purposes: what records may be used for.
        ring: opens key pages.
        rules: catalogue and rule book.
    """

    def __init__(self, reads: Reads, purposes: Purposes, ring: KeyRing, rules: Rules) -> None:
        self._reads = reads
        self._purposes = purposes
        self._rules = rules
        self._opening = Opening(ring, rules.catalogue, rules.book.sensitivity)

    async def open(self, asked: Sequence[Asked], pages: Mapping[str, Page]) -> list[Found | DanganError]:
        """The values of each, or why that one is not answered, in order.

        Args:
            asked: what is read.
            pages: the key pages that the records themselves name.

        Returns:
            For each what was found, or DG-ACC-020 (clause USE-09), or an error of its keys, DG-KEY-003 to 007.

        Raises:
            Transient: a dependency does not answer.
        """
        parts, more = await self._parts(asked)
        uses = [(each.record, each.purpose) for each in asked]
        uses += [(part, each.purpose) for part in parts.values() for each in asked if part.part_of == each.record.id]
        consented = await self._purposes.consented(uses)
        found: dict[int, Sources | DanganError] = {}
        for at, each in enumerate(asked):
            if not self._purposes.open(each.record, each.purpose, consented):
                found[at] = Refusal("DG-ACC-020", field="purpose")
                continue
            may = {name: part for name, part in parts.items() if self._part_open(part, each, consented)}
            found[at] = sources(each.record, each.lease.fields, may)
        reads = [read for read in found.values() if not isinstance(read, DanganError)]
        keys = await self._opening.keys({**pages, **more} if more else pages, reads)
        answers: list[Found | DanganError] = []
        for each, read in zip(asked, found.values(), strict=True):
            if isinstance(read, DanganError):
                answers.append(read)
                continue
            try:
                shown: Shown = self._opening.shown(each.lease, each.record, read, keys)
            except DanganError as error:
                answers.append(error)
            else:
                answers.append(Found(read, shown.values, shown.clear))
        return answers

    def _part_open(self, part: Record, asked: Asked, consented: Consented) -> bool:
        """Whether a part of an archive may be read with it: policies and purpose are asked of each part itself."""
        if not self._purposes.open(part, asked.purpose, consented):
            return False
        return may_open(part, asked.reader, asked.lease.level, asked.purpose, self._rules.authorizer)

    async def _parts(self, asked: Sequence[Asked]) -> tuple[dict[str, Record], dict[str, Page]]:
        records = {each.record.id: each.record for each in asked if each.record.parts}
        if not records:
            return {}, {}
        names: dict[str, set[str]] = {}
        for each in asked:
            names.setdefault(each.record.id, set()).update(each.lease.fields)
        levels = {self._rules.catalogue.field(name).level for each in names.values() for name in each}
        return await self._reads.fetch(wanted_parts(records, names), levels)
