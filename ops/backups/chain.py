"""A chain: a full backup and the incremental ones on it, opened together as one plain copy.

The plain copy is laid out as mongodump does, so ``mongorestore`` reads it, and so does ``dangan restore``. From the
newest backup back to the full one, a document is taken where it is first met, unless a later backup says that it is
gone. A link that is missing or altered is told by name; of several places the first whole copy serves.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from keys.places import Place
from keys.roots import BACKUP_ROOT
from keys.sealed_file import SealedReader
from keys.vault import Transit
from ops.backup import Manifest, Part, Progress
from ops.backups.fingerprints import DIGEST_BYTES, id_digest, split
from ops.backups.frames import (
    CONTENTS,
    DOCUMENTS,
    METADATA,
    REMOVED,
    Contents,
    Header,
    file_name,
    parse,
    parse_contents,
    parse_header,
)
from ops.backups.making import holds
from ops.private_files import private_folder, write_private
from schemas.errors import DanganError
from store.dump import count

_ENDING: Final = ".backup"
_LONGEST: Final = 1000


@dataclass(frozen=True, slots=True)
class Link:
    """One backup of a chain, and a place that holds it whole."""

    header: Header
    place: Place

    @property
    def file(self) -> str:
        """Its file's name."""
        return file_name(self.header.id, self.header.kind)


def backups_in(places: Sequence[Place]) -> dict[str, list[Place]]:
    """Every sealed backup's file in the places that answer -> the places that have it, oldest file first."""
    found: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        try:
            files = place.files()
        except OSError:
            continue
        for file in files:
            if file.endswith(_ENDING):
                found[file].append(place)
    return dict(sorted(found.items()))


def chain_of(
    places: Sequence[Place], newest: str | None = None, digests: Mapping[str, str] | None = None
) -> list[Link]:
    """The chain that ends with a backup, newest first, down to its full one.

    Args:
        places: where to look.
        newest: a backup's id; None is the newest there is.
        digests: file -> SHA-256 as the register knows it. Without one the newest file is held against nothing but
            its own seal; each older one is held against what the next one says of it.

    Raises:
        DanganError: DG-BAK-031 when there is no such backup, -029 naming a link that no place has, -030 naming one
            that is altered wherever it is.
    """
    there = backups_in(places)
    if newest is None and not there:
        raise DanganError("DG-BAK-039")
    wanted, expected = newest or next(reversed(there)).partition(".")[0], None
    links: list[Link] = []
    while len(links) < _LONGEST:
        file = next((name for name in there if name.partition(".")[0] == wanted), None)
        if file is None:
            raise DanganError("DG-BAK-029" if links else "DG-BAK-031", field=wanted)
        link = _link(file, there[file], expected or (digests or {}).get(file))
        if link.header.id != wanted:
            raise DanganError("DG-BAK-030", field=wanted, detail="header")
        links.append(link)
        base = link.header.base
        if link.header.kind == "full" or base is None:
            return links
        wanted, expected = base.id, base.sha256
    raise DanganError("DG-BAK-030", field=wanted, detail="chain")


async def unseal(links: Sequence[Link], transit: Transit, into: Path, on_progress: Progress) -> Manifest:
    """Open a chain into a folder, as plain BSON.

    Args:
        links: newest first.
        transit: may decrypt under the backup root.
        into: a new or empty folder; it holds the data as the database does, still encrypted field by field.
        on_progress: told (collection, documents, None).

    Raises:
        DanganError: DG-BAK-030 naming a link that does not open, -037 when the folder is not empty; nothing is left.
    """
    _check_empty(into)
    keys = await transit.decrypt(BACKUP_ROOT, [link.header.key for link in links])
    work = asyncio.create_task(asyncio.to_thread(_merge, links, keys, into, on_progress))
    try:
        return await asyncio.shield(work)
    except BaseException:
        await asyncio.wait([work])  # a thread cannot be stopped: what it still writes is removed after it
        shutil.rmtree(into, ignore_errors=True)
        raise


def _check_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DanganError("DG-BAK-037", field=folder.name)


def _link(file: str, candidates: Sequence[Place], expected: str | None) -> Link:
    for place in candidates:
        if expected is not None and not holds(place, file, expected):
            continue
        try:
            with place.open(file) as source:
                return Link(parse_header(SealedReader(source).header), place)
        except (OSError, DanganError):
            continue
    raise DanganError("DG-BAK-030", field=file.partition(".")[0])


