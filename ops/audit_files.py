"""Audit records outside Kafka: exports (a value a line, byte for byte), plain or packed, and kept checkpoints."""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from ops.audit_archive.manifest import FILE, read_manifest
from schemas.audit import KeptCheckpoint
from schemas.errors import DanganError
from streams.audit.checkpoint import Checkpoint, from_value, parse_checkpoint, to_value
from streams.audit.verify import Verifier

if TYPE_CHECKING:  # Kafka's client is loaded by who reads the topic
    from streams.audit.reader import Entry

_REPORT_EVERY: Final = 4096  # lines
Advance = Callable[[int], None]


@contextmanager
def lines_of(path: Path, code: str = "DG-AUD-005") -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """A file to read lines from, unpacked if its name ends with ``.gz``, and the same as it lies on the disk.

    Raises:
        DanganError: with the code given, when it cannot be read.
    """
    try:
        with path.open("rb") as raw:
            if path.suffix != ".gz":
                yield raw, raw
            else:
                with gzip.open(raw) as unpacked:
                    yield cast("BinaryIO", unpacked), raw
    except (OSError, EOFError, zlib.error) as error:
        detail = getattr(error, "strerror", None) or type(error).__name__
        raise DanganError(code, field=str(path), detail=detail) from error


def values_in(paths: Iterable[Path], advance: Advance = lambda _: None) -> Iterator[bytes]:
    """Every line of the files without its line break; ``advance`` is told how many bytes were read since last.

    Args:
        paths: exports, plain or packed (``.gz``), and folders of an archive (ops/audit_archive), in order.
        advance: see above.

    Raises:
        DanganError: DG-AUD-005 when one cannot be read.
    """
    for path in files_of(paths):
        with lines_of(path) as (lines, raw):
            done = 0
            for number, line in enumerate(lines, 1):
                if number % _REPORT_EVERY == 0:
                    advance(raw.tell() - done)
                    done = raw.tell()
                yield line.removesuffix(b"\n")
            advance(raw.tell() - done)


def files_of(paths: Iterable[Path]) -> Iterator[Path]:
    """The files themselves: for a folder the segments of its manifest, in the order in which they were written.

    Raises:
        DanganError: DG-AUD-005 for a folder without any, DG-AUD-062 when the manifest cannot be read.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        named = [path / one.name for one in read_manifest(path).segments] if (path / FILE).is_file() else None
        segments = sorted(path.glob("*.ndjson.gz")) if named is None else named
        if not segments:
            raise DanganError("DG-AUD-005", field=str(path))
        yield from segments


def feed_file(verifier: Verifier, path: Path, advance: Advance, source: str | None = None) -> None:
    """Give every line of an export to the verifier; ``advance`` is told how many bytes were read since last.

    Args:
        verifier: takes them.
        path: the export.
        advance: see above.
        source: what findings call the file; by default its path.

    Raises:
        DanganError: DG-AUD-005 when the file cannot be read.
    """
    source, feed = source or str(path), verifier.feed
    for number, value in enumerate(values_in((path,), advance), 1):
        feed(value, source, number)


async def write_export(batches: AsyncIterable[list[Entry]], path: Path, advance: Callable[[int], None]) -> int:
    """Write values to a new file, one a line; ``advance`` is told how many records were written since last.

    The file appears when it is whole, readable by its owner only.

    Returns:
        How many lines.

    Raises:
        DanganError: DG-AUD-005 when the file exists or cannot be written.
    """
    count = 0
    with new_file(path) as file:
        async for entries in batches:
            file.writelines(entry.value + b"\n" for entry in entries)
            count += len(entries)
            advance(len(entries))
    return count


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name when it is whole, readable by its owner, and never in place of another.

    Raises:
        DanganError: DG-AUD-005 when the file exists or cannot be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.link(name, path)  # a rename would replace what is there
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise DanganError("DG-AUD-005", field=str(path), detail=error.strerror) from error


def read_kept(path: Path) -> list[Checkpoint]:
    """The checkpoints that a file holds: one signed note, or a line of JSON each as exports have them.

    Raises:
        DanganError: DG-AUD-005 when there is none in it.
    """
    try:
        data = path.read_bytes()
        note = parse_checkpoint(data.decode())
    except (OSError, UnicodeDecodeError) as error:
        raise DanganError("DG-AUD-005", field=str(path), detail=type(error).__name__) from error
    found = [note] if note else [one for line in data.splitlines() if (one := from_value(line))]
    if not found:
        raise DanganError("DG-AUD-005", field=str(path), detail="there is no checkpoint in it")
    return found


def write_kept(kept: Iterable[Checkpoint], path: Path) -> None:
    """Write checkpoints as :func:`read_kept` reads them.

    Raises:
        DanganError: DG-AUD-005 when the file exists or cannot be written.
    """
    with new_file(path) as file:
        file.writelines(to_value(one) + b"\n" for one in kept)


def notes_of(kept: Iterable[KeptCheckpoint]) -> list[Checkpoint]:
    """The checkpoints that the database keeps; one whose text is not a checkpoint is an alteration.

    Raises:
        DanganError: DG-AUD-003 when there is such a one.
    """
    notes = []
    for one in kept:
        note = parse_checkpoint(one.text)
        if note is None or note.writer != one.writer:
            raise DanganError("DG-AUD-003", field="audit_checkpoints", detail=f"of writer {one.writer}")
        notes.append(note)
    return notes
