"""The door log of the archive room (档案室门禁记录, clause AUD-08): entries without an application that was valid then.

A CSV file of the door system with the columns ``at`` (RFC 3339 with offset), ``person`` (principal id), ``door`` and
``grant`` (the approved application's grant; empty for the keepers of the archive).
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ops.inspections.runs import Found
from schemas.errors import DanganError
from schemas.principals import Grant
from schemas.values import looks_personal
from schemas.wire import PRINCIPAL
from schemas.working_days import seconds_of
from store.inspections import Finding

COLUMNS: Final = ("at", "person", "door", "grant")
MAX_ENTRIES: Final = 200_000
_MAX_BYTES: Final = 32 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody went through a door, UNIX seconds; ``grant`` is empty where none was named."""

    line: int
    at: float
    person: str
    door: str
    grant: str


@dataclass(frozen=True, slots=True)
class DoorLog:
    """A door log; ``sha256`` is the file's."""

    entries: tuple[Entry, ...]
    sha256: str


def read_door_log(file: Path) -> DoorLog:
    """Read a door log.

    Raises:
        DanganError: DG-INS-020 naming the line that is wrong, never what stands in it.
    """
    try:
        content = file.read_bytes()
        if len(content) > _MAX_BYTES:
            raise DanganError("DG-INS-020", field=str(file), detail="too large")
        lines = csv.DictReader(content.decode("utf-8-sig").splitlines())
        if not set(COLUMNS) <= set(lines.fieldnames or ()):
            raise DanganError("DG-INS-020", field=str(file), detail="line 1")
        entries = tuple(_entry(number, row, file) for number, row in enumerate(lines, 2))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DanganError("DG-INS-020", field=str(file), detail=type(error).__name__) from None
    if len(entries) > MAX_ENTRIES:
        raise DanganError("DG-INS-020", field=str(file), detail="too large")
    return DoorLog(entries, hashlib.sha256(content).hexdigest())


def _entry(number: int, row: Mapping[str, str | None], file: Path) -> Entry:
    at, person, door, grant = ((row.get(name) or "").strip() for name in COLUMNS)
    try:
        seconds = seconds_of(at)
    except (ValueError, OverflowError):
        raise DanganError("DG-INS-020", field=str(file), detail=f"line {number}") from None
    references = [person, door, *([grant] if grant else [])]
    if any(not PRINCIPAL.fullmatch(each) or looks_personal(each) for each in references):
        raise DanganError("DG-INS-020", field=str(file), detail=f"line {number}")
    return Entry(number, seconds, person, door, grant)


def without_application(log: DoorLog, grants: Mapping[str, Grant], keepers: Collection[str]) -> Iterator[Finding]:
    """The entries that no application allowed. Pure.

    Args:
        log: the door log.
        grants: every grant, by id.
        keepers: who may enter by post: archivists and custodians.
    """
    for entry in log.entries:
        if reason := _reason(entry, grants, keepers):
            yield Finding("door-without-application", entry.person, f"line {entry.line}: {reason}")


def _reason(entry: Entry, grants: Mapping[str, Grant], keepers: Collection[str]) -> str:
    if not entry.grant:
        return "" if entry.person in keepers else "no application named"
    grant = grants.get(entry.grant)
    if grant is None:
        return "no such grant"
    if grant.principal != entry.person:
        return "somebody else's grant"
    ends = [grant.not_after, *(each for each in (grant.recalled_at, grant.returned_at) if each is not None)]
    return "" if grant.not_before <= entry.at < min(ends) else "the grant was not valid then"


def doors(found: Found, log: DoorLog, grants: Mapping[str, Grant], keepers: Collection[str]) -> None:
    """Add the door log to what an access review found."""
    found.counts["door-entries"] += len(log.entries)
    found.add(without_application(log, grants, keepers))
