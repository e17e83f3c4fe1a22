"""Compare a database with the customers' file: every record opened, every field decrypted, every value compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import orjson

from keys.cipher import FieldCipher
from keys.ring import Deks, KeyRing
from ops.publish.ids import RowIds
from ops.publish.mapping import load_mapping, row_mapper
from ops.publish.reading import read_table
from schemas.catalogue import Catalogue
from schemas.errors import DanganError
from schemas.values import Scalar, normalise
from store.database import Database
from store.record import Record
from store.records import Records

_BATCH: Final = 500

#: record id -> field -> its value's normal form, as it must come back.
Expected = Mapping[str, Mapping[str, Scalar]]


@dataclass(slots=True)
class Comparison:
    """How many records came back with every value, and the ids of those that did not."""

    equal: int = 0
    missing: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """The figures."""
        lost = len(self.missing) + len(self.unreadable)
        return f"{self.equal:,} equal, {lost} not there or not readable, {len(self.different)} different"


def expected_of(file: Path, mapping: Path, ids: RowIds, catalogue: Catalogue) -> Expected:
    """What the archive must hold of a published file."""
    table = read_table(file)
    mapper = row_mapper(load_mapping(mapping, {}), ids, table.columns, catalogue.fields)
    commands = (mapper.command(row)[1] for row in table)
    return {
        parts["record"]: {
            name: normalise(name, catalogue.field(name), value) for name, value in parts["fields"].items()
        }
        for parts in commands
    }


async def compare(
    database: Database, ring: KeyRing, catalogue: Catalogue, expected: Expected, on_records: Callable[[int], None]
) -> Comparison:
    """Read every expected record out of a database.

    Args:
        database: the live or a restored one.
        ring: opens key pages of that database.
        catalogue: says which level a field is under.
        expected: what must come back.
        on_records: told how many records were compared since last.
    """
    records, result = Records(database), Comparison()
    ids = iter(expected)
    while batch := list(islice(ids, _BATCH)):
        found = await records.get(batch)
        deks = await ring.try_open({record.id: record.keys for record in found.values()})
        for each in batch:
            if each not in found:
                result.missing.append(each)
            else:
                _compare_one(found[each], deks[each], catalogue, expected[each], result)
        on_records(len(batch))
    return result


def _compare_one(
    record: Record, deks: Deks | DanganError, catalogue: Catalogue, values: Mapping[str, Scalar], result: Comparison
) -> None:
    if isinstance(deks, DanganError):
        result.unreadable.append(record.id)
        return
    try:
        same = dict(_open(record, deks, catalogue)) == values
    except DanganError:
        result.unreadable.append(record.id)
        return
    if same:
        result.equal += 1
    else:
        result.different.append(record.id)


def _open(record: Record, deks: Deks, catalogue: Catalogue) -> Iterator[tuple[str, Scalar]]:
    ciphers = {level: FieldCipher(dek, record.id, level) for level, dek in deks.items()}
    for name, sealed in record.fields.items():
        version = record.field_versions.get(name, 1)
        yield name, orjson.loads(ciphers[catalogue.field(name).level].open(name, version, sealed))
