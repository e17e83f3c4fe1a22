"""Which record of a merged archive (合并, ARR-13) answers which field: the archive, then its parts in merge order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from store.record import Record


def sources(record: Record, names: Sequence[str], parts: Mapping[str, Record]) -> dict[str, Record]:
    """Where each field is read, of those that the archive has anywhere.

    A part counts while it names this archive itself. A field that was removed from the archive after a part had
    joined is not read of that part either.

    Args:
        record: the archive.
        names: the fields asked for.
        parts: the live records among the archive's parts, by id.
    """
    if not record.parts:  # nearly always
        return {name: record for name in names if name in record.fields}
    found: dict[str, Record] = {}
    named = (parts[name] for name in record.parts if name in parts)
    # A part whose consent was withdrawn (COL-04), or that somebody objects to (COL-07), is read no more than a record
    # of its own would be.
    joined = [part for part in named if part.part_of == record.id and part.consent_state is None and not part.objected]
    for name in names:
        dropped = record.dropped.get(name, ())
        holders = (part for part in joined if name in part.fields and part.id not in dropped)
        source = record if name in record.fields else next(holders, None)
        if source is not None:
            found[name] = source
    return found


def wanted_parts(records: Mapping[str, Record], asked: Mapping[str, Collection[str]]) -> set[str]:
    """The parts that have to be looked at: those of archives that lack a field they were asked for.

    Args:
        records: archives by id.
        asked: archive -> fields.
    """
    lacking = (r for r in records.values() if r.parts and not r.fields.keys() >= set(asked.get(r.id, ())))
    return {part for record in lacking for part in record.parts}
