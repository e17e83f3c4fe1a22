"""Attachments as GridFS lays files out: ``attachments.files``, one document each, and ``attachments.chunks``.

A part of an attachment is one chunk. Parts come as commands of their own, some of them twice, to whichever worker;
GridFS's own upload streams write a file from its beginning to its end in one go. So the documents are written here,
in GridFS's form: every GridFS driver can read the (encrypted) file. ``_id`` of a file is ``RECORD|ATTACHMENT``, of a
chunk ``RECORD|ATTACHMENT|N``, so that nothing can be there twice; no reference holds a ``|``.

Attachments of a record go when it becomes a tombstone (:meth:`Records.erase_many`). Who writes a chunk looks at the
record afterwards (:meth:`Attachments.still_under`), and whoever erases looks at the chunks after the tombstone
stands: so one of the two always sees the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from bson import Binary
from pymongo.errors import DuplicateKeyError

from keys.cipher import OVERHEAD_BYTES
from keys.ports import KeyRef
from schemas.levels import Level
from schemas.members import PART_BYTES
from store.database import Database, Document, in_parts
from store.key_refs import NOT_SEALED, to_list

State = Literal["open", "complete", "failed"]
BUCKET: Final = "attachments"
#: The two collections, files before chunks: a copy in this order has every chunk of every file that it shows complete.
COLLECTIONS: Final = (f"{BUCKET}.files", f"{BUCKET}.chunks")
#: Bytes of every stored chunk but the last.
CHUNK_BYTES: Final = PART_BYTES + OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class Attachment:
    """What is known of an attachment without any key.

    Attributes:
        digest: the encrypted SHA-256 of the whole (keys/chunks.py).
        state: ``open`` until all parts are there; ``failed`` when they did not have the digest, or did not all come.
        command, sender: of part 1; of a failed one, of the part that completed it. All parts are of one sender.
        size: bytes, once complete.
    """

    record: str
    name: str
    kind: str
    level: Level
    parts: int
    digest: bytes
    command: str
    sender: str
    at_ms: int
    state: State = "open"
    size: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stored chunk: its number from 1, its ciphertext, and the command that brought it."""

    number: int
    data: bytes
    command: str
    sender: str
    at_ms: int


async def ensure_indexes(database: Database) -> None:
    """Create GridFS's index of the chunks, and those that a record's attachments are found by; repeatable."""
    files, chunks = (database[name] for name in COLLECTIONS)
    await files.create_index([("metadata.record", 1)], name="record")
    await chunks.create_index([("files_id", 1), ("n", 1)], name="files_id_1_n_1", unique=True)
    await chunks.create_index([("record", 1)], name="record")


