"""Search everything that the services keep for the customers' identifiers.

Identity numbers, account numbers and e-mail addresses have a form, so one pass over the bytes finds all that could
be one, and a set says whether it is. The same search over the customers' file finds them all: it can find.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from store.database import Database

_DIGITS: Final = re.compile(rb"[0-9]{16,}X?")
_LENGTHS: Final = (16, 18)  # account numbers, identity numbers
_DOMAIN: Final = b"@example."
_ADDRESS: Final = re.compile(rb"[a-z0-9._]{1,40}@example\.(?:com|org|net)")
_CHUNK: Final = 4 << 20
_OVERLAP: Final = 64


@dataclass(slots=True)
class Search:
    """What was looked through, and which identifiers were found in it."""

    wanted: frozenset[bytes]
    bytes_read: int = 0
    found: set[bytes] = field(default_factory=set)

    def look(self, chunk: bytes) -> None:
        """Look through some bytes."""
        self.found.update(self.wanted.intersection(_candidates(chunk)))

    @property
    def hits(self) -> int:
        """How many different identifiers were found."""
        return len(self.found)


def identifiers(rows: Iterable[Collection[str]]) -> frozenset[bytes]:
    """The identifiers to look for, as they would stand in a file."""
    return frozenset(cell.encode() for row in rows for cell in row if cell)


def search_files(search: Search, folders: Iterable[Path]) -> None:
    """Look through every file below some folders."""
    for folder in folders:
        for path in sorted(folder.rglob("*") if folder.is_dir() else [folder]):
            if path.is_file():
                for chunk in _chunks(path):
                    search.bytes_read += len(chunk)
                    search.look(chunk)


async def search_database(search: Search, database: Database) -> None:
    """Look through every document as the server gives it, since its files may be compressed."""
    for name in await database.list_collection_names():
        async for batch in database[name].find_raw_batches({}):
            chunk = bytes(cast("bytes", batch))  # the driver's type says documents, its text says bytes
            search.bytes_read += len(chunk)
            search.look(chunk)


def _chunks(path: Path) -> Iterator[bytes]:
    """The file's bytes; stretches of zeros, of which preallocated files are full, are left out."""
    tail = b""
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            if chunk.count(0) != len(chunk):
                yield tail + chunk
            tail = chunk[-_OVERLAP:]


def _candidates(chunk: bytes) -> Iterator[bytes]:
    """Whatever has the form of an identifier; every window of a longer run of digits as well."""
    for run in _DIGITS.finditer(chunk):
        text = run.group()
        for length in _LENGTHS:
            yield from (text[at : at + length] for at in range(len(text) - length + 1))
    at = chunk.find(_DOMAIN)
    while at >= 0:
        # An address may be preceded by anything, also by letters: each of its possible beginnings is tried.
        around = chunk[max(0, at - 40) : at + len(_DOMAIN) + 3]
        if (address := _ADDRESS.search(around)) is not None:
            yield from (address.group()[start:] for start in range(len(address.group()) - len(_DOMAIN) - 3))
        at = chunk.find(_DOMAIN, at + 1)
