"""Restore a backup into a new database: its records, the current keys, the newest ledger. Never over anything.

Refused with the reason: the live database or one that is not empty as the target; a backup that is not whole; a
ledger that is older than the backup (destroyed records could come back); no current key pages; keys that Vault has and
refuses since a sweep rehearsed its trim just before the database was lost.

Attachments come from the backup, those of destroyed records excepted. Keys that no restored record names are taken out
of the restored pages (ops/restored_keys.py): what was collected after the backup is given up for good.

What is newer elsewhere is never taken from the backup: key pages and ingest keys come from the live store and the
key-page snapshots, every other collection but the records from the live store where it has one. A grant that was
recalled after the backup stays recalled. Objections stand on the records: they are carried over from the live store.
Destructions, withdrawals and objections that only the audit stream knows are done again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import bson
from bson.raw_bson import RawBSONDocument
from pymongo.errors import PyMongoError

from keys.forget import Forgetter
from keys.ledger import REPLAYED, Order
from keys.pages import KINDS, root_of_kind
from keys.places import Place
from keys.ports import KeyRef
from keys.restore import Fate, fate, newest_with, stale_ledger
from keys.sealed_pages import present
from keys.vault import Transit
from ops.audit_replay import Told
from ops.backup import Manifest, Progress, collection_file, read_manifest
from ops.key_copies import page_copies
from ops.restored_blocks import Marks, block_again
from ops.restored_holds import Lost, bring_back
from ops.restored_keys import end_unnamed
from ops.restored_records import drop_undone_notices, let_read_what_was_checked, one_archive_each
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.members import MAX_COMMANDS
from store import attachments, indexes, ingest_keys, ledger, pages, records
from store.database import Database, Document
from store.dump import documents, dump, load
from store.key_refs import keys_in, to_list

_KEYS: Final = ("pages", "ingest_keys")
_FILES, _CHUNKS = attachments.COLLECTIONS
_BATCH: Final = 500


@dataclass(slots=True)
class Report:
    """What a restore did, in records; ``unreadable`` holds the ids of those that nobody destroyed and that do
    not open: there must be none. ``unidentified`` are restored, but for an identity that an earlier record has.
    ``lost`` is what only the audit stream knows of, beyond what is done again.
    """

    restored: int = 0
    destroyed: int = 0
    pages: int = 0
    unreadable: list[str] = field(default_factory=list)
    unidentified: list[str] = field(default_factory=list)
    lost: Lost = field(default_factory=Lost)


@dataclass(frozen=True, slots=True)
class Restore:
    """A restore of one backup.

    Attributes:
        folder: what ``dangan backup`` made.
        live: the archive's database; its ledger and its keys are the newest there are.
        into: a database that does not exist yet.
        transit: may read the level roots' settings.
        places: backup places with key-page snapshots.
        told: what the audit stream tells (ops/audit_replay.py). Destroyed records that the ledger does not know are
            destroyed again, in the target: its key pages may still hold their keys.
    """

    folder: Path
    live: Database
    into: Database
    transit: Transit
    places: Sequence[Place]
    on_progress: Progress
    told: Told = field(default_factory=Told)

    async def run(self) -> Report:
        """Restore everything.

        Raises:
            DanganError: DG-BAK-001 to -005 and -009, DG-DES-060; the target is dropped again.
        """
        manifest = read_manifest(self.folder)
        await self._check_target()
        destroyed = await self._ledger_ids(manifest)
        try:
            report = Report()
            slots, rehearsed = await self._pages(report, expected=_documents_in(manifest, "pages") > 0)
            marks = Marks()
            named = await self._records(manifest, destroyed, (slots, rehearsed), report, marks)
            await end_unnamed(self.transit, pages.Pages(self.into), slots, named)
            await self._attachments(manifest, destroyed)
            await self._others(manifest)
            await self._check_nothing_was_destroyed_meanwhile(destroyed)
            report.unidentified = await one_archive_each(self.into)
            await indexes.ensure(self.into)
            await drop_undone_notices(self.into)
            # the records are older than what blocks them
            await block_again(self.live, self.into, self.told, marks.objected)
            if marks.checking:
                await let_read_what_was_checked(self.into)
            gone = destroyed | self.told.destroyed
            report.lost = await bring_back(self.into, self.told.deeds, gone, made_at=manifest.made_at)
            await self._destroy_again(sorted(self.told.destroyed - destroyed), report)
        except BaseException:
            with suppress(PyMongoError):  # the first error is the one to tell
                await self.into.client.drop_database(self.into.name)
            raise
        return report

    async def _destroy_again(self, names: Sequence[str], report: Report) -> None:
        if not names:  # the usual case: what follows looks at every record
            return
        now = int(time.time())
        forgetter = Forgetter(
            self.transit,
            pages.Pages(self.into),
            records.Records(self.into),
            ledger.Ledger(self.into),
            ingest_keys.IngestKeys(self.into).live_kids,
        )
        standing = {name async for name, _ in records.Records(self.into).live_keys() if name in self.told.destroyed}
        again = set(names)
        report.restored -= len(standing & again - set(report.unreadable))
        report.destroyed += len(standing & again)
        report.unreadable = [name for name in report.unreadable if name not in again]
        for start in range(0, len(names), MAX_COMMANDS):
            order = Order("audit-replay", "dangan-restore", REPLAYED, (), now)
            await forgetter.forget(names[start : start + MAX_COMMANDS], order, at=now)

    async def _check_target(self) -> None:
        if self.into.name == self.live.name or await self.into.list_collection_names():
            raise DanganError("DG-BAK-002", detail=self.into.name)

    async def _check_nothing_was_destroyed_meanwhile(self, destroyed: set[str]) -> None:
        """The ledger was copied last: an entry that is new in it came after its record was written as living."""
        copied = {str(doc["_id"]) async for doc in self.into["ledger"].find({}, {"_id": 1})}
        if copied != destroyed:
            raise DanganError("DG-BAK-009")

    async def _ledger_ids(self, manifest: Manifest) -> set[str]:
        """Everything that was ever destroyed."""
        ids = {str(doc["_id"]) async for doc in self.live["ledger"].find({}, {"_id": 1})}
        older = stale_ledger(ids, (_text(doc, "_id") for doc in self._documents(manifest, "ledger")))
        if older is not None:
            raise DanganError("DG-BAK-003", detail=older)
        return ids

    async def _pages(self, report: Report, *, expected: bool) -> tuple[dict[str, int], dict[str, str]]:
        """Write the newest copy of every page.

        Returns:
            Page id -> slots, of those that Vault opens; page id -> root and the oldest version that Vault has of it, of
            those that it refuses although it has their version: a sweep rehearsed its trim and never came to it.
        """
        slots: dict[str, int] = {}
        rehearsed: dict[str, str] = {}
        with ExitStack() as files:
            for kind in KINDS:
                info = await self.transit.key_info(root_of_kind(kind))
                available = max(info.min_available_version, 1)
                oldest = max(available, info.min_decryption_version)
                copies = page_copies(self.places, kind, files)
                batch: list[Document] = []
                async for page in newest_with(pages.Pages(self.live).scan(kind), *copies):
                    if page.root_version >= oldest:
                        slots[page.id] = sum(1 << slot for slot in page.slots)
                    elif page.root_version >= available:
                        rehearsed[page.id] = f"{info.name}, {available}"
                    batch.append(pages.to_document(page))
                    report.pages += 1
                    if len(batch) == _BATCH:
                        await self.into["pages"].insert_many(batch, ordered=False)
                        batch = []
                if batch:
                    await self.into["pages"].insert_many(batch, ordered=False)
                self.on_progress("pages", report.pages, None)
        if expected and not slots and not rehearsed:
            raise DanganError("DG-BAK-004")
        return slots, rehearsed

    async def _records(
        self,
        manifest: Manifest,
        gone: set[str],
        keys_there: tuple[Mapping[str, int], Mapping[str, str]],
        report: Report,
        marks: Marks,
    ) -> dict[str, int]:
        """Write the records that are not destroyed, and tombstones; page id -> the slots that they name.

        Raises:
            DanganError: DG-DES-060 for a record that opens once Vault's rehearsal is taken back.
        """
        slots, rehearsed = keys_there
        absent = set(gone)
        named: dict[str, int] = {}

        def judged() -> Iterator[bytes]:
            for raw in self._documents(manifest, "records"):
                doc = RawBSONDocument(raw)
                record = str(doc["_id"])
                absent.discard(record)
                keys = _keys(doc)
                what = fate(record, keys, ledger=gone, slots=slots)
                if what is Fate.DESTROYED:
                    report.destroyed += 1
                    yield raw if doc["state"] == "destroyed" else _tombstone(record)
                    continue
                if what is Fate.RESTORED:
                    report.restored += 1
                else:
                    refs = (keys or {}).values()
                    held_back = next((rehearsed[ref.page] for ref in refs if ref.page in rehearsed), None)
                    if held_back is not None and record not in self.told.destroyed:
                        raise DanganError("DG-DES-060", detail=held_back)
                    report.unreadable.append(record)
                marks.take(raw, record)
                now = {level: present(ref, slots) or ref for level, ref in (keys or {}).items()}
                for ref in now.values():
                    for page, slot in ref.places:
                        named[page] = named.get(page, 0) | 1 << slot
                yield raw if keys is None or now == keys else _renamed(raw, now)

        await load(self.into, "records", judged())
        # What was collected after the backup and destroyed must not be collected again either.
        await load(self.into, "records", map(_tombstone, sorted(absent)))
        return named

    async def _attachments(self, manifest: Manifest, gone: set[str]) -> None:
        """Attachments as of the backup, like the records they belong to: never one of a destroyed record."""
        kept: set[str] = set()

        def files() -> Iterator[bytes]:
            for raw in self._documents(manifest, _FILES):
                doc = RawBSONDocument(raw)
                if doc["metadata"]["record"] not in gone:
                    kept.add(str(doc["_id"]))
                    yield raw

        await load(self.into, _FILES, files())
        await load(self.into, _CHUNKS, (raw for raw in self._documents(manifest, _CHUNKS) if _file(raw) in kept))

    async def _others(self, manifest: Manifest) -> None:
        there = set(await self.live.list_collection_names())
        for name in sorted((there | set(manifest.collections)) - {"pages", "records", _FILES, _CHUNKS}):
            if name in there:
                async for batch in dump(self.live, name):
                    await load(self.into, name, _split(batch))
            elif name not in _KEYS:
                await load(self.into, name, self._documents(manifest, name))

    def _documents(self, manifest: Manifest, name: str) -> Iterator[bytes]:
        part = manifest.collections.get(name)
        if part is None:
            return
        with collection_file(self.folder, manifest, name).open("rb") as source:
            for done, document in enumerate(documents(source), start=1):
                yield document
                if done % _BATCH == 0 or done == part.documents:
                    self.on_progress(name, done, part.documents)


def _documents_in(manifest: Manifest, name: str) -> int:
    part = manifest.collections.get(name)
    return part.documents if part else 0


def _text(document: bytes, name: str) -> str:
    return str(RawBSONDocument(document)[name])


def _file(chunk: bytes) -> str:
    return _text(chunk, "files_id")


def _keys(doc: RawBSONDocument) -> Mapping[Level, KeyRef] | None:
    if doc["state"] != "live":
        return None
    return keys_in(doc)


def _renamed(raw: bytes, keys: Mapping[Level, KeyRef]) -> bytes:
    """The record as its keys lie by now: it was sealed (封存) or unsealed since the backup."""
    doc = bson.decode(raw)
    doc["keys"] = {level.value: to_list(ref) for level, ref in keys.items()}
    doc.pop("sealed", None)
    if any(ref.shut for ref in keys.values()):
        doc["sealed"] = True
    return bson.encode(doc)


def _tombstone(record: str) -> bytes:
    return bson.encode({"_id": record, "state": "destroyed", "at": 0})


def _split(batch: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(batch):
        end = at + int.from_bytes(batch[at : at + 4], "little")
        yield batch[at:end]
        at = end
