"""``dangan backup run``: finish what is unfinished, choose the kind, write, read back, and keep the register.

Running it again is how it resumes. A backup that some place lacks is copied there from a place that has it; a run that
died left no file behind and is made anew. Clauses STO-01, STO-06 and STO-07.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from keys.places import Place
from keys.vault import Transit
from ops.backup import Progress
from ops.backups.fingerprints import Fingerprints, fingerprint_file, load_fingerprints
from ops.backups.frames import Base, file_name
from ops.backups.making import Made, Wanted, copy_across, holds, make_sealed
from ops.backups.opening import broken_link
from ops.backups.schedule import DAY, next_kind
from ops.private_files import write_private
from schemas.errors import DanganError
from schemas.rule_tables.backup import Every
from store.backups import Backup, Backups, Kind
from store.database import Database


@dataclass(frozen=True, slots=True)
class Runner:
    """Makes backups.

    Attributes:
        database: the live one.
        transit: of the role ``backup``.
        places: all that must take each backup, already approved.
        schedule: days for each kind.
        home: keeps the fingerprints.
    """

    database: Database
    transit: Transit
    places: Sequence[Place]
    schedule: Mapping[Every, int]
    home: Path
    on_progress: Progress

    async def run(self, *, now: int, kind: Kind | None = None) -> Backup:
        """Make a backup.

        Args:
            now: UNIX seconds; names the backup.
            kind: instead of what the schedule says. Without a base an incremental one becomes full.

        Raises:
            DanganError: DG-BAK-027 when no place took it, -028 naming the places that lack it.
        """
        register = Backups(self.database)
        known = await register.all()
        await register.fail_unfinished(known, now=now, older_than=DAY)
        await self.finish_partial(register, known, now=now)
        chosen = kind or next_kind(known, self.schedule, now=now)
        last = next((each for each in reversed(known) if each.usable), None)
        before = await asyncio.to_thread(self._before, last) if chosen == "incremental" and last else None
        name = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
        base = Base(id=last.id, sha256=last.sha256) if last and before else None
        wanted = Wanted(name, "incremental" if base else "full", now, base, before)
        entry = Backup(name, wanted.kind, now, base=base.id if base else None)
        await register.put(entry)
        try:
            made = await make_sealed(self.database, self.places, self.transit, wanted, self.on_progress)
        except DanganError as error:
            await register.put(replace(entry, state="failed", code=error.code, ended_at=now))
            raise
        entry = await self._verified(entry, made, now)
        if entry.state == "failed":
            await register.put(entry)
            raise DanganError("DG-BAK-027", field=", ".join(entry.missing))
        write_private(fingerprint_file(self.home, name), made.fingerprints)
        await register.put(entry)
        self._forget_older(name)
        if entry.missing:
            raise DanganError("DG-BAK-028", field=name, detail=", ".join(entry.missing))
        return entry

    async def finish_partial(self, register: Backups, known: Sequence[Backup], *, now: int) -> list[str]:
        """Copy backups to the places that lack them; return the ids of those that are whole now."""
        ended = []
        for each in known:
            if each.state == "partial":
                after = await asyncio.to_thread(self._completed, each, now)
                await register.put(after)
                if after.state == "whole":
                    ended.append(each.id)
        return ended

    async def _verified(self, entry: Backup, made: Made, now: int) -> Backup:
        """Read the file back in every place (STO-06)."""
        file = file_name(entry.id, entry.kind)
        took = [place for place in self.places if place.name not in made.failed]
        whole = await asyncio.gather(*(asyncio.to_thread(holds, place, file, made.sha256) for place in took))
        verified = {place.name: now for place, good in zip(took, whole, strict=True) if good}
        missing = tuple(place.name for place in self.places if place.name not in verified)
        return replace(
            entry,
            state="whole" if not missing else "partial" if verified else "failed",
            code="DG-BAK-028" if missing else None,
            size=made.size,
            sha256=made.sha256,
            fingerprints=hashlib.sha256(made.fingerprints).hexdigest(),
            documents=made.documents,
            stored=made.stored,
            verified=verified,
            missing=missing,
            ended_at=now,
        )

    def _completed(self, backup: Backup, now: int) -> Backup:
        file = file_name(backup.id, backup.kind)
        source = next(
            (each for each in self.places if each.name in backup.verified and holds(each, file, backup.sha256)), None
        )
        if source is None:
            return backup
        verified = dict(backup.verified)
        for place in self.places:
            if place.name in backup.missing:
                with suppress(OSError):
                    copy_across(source, place, file)
                    if holds(place, file, backup.sha256):
                        verified[place.name] = now
        missing = tuple(place.name for place in self.places if place.name not in verified)
        return replace(backup, verified=verified, missing=missing, state="partial" if missing else "whole",
                       code=backup.code if missing else None)  # fmt: skip

    def _before(self, last: Backup) -> Fingerprints | None:
        """What the last backup held; None where nothing can rest on it: its chain is broken, its fingerprints are gone.

        A chain is as good as its oldest link: an increment on a lost full backup would be kept and restore nothing.
        """
        if broken_link(self.places, last) is not None:
            return None
        return load_fingerprints(fingerprint_file(self.home, last.id), last.fingerprints)

    def _forget_older(self, newest: str) -> None:
        for file in fingerprint_file(self.home, newest).parent.glob("*.fingerprints"):
            if file.name < f"{newest}.fingerprints":
                file.unlink(missing_ok=True)
