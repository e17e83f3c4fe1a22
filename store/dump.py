"""Collections as BSON files, laid out as mongodump does: ``COLLECTION.bson`` and ``COLLECTION.metadata.json``.

Documents are copied as the bytes that the server sends, never decoded; so mongorestore can read the files, and a
backup costs little more than reading.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from io import BufferedIOBase
from typing import Any, Final, cast

from bson.raw_bson import RawBSONDocument

from schemas.errors import DanganError
from store.database import Database

_READ_BATCH: Final = 2000
#: Of GridFS chunks, 256 KiB each: a batch is 4 MiB.
_CHUNK_BATCH: Final = 16
_INSERT_DOCUMENTS: Final = 1000
_INSERT_BYTES: Final = 8 << 20
_SMALLEST: Final = 5  # an empty document: length and end
_LARGEST: Final = 17 << 20


async def dump(database: Database, collection: str) -> AsyncIterator[bytes]:
    """The collection's documents, batch by batch, as one run of BSON bytes."""
    size = _CHUNK_BATCH if collection.endswith(".chunks") else _READ_BATCH
    async for batch in database[collection].find_raw_batches({}, batch_size=size):
        yield cast("bytes", batch)  # the driver's types say document


async def metadata(database: Database, collection: str) -> str:
    """What mongorestore wants to know of the collection: its indexes."""
    indexes: list[dict[str, Any]] = []
    for name, about in (await database[collection].index_information()).items():
        options = {option: value for option, value in about.items() if option not in {"key", "v", "ns"}}
        indexes.append({"v": 2, "key": dict(about["key"]), "name": name, **options})
    described = {"indexes": indexes, "uuid": "", "collectionName": collection, "type": "collection"}
    return json.dumps(described)


def count(batch: bytes) -> int:
    """How many documents a run of BSON bytes holds."""
    documents, at = 0, 0
    while at < len(batch):
        at += int.from_bytes(batch[at : at + 4], "little")
        documents += 1
    return documents


def documents(source: BufferedIOBase) -> Iterator[bytes]:
    """The documents of a file, one by one.

    Raises:
        DanganError: DG-BAK-001 when the file ends in a document or is no BSON.
    """
    while head := source.read(4):
        length = int.from_bytes(head, "little")
        body = source.read(length - 4) if _SMALLEST <= length <= _LARGEST else b""
        if len(head) + len(body) != length:
            raise DanganError("DG-BAK-001", detail="a file is cut short")
        yield head + body


async def load(database: Database, collection: str, found: Iterable[bytes]) -> int:
    """Insert documents, as bytes, into a collection that holds none of them; return how many.

    While the server writes one batch, the next one is made ready.
    """
    inserted = 0
    batch: list[RawBSONDocument] = []
    size = 0
    writing: asyncio.Task[int] | None = None
    try:
        for document in found:
            batch.append(RawBSONDocument(document))
            size += len(document)
            if len(batch) >= _INSERT_DOCUMENTS or size >= _INSERT_BYTES:
                if writing is not None:
                    inserted += await writing
                writing = asyncio.create_task(_insert(database, collection, batch))
                await asyncio.sleep(0)  # let it be sent
                batch, size = [], 0
    finally:
        if writing is not None:
            inserted += await writing
    return inserted + await _insert(database, collection, batch)


async def _insert(database: Database, collection: str, batch: list[RawBSONDocument]) -> int:
    if batch:
        await database[collection].insert_many(batch, ordered=False)
    return len(batch)
