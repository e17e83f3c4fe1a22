"""The central store of record (集中保存, clause STO-14): what auxiliary systems hold that the centre does not have."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import orjson

from ops.audited import Desk, stored_digest
from ops.registry import refuse_personal
from schemas.errors import DanganError
from store.custody import Auxiliary, states
from store.database import Database

#: What is read of one system at most, and named of what is missing.
MAX_ITEMS: Final = 5_000_000
MAX_NAMED: Final = 100_000
MAX_LINE: Final = 4096
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found.

    Attributes:
        system: the auxiliary system.
        at: UNIX seconds.
        held: items it holds.
        absent: those that the centre does not have, at most the first hundred thousand.
        absent_count: how many there are.
        of_destroyed: those whose record was destroyed in the centre: to be destroyed there too.
    """

    system: str
    at: int
    held: int
    absent: tuple[str, ...]
    absent_count: int
    of_destroyed: tuple[str, ...]


def references(path: Path, column: str) -> Iterator[str]:
    """The record references in a CSV file (a column) or a JSON Lines file (a member).

    Raises:
        DanganError: DG-MED-020 naming the line that cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _json_rows(file) if path.suffix in (".jsonl", ".ndjson") else csv.DictReader(_bounded(file))
            for number, row in enumerate(rows, 1):
                value = row.get(column)
                if not isinstance(value, str) or not value:
                    raise DanganError("DG-MED-020", field=column, detail=f"item {number}")
                if number > MAX_ITEMS:
                    raise DanganError("DG-MED-020", field=str(path), detail=f"more than {MAX_ITEMS} items")
                yield value
    except (OSError, UnicodeDecodeError, csv.Error, orjson.JSONDecodeError) as error:
        raise DanganError("DG-MED-020", field=str(path), detail=type(error).__name__) from None


def _bounded(file: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(file, 1):
        if len(line) > MAX_LINE:
            raise DanganError("DG-MED-020", detail=f"line {number} is too long")
        yield line


def _json_rows(file: Iterable[str]) -> Iterator[dict[str, object]]:
    for number, line in enumerate(_bounded(file), 1):
        row = orjson.loads(line)
        if not isinstance(row, dict):
            raise DanganError("DG-MED-020", detail=f"line {number}")
        yield row


async def compare(desk: Desk, system: str, held: Iterator[str], *, now: int) -> Compared:
    """Compare what a system holds with the centre, and keep the result with its date.

    Args:
        desk: who does it.
        system: the auxiliary system's reference.
        held: the record references of what it holds.
        now: UNIX seconds.

    Raises:
        DanganError: DG-OPS-036 for what is no opaque reference, DG-MED-020.
    """
    refuse_personal(system=system)
    await desk.record("register", record=system, book="auxiliary.compare")
    count, absent_count = 0, 0
    absent: list[str] = []
    destroyed: list[str] = []
    while page := list(islice(held, _PAGE)):
        for each in page:
            refuse_personal(record=each)
        count += len(page)
        known = await states(desk.database, page)
        missing = [each for each in page if each not in known]
        absent_count += len(missing)
        absent += missing[: MAX_NAMED - len(absent)]
        destroyed += [each for each in page if known.get(each) == "destroyed"][: MAX_NAMED - len(destroyed)]
    result = Compared(system, now, count, tuple(absent), absent_count, tuple(destroyed))
    await _keep(desk.database, result)
    return result


async def _keep(database: Database, result: Compared) -> None:
    doc = {
        "_id": f"{result.system}@{result.at}",
        "system": result.system,
        "at": result.at,
        "held": result.held,
        "absent": list(result.absent[:1000]),  # all of them are put out; the kept result stays a small document
        "absent_count": result.absent_count,
        "of_destroyed": list(result.of_destroyed[:1000]),
    }
    doc["digest"] = stored_digest({name: value for name, value in doc.items() if name != "digest"})
    await Auxiliary(database).put(doc)
