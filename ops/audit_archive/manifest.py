"""What an archive of the audit stream holds: ``manifest.json``, and beside it one packed file for each segment.

    TO/manifest.json              names, digests, places
       000001-p0.ndjson.gz        values as they stood on the topic, one a line
       checkpoints.ndjson         the newest checkpoint of every writer in it
       certificates.ndjson        the certificate of every writer in it

The digests find a damaged file fast. They prove nothing against somebody who can write to the folder: the chains and
checkpoints inside do (streams/audit/verify.py), and no file beside them needs to be trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import file_digest
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ops.private_files import write_private
from schemas.errors import DanganError

FILE: Final = "manifest.json"
_FORMAT: Final = "dangan/audit-archive@v1"
_MODEL: Final = ConfigDict(frozen=True, extra="forbid")
#: A year of a period, always the longest.
YEAR_MS: Final = 366 * 24 * 3_600_000
Name = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}-p[0-9]{1,4}\.ndjson\.gz$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Segment(BaseModel):
    """One file: values of one partition, from ``first_offset`` up to, without, ``next_offset``.

    ``first_ms`` and ``last_ms`` are the times of its records (UNIX milliseconds); ``size`` is in bytes, packed.
    """

    model_config = _MODEL

    name: Name
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    records: Annotated[int, Field(ge=1)]
    partition: Annotated[int, Field(ge=0)]
    first_offset: Annotated[int, Field(ge=0)]
    next_offset: Annotated[int, Field(ge=1)]
    first_ms: int
    last_ms: int
    writers: tuple[str, ...]


class Pruned(BaseModel):
    """A segment that was deleted after ``audit.retention_years``; what it was, and when (UNIX milliseconds)."""

    model_config = _MODEL

    segment: Segment
    at_ms: int


class Manifest(BaseModel):
    """The archive's table of contents."""

    model_config = _MODEL

    format: Literal["dangan/audit-archive@v1"] = _FORMAT
    segments: tuple[Segment, ...] = ()
    pruned: tuple[Pruned, ...] = ()

    def next_offsets(self) -> dict[int, int]:
        """For each partition the first offset that is not archived."""
        found: dict[int, int] = {}
        for segment in (*(one.segment for one in self.pruned), *self.segments):
            found[segment.partition] = max(segment.next_offset, found.get(segment.partition, 0))
        return found

    def pruned_writers(self) -> frozenset[str]:
        """The writers whose chains went whole with segments that were pruned."""
        gone = {writer for one in self.pruned for writer in one.segment.writers}
        return frozenset(gone.difference(*(one.writers for one in self.segments)))

    def next_number(self) -> int:
        """The number of the next segment."""
        names = [one.name for one in self.segments] + [one.segment.name for one in self.pruned]
        return max((int(name[:6]) for name in names), default=0) + 1


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an archive; an empty one for a folder that is not there yet or empty.

    Raises:
        DanganError: DG-AUD-062 when it cannot be read, or is missing beside segments.
    """
    path = folder / FILE
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        if any(folder.glob("*.ndjson.gz")):
            raise DanganError("DG-AUD-062", field=FILE) from None
        return Manifest()
    except (OSError, ValidationError) as error:
        raise DanganError("DG-AUD-062", field=FILE, detail=type(error).__name__) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest, durably and at once."""
    write_private(folder / FILE, manifest.model_dump_json(indent=1) + "\n")


def digest_of(path: Path) -> str:
    """SHA-256 of a file as it lies on the disk, 64 hex digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def damaged(folder: Path, manifest: Manifest) -> list[str]:
    """The names of segments that are missing, or not what the manifest says."""
    return [one.name for one in manifest.segments if not _is_whole(folder / one.name, one)]


def _is_whole(path: Path, segment: Segment) -> bool:
    try:
        return path.stat().st_size == segment.size and digest_of(path) == segment.sha256
    except OSError:
        return False


def prunable(manifest: Manifest, *, now_ms: int, years: int) -> tuple[Segment, ...]:
    """The segments that may be deleted: oldest first, each older than the period, none that a kept chain goes on from.

    Args:
        manifest: the archive's.
        now_ms: UNIX milliseconds.
        years: ``audit.retention_years``; a year counts 366 days.
    """
    oldest = now_ms - years * YEAR_MS
    old: list[Segment] = [one for one in manifest.segments if one.last_ms < oldest]
    while True:
        kept = {writer for one in manifest.segments if one not in old for writer in one.writers}
        free = [one for one in old if kept.isdisjoint(one.writers)]
        if len(free) == len(old):
            return tuple(old)
        old = free


def without(manifest: Manifest, gone: Sequence[Segment], *, now_ms: int) -> Manifest:
    """The manifest after those segments were deleted, which it goes on naming."""
    pruned = tuple(Pruned(segment=one, at_ms=now_ms) for one in gone)
    left = tuple(one for one in manifest.segments if one not in gone)
    return manifest.model_copy(update={"segments": left, "pruned": manifest.pruned + pruned})
