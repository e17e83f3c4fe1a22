"""Backups of the data: every collection as BSON, in a folder that appears whole or not at all.

    TO/20260101T120000Z/manifest.json           sizes and digests
                       /dangan/records.bson     as mongodump lays it out
                       /dangan/records.metadata.json

The archive is written to meanwhile, so what is written first is copied last: what a record rests on, its consent's
ties and its key pages for instance, is in the copy if the record is. The ledger comes at the very end, so that it
knows every destruction that the records show. A backup holds old key pages too, like any backup would; after the next
sweep they open nothing, and ``dangan restore`` never uses them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ops.private_files import private_folder, write_private
from schemas.errors import DanganError
from store.database import Database
from store.dump import count, dump, metadata

#: Told (collection, documents done, documents in all or None).
Progress = Callable[[str, int, int | None], None]

_MODEL: Final = ConfigDict(frozen=True, extra="forbid")
#: What is written after a record that is to name its key, then the records, which are written after everything else.
_FIRST: Final = ("attachments.files", "proposals", "records")
_LAST: Final = "ledger"


class Part(BaseModel):
    """One collection of a backup."""

    model_config = _MODEL

    documents: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """What a backup holds. ``made_at``: UNIX seconds, when it was begun."""

    model_config = _MODEL

    made_at: int
    database: str
    collections: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$")], Part]


async def make_backup(database: Database, to: Path, *, now: int, on_progress: Progress) -> Path:
    """Copy every collection into a new folder below ``to``; return the folder.

    Args:
        database: the live one; it may be written to meanwhile.
        to: where backups are kept.
        now: UNIX seconds; names the folder.
        on_progress: told how far it is.

    Raises:
        DanganError: DG-BAK-006 when the folder cannot be written; nothing is left of it then.
    """
    folder = to / datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = to / f".{folder.name}.part"
    try:
        inside = private_folder(aside / database.name)
        names = copy_order(await database.list_collection_names())
        parts = {}
        for name in names:
            parts[name] = await _copy(database, name, inside / f"{name}.bson", on_progress)
            write_private(inside / f"{name}.metadata.json", await metadata(database, name))
        manifest = Manifest(made_at=now, database=database.name, collections=parts)
        write_private(aside / "manifest.json", manifest.model_dump_json(indent=2))
        aside.rename(folder)
        _flush(to)
    except OSError as error:
        raise DanganError("DG-BAK-006", field=str(to), detail=error.strerror) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup's folder, after every file was held against its digest.

    Raises:
        DanganError: DG-BAK-001 when it is not one, or a file is missing or is not what was written.
    """
    try:
        manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
        altered = [name for name, part in manifest.collections.items() if not _holds(folder, manifest, name, part)]
    except (OSError, ValidationError) as error:
        raise DanganError("DG-BAK-001", detail=type(error).__name__) from error
    if altered:
        raise DanganError("DG-BAK-001", field=altered[0], detail="digest")
    return manifest


def collection_file(folder: Path, manifest: Manifest, collection: str) -> Path:
    """Where a collection's documents are."""
    return folder / manifest.database / f"{collection}.bson"


def copy_order(names: Iterable[str]) -> list[str]:
    """The collections in the order in which they are copied: the module's docstring says why."""
    return sorted(names, key=_order)


def _holds(folder: Path, manifest: Manifest, name: str, part: Part) -> bool:
    with collection_file(folder, manifest, name).open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest() == part.sha256


async def _copy(database: Database, name: str, path: Path, on_progress: Progress) -> Part:
    total = await database[name].estimated_document_count()
    sha, documents, size = hashlib.sha256(), 0, 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        async for batch in dump(database, name):
            out.write(batch)
            sha.update(batch)
            documents += count(batch)
            size += len(batch)
            on_progress(name, documents, total)
        out.flush()
        os.fsync(out.fileno())
    return Part(documents=documents, size=size, sha256=sha.hexdigest())


def _order(name: str) -> tuple[bool, bool, int, str]:
    # Chunks after the files they belong to: a file that the copy shows complete has all of them in it.
    place = _FIRST.index(name) if name in _FIRST else len(_FIRST)
    return name == _LAST, name.endswith(".chunks"), place, name


def _flush(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
