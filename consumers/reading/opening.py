"""Opens the fields of records that may be read, and shows each as far as the lease goes (clauses USE-14, STO-03)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Final, NamedTuple

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
from schemas.values import Scalar
from store.record import Record

#: Field -> the record that it is read of: the archive itself, or a part of it (consumers/reading/parts.py).
Sources = Mapping[str, Record]
#: How many plans are remembered: what to do with some fields, by what the grant says of them.
_PLANNED: Final = 1024


class Shown(NamedTuple):
    """What is answered of one record: its values, and the names of those above ``basic`` that stand there unmasked."""

    values: dict[str, object]
    clear: tuple[str, ...]


class _Step(NamedTuple):
    """What a reading does with one field: its key's level, whether it is shown whole and told as such, its mask."""

    name: str
    level: Level
    mask: Callable[[Scalar], Scalar] | None
    told: bool


class Opening:
    """Opens and masks, for every kind of read of records as they are now.

    Args:
        ring: opens key pages.
        catalogue: the fields.
        sensitivity: the rules about what stands together.
    """

    def __init__(self, ring: KeyRing, catalogue: Catalogue, sensitivity: Sensitivity) -> None:
        self._ring = ring
        self._fields = catalogue.fields
        self._sensitivity = sensitivity
        self._steps = lru_cache(maxsize=_PLANNED)(self._planned)

    async def keys(self, pages: Mapping[str, Page], reads: Iterable[Sources]) -> dict[str, Deks | DanganError]:
        """The keys that the reads need and no others, or why a record's cannot be had.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        fields = self._fields
        needed: dict[str, dict[Level, KeyRef]] = {}
        for read in reads:
            for name, record in read.items():
                of_record = needed.get(record.id)
                if of_record is None:
                    of_record = needed[record.id] = {}
                level = fields[name].level
                if level not in of_record and level in record.keys:  # always, but for another's writing (STO-05)
                    of_record[level] = record.keys[level]
        return await self._ring.open_with(pages, needed)

    def shown(self, lease: Lease, record: Record, read: Sources, opened: Mapping[str, Deks | DanganError]) -> Shown:
        """The values of one record: masked, unless the grant says clear.

        Raises:
            DanganError: DG-KEY-003 to 006, 007 when the record does not open.
        """
        ciphers: dict[Level, FieldCipher] = {}
        of = record  # whose ciphers these are: parts answer a few fields of a merged archive, one after the other
        values: dict[str, object] = {}
        unmasked: list[str] = []
        for name, level, mask, told in self._steps(tuple(read), lease.clear, about_person(record.intake)):
            source = read[name]
            if source is not of:
                ciphers, of = {}, source
            cipher = ciphers.get(level)
            if cipher is None:
                cipher = ciphers[level] = _cipher(source, name, level, opened)
            value = orjson.loads(cipher.open(name, source.field_versions.get(name, 1), source.fields[name]))
            values[name] = value if mask is None else mask(value)
            if told:
                unmasked.append(name)
        return Shown(values, tuple(unmasked))

    def _planned(self, names: tuple[str, ...], clear: frozenset[str], person: bool) -> tuple[_Step, ...]:
        specs = {name: self._fields[name] for name in names}
        together = {spec.level for spec in specs.values()}
        steps: list[_Step] = []
        for name, spec in specs.items():
            level = handled_as(spec.level, together, person=person, rules=self._sensitivity)
            if "*" in clear or name in clear:
                steps.append(_Step(name, spec.level, None, level is not Level.BASIC))
            else:
                steps.append(_Step(name, spec.level, partial(shown, spec, level=level), told=False))
        return tuple(steps)


def _cipher(source: Record, name: str, level: Level, opened: Mapping[str, Deks | DanganError]) -> FieldCipher:
    deks = opened[source.id]
    if isinstance(deks, DanganError):
        raise deks
    if level not in deks:
        raise DanganError("DG-KEY-005", field=name)
    return FieldCipher(deks[level], source.id, level)