def _merge(links: Sequence[Link], keys: Sequence[bytes], into: Path, on_progress: Progress) -> Manifest:
    newest = links[0].header
    inside = private_folder(into / newest.database)
    files = _Files(inside)
    contents: Contents | None = None
    ended: set[str] = set()
    later: dict[str, set[bytes]] = defaultdict(set)  # of each collection, the ids that newer backups decide about
    with ExitStack() as stack:
        stack.callback(files.close)
        for link, key in zip(links, keys, strict=True):
            own: dict[str, set[bytes]] = defaultdict(set)
            try:
                for kind, name, data in _frames(link, key):
                    if kind == CONTENTS:
                        told = parse_contents(data)
                        contents = contents or told
                        ended |= files.names() - told.collections.keys()  # dropped then, and made anew later
                    elif kind == METADATA:
                        if link is links[0]:
                            write_private(inside / f"{_safe(name)}.metadata.json", data)
                            files.open(name)
                    elif name in files.names() - ended:
                        kept = _kept(kind, data, own[name], later[name], oldest=link is links[-1])
                        on_progress(name, files.write(name, kept), None)
            except DanganError as error:
                raise DanganError(error.code, field=link.header.id, detail=error.detail) from error
            except OSError as error:
                raise DanganError("DG-BAK-027", field=link.place.name, detail=error.strerror) from error
            for name, ids in own.items():
                later[name] |= ids
    manifest = files.manifest(newest)
    if (
        contents is None
        or {name: part.documents for name, part in manifest.collections.items()} != contents.collections
    ):
        raise DanganError("DG-BAK-030", field=newest.id, detail="contents")
    write_private(into / "manifest.json", manifest.model_dump_json(indent=2))
    return manifest


def _kept(kind: bytes, data: bytes, own: set[bytes], later: set[bytes], *, oldest: bool) -> bytes:
    """What of a frame goes into the plain copy."""
    if kind == REMOVED:
        own.update(data[at : at + DIGEST_BYTES] for at in range(0, len(data), DIGEST_BYTES))
        return b""
    if oldest and not later:
        return data
    kept = []
    for document in split(data):
        name = id_digest(document)
        if name not in later:
            kept.append(document)
        own.add(name)
    return b"".join(kept)


def _frames(link: Link, key: bytes) -> Iterator[tuple[bytes, str, bytes]]:
    with link.place.open(link.file) as source:
        reader = SealedReader(source)
        if parse_header(reader.header) != link.header:
            raise DanganError("DG-BAK-030", detail="header")
        for chunk, last in reader.chunks(key):
            found = parse(chunk)
            if (found.kind == CONTENTS) != last or found.kind not in (METADATA, DOCUMENTS, REMOVED, CONTENTS):
                raise DanganError("DG-BAK-030", detail="frame")
            yield found


def _safe(name: str) -> str:
    # Contents and header are checked by their models; a name in a frame becomes a file's name.
    if "/" in name or "\\" in name or name.startswith("."):
        raise DanganError("DG-BAK-030", detail="a collection's name")
    return name


class _Files:
    """The plain copy's files in the making."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._out: dict[str, BinaryIO] = {}
        self._sha: dict[str, Any] = {}
        self._documents: dict[str, int] = defaultdict(int)
        self._size: dict[str, int] = defaultdict(int)

    def names(self) -> set[str]:
        """The collections that were begun."""
        return set(self._out)

    def open(self, name: str) -> None:
        """Begin a collection."""
        path = self._folder / f"{_safe(name)}.bson"
        path.touch(mode=0o600, exist_ok=False)
        self._out[name] = path.open("wb")
        self._sha[name] = hashlib.sha256()

    def write(self, name: str, run: bytes) -> int:
        """Add documents; return how many there are now."""
        self._out[name].write(run)
        self._sha[name].update(run)
        self._documents[name] += count(run)
        self._size[name] += len(run)
        return self._documents[name]

    def close(self) -> None:
        """Close the files."""
        for out in self._out.values():
            out.close()

    def manifest(self, newest: Header) -> Manifest:
        """What was written."""
        parts = {
            name: Part(documents=self._documents[name], size=self._size[name], sha256=sha.hexdigest())
            for name, sha in self._sha.items()
        }
        return Manifest(made_at=newest.made_at, database=newest.database, collections=parts)
