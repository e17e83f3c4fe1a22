"""Writes one sealed backup to every place at once, while the archive is at work (STO-06).

Reading from the server and the work on what was read (digests, sealing, writing) run side by side: while one batch is
worked on in a thread, the next one is on its way. A place that fails is left behind and named; the others go on.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from keys.places import Place, Sink, digest
from keys.roots import BACKUP_ROOT
from keys.sealed_file import KEY_BYTES, Sealer
from keys.vault import Transit
from ops.backup import Progress, copy_order
from ops.backups.fingerprints import DIGEST_BYTES, Collected, Fingerprints
from ops.backups.frames import CONTENTS, DOCUMENTS, METADATA, REMOVED, Base, Contents, Header, file_name, frame
from schemas.errors import DanganError
from store.backups import Kind
from store.database import Database
from store.dump import count, dump, metadata

_PIECE: Final = 1 << 20
_REMOVED_AT_ONCE: Final = DIGEST_BYTES << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be made: which backup, of which kind, on which base. ``made_at``: UNIX seconds."""

    id: str
    kind: Kind
    made_at: int
    base: Base | None = None
    before: Fingerprints | None = None


class Made(NamedTuple):
    """What was written.

    Attributes:
        failed: place -> what went wrong there.
    """

    sha256: str
    size: int
    documents: int
    stored: int
    fingerprints: bytes
    failed: dict[str, str]


async def make_sealed(
    database: Database,
    places: Sequence[Place],
    transit: Transit,
    wanted: Wanted,
    on_progress: Progress,
    *,
    random: Callable[[int], bytes] = os.urandom,
) -> Made:
    """Write a backup.

    Args:
        database: the live one; it may be written to meanwhile.
        places: each takes the file.
        transit: may encrypt under the backup root.
        wanted: which backup.
        on_progress: told how far it is.
        random: for the data key; fixed only in tests.

    Raises:
        DanganError: DG-BAK-027 when no place took it; no place keeps a part of it.
    """
    key = random(KEY_BYTES)
    (wrapped,) = await transit.encrypt(BACKUP_ROOT, [key])
    header = Header(
        id=wanted.id, kind=wanted.kind, made_at=wanted.made_at, database=database.name, base=wanted.base,
        key=wrapped.ciphertext,
    )  # fmt: skip
    out = _Out(places, file_name(wanted.id, wanted.kind), Sealer(key, header.model_dump_json().encode()))
    try:
        entries, documents, stored = await _copy_all(database, out, wanted.before, on_progress)
        contents = Contents(collections=documents)
        await asyncio.to_thread(out.finish, frame(CONTENTS, "", contents.model_dump_json().encode()))
    finally:
        await asyncio.to_thread(out.abandon)
    if len(out.failed) == len(places):
        raise DanganError("DG-BAK-027", field=", ".join(out.failed), detail=next(iter(out.failed.values()), None))
    prints = Fingerprints(entries).dump()
    return Made(out.sha256, out.size, sum(documents.values()), stored, prints, out.failed)


async def _copy_all(
    database: Database, out: _Out, before: Fingerprints | None, on_progress: Progress
) -> tuple[dict[str, bytes], dict[str, int], int]:
    entries: dict[str, bytes] = {}
    documents: dict[str, int] = {}
    stored = 0
    for name in copy_order(await database.list_collection_names()):
        await asyncio.to_thread(out.put, METADATA, name, (await metadata(database, name)).encode())
        collected = Collected(before.of(name) if before else None)
        total = await database[name].estimated_document_count()
        read = 0
        work: asyncio.Task[int] | None = None
        try:
            async for batch in dump(database, name):
                if work is not None:
                    stored += await work
                work = asyncio.create_task(asyncio.to_thread(_take, out, collected, name, batch))
                read += count(batch)
                on_progress(name, read, total)
        finally:
            if work is not None:
                stored += await work
        removed = collected.removed()
        for start in range(0, len(removed), _REMOVED_AT_ONCE):
            await asyncio.to_thread(out.put, REMOVED, name, removed[start : start + _REMOVED_AT_ONCE])
        entries[name], documents[name] = collected.dump(), len(collected)
    return entries, documents, stored


def _take(out: _Out, collected: Collected, name: str, batch: bytes) -> int:
    changed = collected.changed(batch)
    if changed:
        out.put(DOCUMENTS, name, changed)
    return count(changed)


class _Out:
    """One sealed file on its way to several places."""

    def __init__(self, places: Sequence[Place], file: str, sealer: Sealer) -> None:
        self._sealer = sealer
        self._sha = hashlib.sha256()
        self._sinks: dict[str, Sink] = {}
        self.size = 0
        self.failed: dict[str, str] = {}
        for place in places:
            try:
                self._sinks[place.name] = place.create(file)
            except OSError as error:
                self.failed[place.name] = error.strerror or type(error).__name__
        self._write(sealer.start())

    @property
    def sha256(self) -> str:
        """Of all bytes so far, hexadecimal."""
        return self._sha.hexdigest()

    def put(self, kind: bytes, name: str, data: bytes) -> None:
        """Seal a frame and write it everywhere."""
        self._write(self._sealer.chunk(frame(kind, name, data)))

    def finish(self, last: bytes) -> None:
        """Seal the last frame; give the file its name in every place that took all of it."""
        self._write(self._sealer.end(last))
        for name, sink in list(self._sinks.items()):
            self._try(name, sink.commit)

    def abandon(self) -> None:
        """Leave nothing of an unfinished file behind."""
        for sink in self._sinks.values():
            sink.abandon()

    def _write(self, data: bytes) -> None:
        self._sha.update(data)
        self.size += len(data)
        for name, sink in list(self._sinks.items()):
            self._try(name, partial(sink.write, data))

    def _try(self, name: str, act: Callable[[], None]) -> None:
        try:
            act()
        except OSError as error:
            self.failed[name] = error.strerror or type(error).__name__
            self._sinks.pop(name).abandon()


def holds(place: Place, file: str, sha256: str) -> bool:
    """Whether a place gives a file back as it was written."""
    try:
        return digest(place, file) == sha256
    except OSError:
        return False


def copy_across(source: Place, target: Place, file: str) -> None:
    """Copy a file from one place to another; it appears whole or not at all. Raises OSError when one of them fails."""
    with source.open(file) as data:
        sink = target.create(file)
        try:
            while piece := data.read(_PIECE):
                sink.write(piece)
            sink.commit()
        finally:
            sink.abandon()
