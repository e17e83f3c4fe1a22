"""Cuts the audit stream where every chain in it is complete, and writes the pieces."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ops.audit_archive.manifest import Segment, digest_of
from schemas.errors import DanganError
from streams.audit.chain import read_link
from streams.audit.checkpoint import VALUE_PREFIX, from_value

if TYPE_CHECKING:
    from streams.audit.reader import Entry

#: A segment's packing: the last few percent cost several times the time.
_LEVEL: Final = 6


class Cutter:
    """Passes on entries of one partition that are old enough, up to the last checkpoint among them.

    A record batch of a writer ends with its checkpoint and lies in one piece: right behind any checkpoint every chain
    is complete.

    Args:
        before_ms: entries from then on stay on the topic (UNIX milliseconds).
    """

    def __init__(self, before_ms: int) -> None:
        self._before_ms = before_ms
        self._held: list[Entry] = []
        self.over = False

    def cut(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The next entries, in order of their offsets; those that may be archived come out."""
        for entry in entries:
            if self.over or entry.at_ms >= self._before_ms:
                self.over = True
                return
            self._held.append(entry)
            if entry.value.startswith(VALUE_PREFIX) and from_value(entry.value) is not None:
                yield from self._held
                self._held = []


class SegmentFile:
    """One segment while it is written: durable under its name when :meth:`close` returns, not there before."""

    def __init__(self, folder: Path, name: str, partition: int) -> None:
        self._path = folder / name
        descriptor, part = tempfile.mkstemp(dir=folder, prefix=f".{name}.", suffix=".part")  # its mode is 0600
        self._part = Path(part)
        self._placed = False
        self._partition = partition
        self._raw = os.fdopen(descriptor, "wb")
        # no name and no time inside: the same events give the same bytes
        self._file = gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=self._raw, mtime=0)
        self._first: Entry | None = None
        self._last: Entry | None = None
        self._records = 0
        self._times: tuple[int, int] = (0, 0)
        self._writers: set[str] = set()

    def add(self, entry: Entry) -> None:
        """Write one value."""
        self._file.write(entry.value + b"\n")
        low, high = self._times if self._first else (entry.at_ms, entry.at_ms)
        self._times = (min(low, entry.at_ms), max(high, entry.at_ms))
        self._first, self._last = self._first or entry, entry
        self._records += 1
        if (link := read_link(entry.value)) is not None:
            self._writers.add(link.writer)

    def close(self) -> Segment:
        """Make it durable, read it back, and say what it is.

        Raises:
            DanganError: DG-AUD-005 when what is read back is not what was written, DG-AUD-066 when a file has this
                name already: it is never replaced.
        """
        if self._first is None or self._last is None:
            raise ValueError("a segment holds something")
        self._file.close()
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self._raw.close()
        with gzip.open(self._part) as back:
            if sum(1 for _ in back) != self._records:
                raise DanganError("DG-AUD-005", field=self._path.name)
        self._place()
        return Segment(
            name=self._path.name,
            sha256=digest_of(self._path),
            size=self._path.stat().st_size,
            records=self._records,
            partition=self._partition,
            first_offset=self._first.offset,
            next_offset=self._last.offset + 1,
            first_ms=self._times[0],
            last_ms=self._times[1],
            writers=tuple(sorted(self._writers)),
        )

    def abandon(self) -> None:
        """Close and remove what was written here, and nothing else."""
        self._file.close()
        self._raw.close()
        self._part.unlink(missing_ok=True)
        if self._placed:
            self._path.unlink(missing_ok=True)

    def _place(self) -> None:
        # Taking the name first, as a new empty file, leaves nothing of another run to be replaced.
        try:
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError as error:
            raise DanganError("DG-AUD-066", field=self._path.name) from error
        self._placed = True
        self._part.replace(self._path)
