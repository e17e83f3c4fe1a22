"""The register of backups (备份登记): one document for each run, kept for good. Clauses STO-06 and STO-07."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from store.database import Database, Document

Kind = Literal["full", "incremental"]
#: ``partial``: whole, but not in every place. A run that died stays ``begun`` until the next one.
State = Literal["begun", "partial", "whole", "failed"]


@dataclass(frozen=True, slots=True)
class Backup:
    """One run. Times are UNIX seconds.

    Attributes:
        id: also the beginning of its file's name.
        base: the backup that an incremental one rests on.
        size: of the sealed file, bytes.
        sha256: of the sealed file; empty until it is written.
        fingerprints: SHA-256 of the fingerprint file.
        documents: in the archive when it was read.
        stored: of these, in this file.
        verified: place -> when the file was read back there and was whole.
        missing: the places that lack it.
        code: why it failed.
    """

    id: str
    kind: Kind
    made_at: int
    state: State = "begun"
    base: str | None = None
    size: int = 0
    sha256: str = ""
    fingerprints: str = ""
    documents: int = 0
    stored: int = 0
    verified: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    code: str | None = None
    ended_at: int = 0

    @property
    def usable(self) -> bool:
        """Whether a restore can start from it."""
        return self.state in ("whole", "partial")


@dataclass(frozen=True, slots=True)
class Drill:
    """One simulated restore (模拟恢复测试): when, of which backup, how it ended, and its signed report."""

    id: str
    at: int
    backup: str
    passed: bool
    jws: str


class Backups:
    """The collections ``backups`` and ``drills``."""

    def __init__(self, database: Database) -> None:
        self._backups = database["backups"]
        self._drills = database["drills"]

    async def put(self, backup: Backup) -> None:
        """Write a run's entry, in place of its earlier one."""
        await self._backups.replace_one({"_id": backup.id}, _document(backup), upsert=True)

    async def all(self) -> list[Backup]:
        """Every run, oldest first."""
        return [_backup(doc) async for doc in self._backups.find({}).sort("_id", 1)]

    async def fail_unfinished(self, known: Sequence[Backup], *, now: int, older_than: int) -> None:
        """Mark runs that died: begun, never ended, and older than so many seconds."""
        for each in known:
            if each.state == "begun" and each.made_at <= now - older_than:
                await self.put(replace(each, state="failed", code="interrupted", ended_at=now))

    async def keep_drill(self, drill: Drill) -> None:
        """Keep a drill's report for good."""
        doc = asdict(drill)
        await self._drills.insert_one({"_id": doc.pop("id"), **doc})

    async def drills(self) -> list[Drill]:
        """Every drill, oldest first."""
        found = self._drills.find({}).sort("at", 1)
        return [Drill(doc["_id"], doc["at"], doc["backup"], doc["passed"], doc["jws"]) async for doc in found]


def _document(backup: Backup) -> Document:
    doc = asdict(backup)
    doc["verified"] = [[place, at] for place, at in backup.verified.items()]
    return {"_id": doc.pop("id"), **doc}


def _backup(doc: Document) -> Backup:
    known = {name: value for name, value in doc.items() if name != "_id"}
    known["verified"] = {str(place): int(at) for place, at in doc["verified"]}
    known["missing"] = tuple(doc["missing"])
    return Backup(id=doc["_id"], **known)
