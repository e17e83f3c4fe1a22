"""Runs of inspections (检查记录) in the store: what was checked when, by whom, with what outcome; kept for good.

``inspections`` holds one document a run; ``inspection_progress`` where a long one stands, so that it can go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pymongo.errors import DuplicateKeyError

from schemas.digests import stored_digest
from schemas.inspections import RunKind
from store.database import Database, Document

#: Findings that are kept by name; of more, only how many of each kind there are.
MAX_FINDINGS: Final = 5_000


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One difference or failure.

    Attributes:
        kind: a word (docs/inspections.md lists them).
        about: what it is about: an opaque reference.
        detail: more, nothing personal.
    """

    kind: str
    about: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One inspection.

    Attributes:
        id: opaque.
        kind: which.
        since, until: the time it covers, UNIX seconds; ``since`` is 0 for "from the beginning".
        by: who made it, ``at`` when (UNIX seconds).
        counts: what was counted, by name.
        findings: at most :data:`MAX_FINDINGS`; ``total`` how many of each kind there were.
        number: the how-many-eth inspection of the archive it is; of two in one second it tells which was later.
    """

    id: str
    kind: RunKind
    since: int
    until: int
    by: str
    at: int
    counts: Mapping[str, int]
    findings: tuple[Finding, ...] = ()
    total: Mapping[str, int] = field(default_factory=dict)
    number: int = 0

    @property
    def digest(self) -> str:
        """SHA-256 of what is stored: what its audit event holds."""
        return stored_digest(run_document(self))


class Inspections:
    """The ``inspections`` and ``inspection_progress`` collections."""

    def __init__(self, database: Database) -> None:
        self._runs = database["inspections"]
        self._progress = database["inspection_progress"]

    async def add(self, run: Run) -> bool:
        """Keep a run; False when there is one of that id."""
        try:
            await self._runs.insert_one(run_document(run))
        except DuplicateKeyError:
            return False
        return True

    async def count(self) -> int:
        """How many runs there are."""
        return await self._runs.count_documents({})

    async def get(self, run: str) -> Run | None:
        """One run, or None."""
        doc = await self._runs.find_one({"_id": run})
        return _run(doc) if doc else None

    async def last(self, kind: RunKind) -> Run | None:
        """The newest run of a kind, or None."""
        return next(iter(await self.all(kind=kind, limit=1)), None)

    async def all(self, *, kind: RunKind | None = None, since: int = 0, limit: int = 10_000) -> list[Run]:
        """The runs made since then (UNIX seconds), newest first."""
        query: Document = {"at": {"$gte": since}}
        if kind is not None:
            query["kind"] = kind
        return [_run(doc) async for doc in self._runs.find(query).sort([("at", -1), ("number", -1)]).limit(limit)]

    async def progress(self, kind: RunKind) -> Document | None:
        """Where a run of the kind that was not finished stands."""
        found: Document | None = await self._progress.find_one({"_id": kind})
        return found

    async def stand(self, kind: RunKind, state: Mapping[str, Any]) -> None:
        """Note where a run stands."""
        await self._progress.replace_one({"_id": kind}, {"_id": kind, **state}, upsert=True)

    async def finished(self, kind: RunKind) -> None:
        """Forget where the run stood."""
        await self._progress.delete_one({"_id": kind})


def run_document(run: Run) -> Document:
    """The run as it is stored."""
    return {
        "_id": run.id,
        "kind": run.kind,
        "since": run.since,
        "until": run.until,
        "by": run.by,
        "at": run.at,
        "counts": dict(run.counts),
        "findings": [[each.kind, each.about, each.detail] for each in run.findings],
        "total": dict(run.total),
        "number": run.number,
    }


def _run(doc: Document) -> Run:
    findings: Sequence[Sequence[str]] = doc["findings"]
    return Run(
        doc["_id"], doc["kind"], doc["since"], doc["until"], doc["by"], doc["at"], doc["counts"],
        tuple(Finding(*each) for each in findings), doc["total"], doc["number"],
    )  # fmt: skip
