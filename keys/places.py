"""Backup places: where key-page snapshots are kept, apart from the data.

A file appears under its name whole or not at all: it is written aside, flushed to the disk, renamed, and the
directory flushed as well.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from io import BufferedIOBase
from pathlib import Path
from typing import Final, Protocol

_ASIDE: Final = ".part"


class Sink(Protocol):
    """A file being written; it does not exist before :meth:`commit`."""

    def write(self, data: bytes) -> None:
        """Append."""

    def commit(self) -> None:
        """Make the file durable and give it its name."""

    def abandon(self) -> None:
        """Leave nothing behind. Harmless after a commit."""


class Place(Protocol):
    """One backup place. Methods raise OSError when the place fails."""

    @property
    def name(self) -> str:
        """What certificates call it."""

    def create(self, file: str) -> Sink:
        """Start a file; one of that name is replaced at the commit."""

    def open(self, file: str) -> BufferedIOBase:
        """Read a file."""

    def files(self) -> list[str]:
        """The names of all whole files, ascending."""

    def remove(self, file: str) -> None:
        """Delete a file."""


class DirectoryPlace:
    """A directory, for instance the mount of a backup volume. Implements :class:`Place`."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        self._path = path
        self.name: Final = name or path.name

    def create(self, file: str) -> Sink:
        """Start a file."""
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return _FileSink(self._path, file)

    def open(self, file: str) -> BufferedIOBase:
        """Read a file."""
        return (self._path / file).open("rb")

    def files(self) -> list[str]:
        """The names of all whole files, ascending."""
        if not self._path.is_dir():
            return []
        return sorted(each.name for each in self._path.iterdir() if each.suffix != _ASIDE and each.is_file())

    def remove(self, file: str) -> None:
        """Delete a file."""
        (self._path / file).unlink(missing_ok=True)


class _FileSink:
    def __init__(self, directory: Path, file: str) -> None:
        self._directory = directory
        self._target = directory / file
        # A name of its own, since a sweeper that was fenced off may still be writing the same file.
        self._aside = directory / f"{file}.{os.urandom(6).hex()}{_ASIDE}"
        self._out = os.fdopen(os.open(self._aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def write(self, data: bytes) -> None:
        self._out.write(data)

    def commit(self) -> None:
        self._out.flush()
        os.fsync(self._out.fileno())
        self._out.close()
        self._aside.rename(self._target)
        handle = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def abandon(self) -> None:
        self._out.close()
        with contextlib.suppress(OSError):
            self._aside.unlink(missing_ok=True)


def digest(place: Place, file: str) -> str:
    """SHA-256 of a file as the place gives it back, hexadecimal."""
    with place.open(file) as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