class Attachments:
    """The attachments of all records."""

    def __init__(self, database: Database) -> None:
        self._files, self._chunks = (database[name] for name in COLLECTIONS)
        self._records = database["records"]

    async def get(self, record: str, name: str) -> Attachment | None:
        """One attachment, in whatever state."""
        doc = await self._files.find_one({"_id": _id(record, name)})
        return _attachment(doc) if doc else None

    async def of_record(self, record: str) -> list[Attachment]:
        """All attachments of a record, by name."""
        return [_attachment(doc) async for doc in self._files.find({"metadata.record": record}).sort("_id", 1)]

    async def scan(self) -> AsyncIterator[Attachment]:
        """All attachments there are."""
        async for doc in self._files.find({}):
            yield _attachment(doc)

    async def begin(self, attachment: Attachment) -> bool:
        """Note a new attachment, or begin one that failed anew; False when one stands there already."""
        doc = _document(attachment)
        try:
            await self._files.insert_one(doc)
        except DuplicateKeyError:
            failed = {"_id": doc["_id"], "metadata.state": "failed"}
            if not await self._files.find_one(failed, {"_id": 1}):
                return False
            await self._chunks.delete_many({"files_id": doc["_id"]})
            return (await self._files.replace_one(failed, doc)).modified_count == 1
        return True

    async def put(self, record: str, name: str, chunk: Chunk) -> Chunk | None:
        """Store a chunk; the one that stands there already, if one does."""
        file = _id(record, name)
        doc = {
            "_id": f"{file}|{chunk.number - 1}",
            "files_id": file,
            "record": record,
            "n": chunk.number - 1,
            "data": Binary(chunk.data),
            "command": chunk.command,
            "sender": chunk.sender,
            "at": chunk.at_ms,
        }
        try:
            await self._chunks.insert_one(doc)
        except DuplicateKeyError:
            return await self.chunk(record, name, chunk.number)
        return None

    async def chunk(self, record: str, name: str, number: int) -> Chunk | None:
        """One chunk, by its number from 1."""
        doc = await self._chunks.find_one({"_id": f"{_id(record, name)}|{number - 1}"})
        return _chunk(doc) if doc else None

    async def present(self, record: str, name: str) -> int:
        """How many chunks are there."""
        return await self._chunks.count_documents({"files_id": _id(record, name)})

    async def ciphertexts(self, record: str, name: str) -> list[bytes]:
        """All chunks that are there, in order."""
        found = self._chunks.find({"files_id": _id(record, name)}, {"n": 1, "data": 1}, batch_size=16).sort("n", 1)
        return [bytes(doc["data"]) async for doc in found]

    async def complete(self, record: str, name: str, *, stored: int, parts: int) -> None:
        """All parts are there and have the digest; ``stored`` is the size of the ciphertexts, in bytes."""
        size = stored - parts * OVERHEAD_BYTES
        await self._files.update_one(
            {"_id": _id(record, name), "metadata.state": "open"},
            {"$set": {"metadata.state": "complete", "metadata.size": size, "length": stored}},
        )

    async def fail(self, record: str, name: str, *, command: str, sender: str) -> None:
        """The parts do not have the digest: keep that it failed and which command showed it, and no chunk."""
        file = _id(record, name)
        await self._files.update_one(
            {"_id": file, "metadata.state": "open"},
            {"$set": {"metadata.state": "failed", "metadata.command": command, "metadata.sender": sender}},
        )
        await self._chunks.delete_many({"files_id": file})

    async def lapse(self, attachment: Attachment) -> None:
        """Give up one that was begun and never completed: its name is free again, and its chunks go.

        Nothing happens when it was completed, failed or begun anew since it was looked at.
        """
        file = _id(attachment.record, attachment.name)
        begun = {"metadata.command": attachment.command, "metadata.at": attachment.at_ms}
        result = await self._files.update_one(
            {"_id": file, "metadata.state": "open", **begun},
            {"$set": {"metadata.state": "failed", "metadata.command": "", "metadata.sender": ""}},
        )
        if result.modified_count:
            await self._chunks.delete_many({"files_id": file})

    async def add_key(self, record: str, level: Level, ref: KeyRef) -> bool:
        """Let a live record that has no key of that level name one; False when it has one, is sealed or not live."""
        place = f"keys.{level.value}"
        result = await self._records.update_one(
            {"_id": record, "state": "live", place: {"$exists": False}, **NOT_SEALED}, {"$set": {place: to_list(ref)}}
        )
        return result.modified_count == 1

    async def still_under(self, record: str, level: Level, ref: KeyRef, ingest_key: str) -> bool:
        """Whether the record is live, not sealed, and names that key still; notes the ingest key of the part."""
        result = await self._records.update_one(
            {"_id": record, "state": "live", f"keys.{level.value}": to_list(ref), **NOT_SEALED},
            {"$addToSet": {"ingest": ingest_key}},
        )
        return result.matched_count == 1

    async def erase(self, records: Collection[str]) -> None:
        """Delete every attachment of those records; repeatable.

        Chunks are found by their record, not by the file they belong to: one that was on its way while its file was
        deleted has none any more.
        """
        for part in in_parts(records):
            for collection, member in ((self._chunks, "record"), (self._files, "metadata.record")):
                theirs = {member: {"$in": part}}
                if await collection.find_one(theirs, {"_id": 1}):  # mostly there is nothing: looking costs least
                    await collection.delete_many(theirs)


def _id(record: str, name: str) -> str:
    return f"{record}|{name}"


def _document(attachment: Attachment) -> Document:
    about: dict[str, Any] = {
        "record": attachment.record,
        "name": attachment.name,
        "kind": attachment.kind,
        "level": attachment.level.value,
        "parts": attachment.parts,
        "digest": Binary(attachment.digest),
        "command": attachment.command,
        "sender": attachment.sender,
        "at": attachment.at_ms,
        "state": attachment.state,
        "size": attachment.size,
    }
    return {
        "_id": _id(attachment.record, attachment.name),
        "filename": attachment.name,
        "length": 0,
        "chunkSize": CHUNK_BYTES,
        "uploadDate": datetime.fromtimestamp(attachment.at_ms // 1000, UTC),
        "metadata": about,
    }


def _attachment(doc: Document) -> Attachment:
    about = dict(doc["metadata"])
    about |= {"level": Level(about["level"]), "digest": bytes(about["digest"]), "at_ms": about.pop("at")}
    return Attachment(**about)


def _chunk(doc: Document) -> Chunk:
    return Chunk(doc["n"] + 1, bytes(doc["data"]), doc["command"], doc["sender"], doc["at"])
