"""Opens the fields of records that may be read, and shows each as far as the lease goes (clauses USE-14, STO-03)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from consumers.reading.leases import Lease
from keys.cipher import FieldCipher
from keys.pages import Page
from keys.ports import KeyRef
from keys.ring import Deks, KeyRing
from schemas.catalogue import Catalogue
from schemas.combination import about_person, handled_as, shown
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.rulebook import Sensitivity
from store.records import Record

#: Field -> the record that it is read of: the archive itself, or a part of it (consumers/reading/parts.py).
Sources = Mapping[str, Record]


class Shown(NamedTuple):
    """What is answered of one record: its values, and the names of those above ``basic`` that stand there unmasked."""

    values: dict[str, object]
    clear: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens and masks, for every kind of read of records as they are now."""

    ring: KeyRing
    catalogue: Catalogue
    sensitivity: Sensitivity

    async def keys(self, pages: Mapping[str, Page], reads: Iterable[Sources]) -> dict[str, Deks | DanganError]:
        """The keys that the reads need and no others, or why a record's cannot be had.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        fields = self.catalogue.fields
        needed: dict[str, dict[Level, KeyRef]] = {}
        for read in reads:
            for name, record in read.items():
                of_record = needed.get(record.id)
                if of_record is None:
                    of_record = needed[record.id] = {}
                level = fields[name].level
                if level not in of_record and level in record.keys:  # always, but for another's writing (STO-05)
                    of_record[level] = record.keys[level]
        return await self.ring.open_with(pages, needed)

    def shown(self, lease: Lease, record: Record, read: Sources, opened: Mapping[str, Deks | DanganError]) -> Shown:
        """The values of one record: masked, unless the grant says clear.

        Raises:
            DanganError: DG-KEY-003 to 006, 007 when the record does not open.
        """
        fields, clear, every = self.catalogue.fields, lease.clear, "*" in lease.clear
        together = {fields[name].level for name in read}
        person = about_person(record.intake)
        handled = {level: handled_as(level, together, person=person, rules=self.sensitivity) for level in together}
        ciphers: dict[tuple[str, Level], FieldCipher] = {}
        values: dict[str, object] = {}
        unmasked: list[str] = []
        for name, source in read.items():
            spec = fields[name]
            cipher = ciphers.get((source.id, spec.level))
            if cipher is None:
                deks = opened[source.id]
                if isinstance(deks, DanganError):
                    raise deks
                if spec.level not in deks:
                    raise DanganError("DG-KEY-005", field=name)
                cipher = ciphers[source.id, spec.level] = FieldCipher(deks[spec.level], source.id, spec.level)
            value = orjson.loads(cipher.open(name, source.field_versions.get(name, 1), source.fields[name]))
            if every or name in clear:
                values[name] = value
                if handled[spec.level] is not Level.BASIC:
                    unmasked.append(name)
            else:
                values[name] = shown(spec, value, handled[spec.level])
        return Shown(values, tuple(unmasked))
