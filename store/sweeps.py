"""Sweeps in MongoDB: ``sweeps`` (the newest one of each root, with its lease) and what they proved.

``sweep_evidence`` keeps one document per finished sweep for good, since a record's certificate may need the
sweeps of several roots; ``certificates`` keeps the certificates.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict

from pymongo.errors import DuplicateKeyError

from keys.sweep_state import CopyFile, Step, Sweep
from schemas.certificate import RootEvidence
from store.database import Database, Document


async def ensure_indexes(database: Database) -> None:
    """Create the indexes of ``certificates``; repeatable."""
    await database["certificates"].create_index([("records", 1)], name="records")


class Sweeps:
    """The ``sweeps`` and ``sweep_evidence`` collections. Implements :class:`keys.sweep_state.SweepStore`."""

    def __init__(self, database: Database) -> None:
        self._sweeps = database["sweeps"]
        self._evidence = database["sweep_evidence"]

    async def get(self, root: str) -> Sweep | None:
        """The root's newest sweep."""
        doc = await self._sweeps.find_one({"_id": root})
        return from_document(doc) if doc else None

    async def insert(self, sweep: Sweep) -> bool:
        """Insert the root's first sweep; False when there is one already."""
        try:
            await self._sweeps.insert_one(to_document(sweep))
        except DuplicateKeyError:
            return False
        return True

    async def swap(self, sweep: Sweep, *, if_epoch: int) -> bool:
        """Replace the root's sweep where its epoch is ``if_epoch``."""
        query = {"_id": sweep.root, "epoch": if_epoch}
        return (await self._sweeps.replace_one(query, to_document(sweep))).matched_count == 1

    async def keep(self, evidence: RootEvidence) -> None:
        """Keep a finished sweep's evidence for good; repeatable."""
        doc = {"_id": evidence.sweep, **evidence.model_dump(mode="json")}
        await self._evidence.replace_one({"_id": evidence.sweep}, doc, upsert=True)

    async def evidence(self, sweeps: Collection[str]) -> dict[str, RootEvidence]:
        """The evidence of those sweeps."""
        found = self._evidence.find({"_id": {"$in": list(sweeps)}}, {"_id": 0})
        return {doc["sweep"]: RootEvidence.model_validate(doc) async for doc in found}

    async def last_trim(self, root: str) -> int | None:
        """When a sweep last destroyed old versions of the root, UNIX seconds; None for never."""
        newest = self._evidence.find({"root": root}, {"trimmed_at": 1}).sort("trimmed_at", -1).limit(1)
        found = await newest.to_list()
        return found[0]["trimmed_at"] if found else None


class Certificates:
    """The ``certificates`` collection. Implements :class:`keys.certificate.CertificateStore`."""

    def __init__(self, database: Database) -> None:
        self._certificates = database["certificates"]

    async def put(self, serial: str, jws: str, records: Sequence[str]) -> str:
        """Keep a certificate unless one of that serial is there; the one that is there now."""
        try:
            await self._certificates.insert_one({"_id": serial, "jws": jws, "records": list(records)})
        except DuplicateKeyError:
            return await self.get(serial) or jws
        return jws

    async def get(self, serial: str) -> str | None:
        """The certificate of that serial."""
        doc = await self._certificates.find_one({"_id": serial}, {"jws": 1})
        return str(doc["jws"]) if doc else None

    async def of_record(self, record: str) -> list[str]:
        """Every certificate that names the record."""
        return [doc["jws"] async for doc in self._certificates.find({"records": record}, {"jws": 1}).sort("_id", 1)]


def to_document(sweep: Sweep) -> Document:
    """The sweep as MongoDB stores it."""
    doc = asdict(sweep)
    doc["_id"] = doc.pop("root")
    doc["sweep"] = doc.pop("id")
    doc["step"] = sweep.step.value
    doc["copies"] = [asdict(copy) for copy in sweep.copies]
    return doc


def from_document(doc: Document) -> Sweep:
    """The sweep of a document."""
    known = {name: value for name, value in doc.items() if name not in {"_id", "sweep", "step", "copies"}}
    copies = tuple(CopyFile(**copy) for copy in doc["copies"])
    return Sweep(root=doc["_id"], id=doc["sweep"], step=Step(doc["step"]), copies=copies, **known)
