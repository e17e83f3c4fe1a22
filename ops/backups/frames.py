"""What stands in a sealed backup: one frame in each chunk.

```
header (JSON): format, id, kind, made_at, database, base ({id, sha256} or null), key (the data key, wrapped by Vault)
frame        = kind (1) | name's length (2, big-endian) | collection's name | data

"M"  metadata: what mongorestore wants to know of the collection
"D"  documents: a run of BSON
"R"  removed since the base: digests of ids, 16 bytes each
"Z"  contents: the collections and how many documents each has now; the last frame
```
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from schemas.errors import DanganError
from store.backups import Kind

METADATA: Final = b"M"
DOCUMENTS: Final = b"D"
REMOVED: Final = b"R"
CONTENTS: Final = b"Z"
_MODEL: Final = ConfigDict(frozen=True, extra="forbid")
BackupId = Annotated[str, StringConstraints(pattern=r"^\d{8}T\d{6}Z$")]
CollectionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$")]


class Base(BaseModel):
    """The backup that an incremental one rests on, and the digest of its sealed file."""

    model_config = _MODEL

    id: BackupId
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Header(BaseModel):
    """A backup's header. ``made_at``: UNIX seconds, when it was begun."""

    model_config = _MODEL

    format: Literal["dangan-backup-1"] = "dangan-backup-1"
    id: BackupId
    kind: Kind
    made_at: int
    database: CollectionName
    base: Base | None = None
    key: Annotated[str, StringConstraints(pattern=r"^vault:v\d+:", max_length=4096)]


class Contents(BaseModel):
    """The collections that were there, and how many documents each had."""

    model_config = _MODEL

    collections: dict[CollectionName, Annotated[int, Field(ge=0)]]


class Frame(NamedTuple):
    """One frame, parsed."""

    kind: bytes
    name: str
    data: bytes


def file_name(backup: str, kind: Kind) -> str:
    """How a backup's file is called in a place."""
    return f"{backup}.{kind}.backup"


def frame(kind: bytes, name: str, data: bytes) -> bytes:
    """A frame's bytes."""
    called = name.encode()
    return b"".join((kind, len(called).to_bytes(2, "big"), called, data))


def parse(chunk: bytes) -> Frame:
    """A frame of its bytes. Raises DG-BAK-030 when it is none."""
    end = 3 + int.from_bytes(chunk[1:3], "big")
    if len(chunk) < end or chunk[:1] not in (METADATA, DOCUMENTS, REMOVED, CONTENTS):
        raise DanganError("DG-BAK-030", detail="frame")
    return Frame(chunk[:1], chunk[3:end].decode("utf-8", "replace"), chunk[end:])


def parse_header(line: bytes) -> Header:
    """The header of its line. Raises DG-BAK-030 when it is none."""
    try:
        return Header.model_validate_json(line)
    except ValidationError:
        raise DanganError("DG-BAK-030", detail="header") from None


def parse_contents(data: bytes) -> Contents:
    """The contents of the last frame. Raises DG-BAK-030 when they are none."""
    try:
        return Contents.model_validate_json(data)
    except ValidationError:
        raise DanganError("DG-BAK-030", detail="contents") from None
