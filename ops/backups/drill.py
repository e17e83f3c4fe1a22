"""The drill (模拟恢复测试): restores the newest chain to a scratch database and shows that it is as it must be.

Survivors must open, field by field and with their attachments; the destroyed must not, once swept not even with the
keys that the backup itself holds (ops/backups/tried.py). Values are decrypted in memory and neither shown nor kept. The
report is signed like a certificate and kept for good. Clause STO-08.
"""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from keys.chunks import ChunkCipher
from keys.cipher import FieldCipher
from keys.pages import Page
from keys.places import Place
from keys.ring import Deks, KeyRing
from keys.signed import sign_compact, verified_payload
from keys.vault import KeyRefused, Transit
from ops.audit_replay import Told
from ops.backup import Manifest, Progress, read_manifest
from ops.backups.tried import Attempt
from ops.restore import Report, Restore
from schemas.errors import DanganError
from schemas.trust import Trust
from store.attachments import Attachments
from store.backups import Backups, Drill
from store.database import Database
from store.pages import Pages
from store.record import Record
from store.records import Records

TYP: Final = "dangan-drill+jws"
_BATCH: Final = 200
_NAMED: Final = 10
_Count = Annotated[int, Field(ge=0)]


class DrillReport(BaseModel):
    """What a drill found. Times are UNIX seconds, spans seconds; ids are opaque. It holds no value.

    ``survivors`` of the sample were read, with each field and attachment; ``unreadable`` are those that were not, and
    what the restore itself could not read. ``gone`` of the destroyed were tried, after their sweep, with the keys that
    the backup holds of them; of the ``unswept`` old copies may still open. ``alive`` are those that opened and must
    not. Both lists must be empty, and something must have been read where something was restored.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    format: Literal["dangan-drill-1"] = "dangan-drill-1"
    at: _Count
    backup: str
    chain: tuple[str, ...]
    documents: _Count
    bytes: _Count
    restored: _Count
    destroyed: _Count
    survivors: _Count
    fields: _Count
    gone: _Count
    unswept: _Count = 0  # not in earlier reports, nor are attachments
    attachments: _Count = 0
    unreadable: tuple[str, ...]
    alive: tuple[str, ...]
    seconds: Mapping[Literal["open", "restore", "check"], float]

    @property
    def passed(self) -> bool:
        """Whether the backup can be relied on, and brings nothing destroyed back."""
        return not self.unreadable and not self.alive and (self.survivors > 0 or self.restored == 0)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One drill.

    Attributes:
        live: the archive's database.
        scratch: a database that does not exist yet; it is gone afterwards.
        transit: of the role ``sweeper``: it may use the levels' roots, and sign.
        places: with key-page snapshots.
        told: what the audit stream tells.
        sample: how many survivors are read, and how many destroyed are tried.
        choose: picks them.
    """

    live: Database
    scratch: Database
    transit: Transit
    places: Sequence[Place]
    told: Told
    sample: int
    on_progress: Progress
    choose: random.Random
    clock: Callable[[], float] = time.time

    async def run(self, plain: Path, chain: Sequence[str], *, opened_in: float) -> tuple[DrillReport, str]:
        """Restore, look, sign, keep.

        Args:
            plain: the chain, opened.
            chain: the backups' ids, newest first.
            opened_in: seconds that opening took.

        Returns:
            The report and its compact JWS, which is kept whether it passed or not.

        Raises:
            DanganError: as :class:`ops.restore.Restore`; there is no report then.
        """
        begun = self.clock()
        manifest = read_manifest(plain)
        try:
            result = await Restore(
                plain, self.live, self.scratch, self.transit, self.places, self.on_progress, self.told
            ).run()
            restored_at = self.clock()
            report = await self._looked_at(plain, manifest, result, chain, begun, (opened_in, restored_at - begun))
        finally:
            await self.scratch.client.drop_database(self.scratch.name)
        jws = await sign_compact(self.transit, TYP, report.model_dump_json().encode())
        await Backups(self.live).keep_drill(Drill(report.id, report.at, report.backup, report.passed, jws))
        return report, jws

    async def _looked_at(
        self, plain: Path, manifest: Manifest, result: Report, chain: Sequence[str], begun: float,
        spans: tuple[float, float],
    ) -> DrillReport:  # fmt: skip
        started = self.clock()
        async with KeyRing(self.transit, Pages(self.scratch)) as ring:
            read, unreadable = await self._survivors(ring)
            tried = await Attempt(self.transit, self.scratch, plain, manifest, self.sample, self.choose).run(ring)
            self.on_progress("destroyed", tried.gone + tried.unswept, tried.gone + tried.unswept)
        return DrillReport(
            id=str(uuid.uuid4()),
            at=int(begun),
            backup=chain[0],
            chain=tuple(chain),
            documents=sum(part.documents for part in manifest.collections.values()),
            bytes=sum(part.size for part in manifest.collections.values()),
            restored=result.restored,
            destroyed=result.destroyed,
            survivors=read["records"],
            fields=read["fields"],
            attachments=read["attachments"],
            gone=tried.gone,
            unswept=tried.unswept,
            unreadable=tuple(sorted({*result.unreadable, *unreadable})[:_NAMED]),
            alive=tuple(sorted(tried.alive)[:_NAMED]),
            seconds={
                "open": round(spans[0], 3),
                "restore": round(spans[1], 3),
                "check": round(self.clock() - started, 3),
            },
        )

    async def _survivors(self, ring: KeyRing) -> tuple[Counter[str], list[str]]:
        """Read a sample; how many records, fields and attachments opened, and which records did not."""
        names = [name async for name, _ in Records(self.scratch).live_keys()]
        chosen = self.choose.sample(names, min(self.sample, len(names)))
        read, unreadable = Counter[str](), list[str]()
        for start in range(0, len(chosen), _BATCH):
            found = await Records(self.scratch).get(chosen[start : start + _BATCH])
            sealed = await self._accepted({name for name, record in found.items() if record.sealed})
            deks = await ring.try_open({record.id: record.keys for record in found.values() if not record.sealed})
            for name, record in found.items():
                if name in sealed:
                    attached: int | None = 0
                else:
                    attached = await self._attached(record, deks[name]) if not record.sealed else None
                if attached is None:
                    unreadable.append(name)
                else:
                    read.update(records=1, fields=len(record.fields), attachments=attached)
            self.on_progress("survivors", read["records"], len(chosen))
        return read, unreadable

    async def _attached(self, record: Record, deks: Deks | DanganError) -> int | None:
        """How many complete attachments a record has, if it opens with all its fields and each of them."""
        if isinstance(deks, DanganError) or not _opens(record, deks):
            return None
        store, count = Attachments(self.scratch), 0
        for each in await store.of_record(record.id):
            if each.state != "complete":
                continue
            if each.level not in deks:
                return None
            cipher = ChunkCipher(deks[each.level], record.id, each.name, each.level, each.parts)
            try:
                if cipher.digest_of(await store.ciphertexts(record.id, each.name)) != cipher.open_digest(each.digest):
                    return None
            except DanganError:
                return None
            count += 1
        return count

    async def _accepted(self, names: Collection[str]) -> set[str]:
        """Those sealed (封存) records whose keys Vault accepts: nothing here can open them, and a rewrap shows none."""
        keys = await Records(self.scratch).keys_of(names)
        wanted = {name: {ref.holder for ref in refs.values()} for name, refs in keys.items()}
        pages = await Pages(self.scratch).get({page for places in wanted.values() for page, _slot in places})
        good: set[str] = set()
        for root, group in groupby(sorted(pages.values(), key=_root), key=_root):
            listed = list(group)
            answers = await self.transit.rewrap(root, [page.wrapped_key for page in listed])
            good |= {page.id for page, to in zip(listed, answers, strict=True) if not isinstance(to, KeyRefused)}
        return {
            name
            for name, places in wanted.items()
            if all(page in good and slot in pages[page].slots for page, slot in places)
        }


def _root(page: Page) -> str:
    return page.root


def verified_drill(jws: str, trust: Trust) -> DrillReport:
    """The report of a drill, if the archive signed it. Offline.

    Raises:
        DanganError: DG-CER-001 or -002.
    """
    return DrillReport.model_validate_json(verified_payload(jws, TYP, trust))


def _opens(record: Record, deks: Deks) -> bool:
    """Whether every field opens. The values go no further than this."""
    ciphers = [FieldCipher(dek, record.id, level) for level, dek in deks.items()]
    return all(
        any(_one(cipher, name, record.field_versions.get(name, 1), sealed) for cipher in ciphers)
        for name, sealed in record.fields.items()
    )


def _one(cipher: FieldCipher, name: str, version: int, sealed: bytes) -> bool:
    try:
        cipher.open(name, version, sealed)
    except DanganError:
        return False
    return True
