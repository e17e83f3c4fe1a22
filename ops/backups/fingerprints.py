"""What the last backup held, as digests: so the next one stores only what changed. No oplog is needed.

Of each document 32 bytes are kept: a digest of its ``_id`` and one of the whole, both BLAKE2b of 16 bytes. They stand
in a file of the home folder, not in a place: whoever makes backups cannot open them. Without the file, or with another
one than the register knows, the next backup is a full one.

A digest of 16 bytes misses a change with a chance of 2**-64 only to somebody who looks for collisions on purpose
among 2**64 documents; a full backup every week ends even that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import bson
import orjson
from bson.raw_bson import RawBSONDocument

from ops.private_files import private_folder, read_by_others

DIGEST_BYTES: Final = 16
_ENTRY: Final = 2 * DIGEST_BYTES
_MAGIC: Final = b"dangan-fingerprints-1\n"
#: BSON type -> how long its value is; None: the first four bytes say it, and so many more come.
_FIXED: Final[Mapping[int, int]] = {0x01: 8, 0x07: 12, 0x08: 1, 0x09: 8, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16}
_COUNTED: Final[Mapping[int, int]] = {0x02: 4, 0x03: 0, 0x04: 0, 0x05: 5}
_NAME: Final = b"_id\x00"


def split(run: bytes) -> Iterator[bytes]:
    """The documents of a run of BSON bytes."""
    at, end = 0, len(run)
    while at < end:
        after = at + int.from_bytes(run[at : at + 4], "little")
        yield run[at:after]
        at = after


def id_digest(document: bytes) -> bytes:
    """Digest of a BSON document's ``_id``, with its type."""
    return _digest(_id_of(document))


def _id_of(document: bytes) -> bytes:
    if document[5:9] == _NAME:  # servers put it first
        kind = document[4]
        if kind == 0x02 or kind in _COUNTED:
            return document[4 : 9 + int.from_bytes(document[9:13], "little") + _COUNTED[kind]]
        if kind in _FIXED:
            return document[4 : 9 + _FIXED[kind]]
    only = bson.encode({"_id": RawBSONDocument(document)["_id"]})
    return only[4:-1]


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


class Collected:
    """The fingerprints of one collection while it is read, held against those of the last backup.

    Args:
        before: what :meth:`Fingerprints.of` gave; None stores everything.
    """

    def __init__(self, before: dict[bytes, bytes] | None) -> None:
        self._before = before
        self._entries: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def changed(self, run: bytes) -> bytes:
        """Take a run of documents; return those that are new or differ, as a run.

        A document that is taken out and put back while the collection is read may be met twice: the first counts.
        """
        entries, before = self._entries, self._before
        kept, again = [], False
        for document in split(run):
            name, whole = id_digest(document), _digest(document)
            if name in entries:
                again = True
                continue
            entries[name] = whole
            if before is None or before.pop(name, None) != whole:
                kept.append(document)
        return run if before is None and not again else b"".join(kept)

    def dump(self) -> bytes:
        """All entries, one after the other."""
        return b"".join(map(b"".join, self._entries.items()))

    def removed(self) -> bytes:
        """The digests of the ids that the last backup had and nobody has now, one after the other."""
        return b"".join(self._before) if self._before else b""


class Fingerprints:
    """The file of one backup's fingerprints, in memory: 32 bytes a document."""

    def __init__(self, entries: Mapping[str, bytes]) -> None:
        self._entries = entries

    def of(self, collection: str) -> dict[bytes, bytes]:
        """Digest of the id -> digest of the document."""
        run = self._entries.get(collection, b"")
        return {run[at : at + DIGEST_BYTES]: run[at + DIGEST_BYTES : at + _ENTRY] for at in range(0, len(run), _ENTRY)}

    def dump(self) -> bytes:
        """The file's bytes."""
        sizes = orjson.dumps({name: len(run) for name, run in self._entries.items()})
        return b"".join((_MAGIC, sizes, b"\n", *self._entries.values()))


def load_fingerprints(file: Path, sha256: str) -> Fingerprints | None:
    """The fingerprints of a file, if it is the one that the register knows and nobody else could read it."""
    try:
        data = file.read_bytes()
        if read_by_others(file) or hashlib.sha256(data).hexdigest() != sha256:
            return None
    except OSError:
        return None
    head, _, rest = data.removeprefix(_MAGIC).partition(b"\n")
    entries, at = {}, 0
    for name, size in orjson.loads(head).items():
        entries[name] = rest[at : at + size]
        at += size
    return Fingerprints(entries)


def fingerprint_file(home: Path, backup: str) -> Path:
    """Where a backup's fingerprints lie."""
    return private_folder(home / "backup-fingerprints") / f"{backup}.fingerprints"
