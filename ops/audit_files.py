"""Audit records outside Kafka: exports (a value a line, byte for byte) and kept checkpoints."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from schemas.audit import KeptCheckpoint
from schemas.errors import DanganError
from streams.audit.checkpoint import Checkpoint, from_value, parse_checkpoint, to_value
from streams.audit.verify import Verifier

if TYPE_CHECKING:  # Kafka's client is loaded by who reads the topic
    from streams.audit.reader import Entry

_REPORT_EVERY: Final = 4096  # lines


def feed_file(verifier: Verifier, path: Path, advance: Callable[[int], None]) -> None:
    """Give every line of an export to the verifier; ``advance`` is told how many bytes were read since last.

    Raises:
        DanganError: DG-AUD-005 when the file cannot be read.
    """
    source, feed, number, read = str(path), verifier.feed, 0, 0
    try:
        with path.open("rb") as lines:
            for line in lines:
                number += 1
                read += len(line)
                feed(line[:-1] if line.endswith(b"\n") else line, source, number)
                if number % _REPORT_EVERY == 0:
                    advance(read)
                    read = 0
    except OSError as error:
        raise DanganError("DG-AUD-005", field=source, detail=error.strerror) from error
    advance(read)


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
