"""Records with their fields, proposals and notices in memory, with the same conditions on every write as in MongoDB."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from keys.ports import KeyRef
from schemas.levels import Level
from store.notices import Notice
from store.proposals import Claim, Proposal, State
from store.record import Record, Revision


class SimulatedDocuments:
    """What correction uses of :class:`store.records.Records` and :class:`store.revisions.Revisions`."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.given_up: set[tuple[str, str]] = set()

    async def get(self, ids: Collection[str], *, history: bool = False) -> dict[str, Record]:
        found = {name: self.records[name] for name in ids if name in self.records}
        return found if history else {name: replace(record, history=()) for name, record in found.items()}

    async def entries_of(self, command: str, record: str, *, by: str) -> list[Mapping[str, Any]]:
        entries = self.records[record].history if record in self.records else ()
        return [entry for entry in entries if entry["by"] == by and entry["command"] == command]

    async def give_up(self, record: str, version: int, claim: str) -> bool:
        if record not in self.records or self.records[record].version != version:
            return False
        self.given_up.add((record, claim))
        return True

    async def is_given_up(self, record: str, claim: str) -> bool:
        return (record, claim) in self.given_up

    async def revise(self, revision: Revision) -> bool:
        stored = self.records.get(revision.record)
        if (revision.record, revision.claim) in self.given_up:
            return False
        if stored is None or (stored.version, stored.stage) != (revision.version - 1, revision.seen):
            return False
        if stored.keys.keys() & revision.new_keys.keys():
            return False
        fields, versions = dict(stored.fields), dict(stored.field_versions)
        for name, sealed in revision.fields.items():
            if sealed is None:
                fields.pop(name, None)
                versions.pop(name, None)
            else:
                fields[name], versions[name] = sealed, revision.version
        self.records[revision.record] = replace(
            stored,
            version=revision.version,
            level=revision.level,
            fields=fields,
            field_versions=versions,
            keys={**stored.keys, **revision.new_keys},
            ingest_keys=tuple({*stored.ingest_keys, revision.ingest_key}),
            history=(*stored.history, revision.past),
        )
        return True

    async def adopt(self, record: str, new_keys: Mapping[Level, KeyRef], ingest_key: str) -> bool:
        stored = self.records.get(record)
        if stored is None or stored.keys.keys() & new_keys.keys():
            return False
        ingest = tuple({*stored.ingest_keys, ingest_key})
        self.records[record] = replace(stored, keys={**stored.keys, **new_keys}, ingest_keys=ingest)
        return True


class SimulatedProposals:
    """What correction uses of :class:`store.proposals.Proposals`."""

    def __init__(self) -> None:
        self.proposals: dict[str, Proposal] = {}

    async def add(self, proposal: Proposal) -> bool:
        return self.proposals.setdefault(proposal.id, proposal) is proposal

    async def get(self, proposal: str) -> Proposal | None:
        return self.proposals.get(proposal)

    async def undecided_of(self, by: str, record: str | None = None, *, limit: int) -> int:
        undecided = [each for each in self.proposals.values() if each.by == by and each.state in ("open", "claimed")]
        return len([each for each in undecided if record in (None, each.record)][:limit])

    async def claim(self, proposal: str, claim: Claim) -> bool:
        return self._swap(proposal, "open", None, state="claimed", claim=claim)

    async def release(self, proposal: str, claim: Claim) -> bool:
        return self._swap(proposal, "claimed", claim, state="open", claim=None)

    async def approve(self, proposal: str, claim: Claim, version: int) -> bool:
        done = replace(claim, version=version)
        return self._swap(proposal, "claimed", claim, state="approved", claim=done, values=None, reason=None)

    async def reject(self, proposal: str, claim: Claim) -> bool:
        return self._swap(proposal, "open", None, state="rejected", claim=claim, values=None, reason=None)

    async def erase(self, records: Collection[str]) -> None:
        for name, proposal in self.proposals.items():
            if proposal.record in records:
                claim = replace(proposal.claim, reason=None) if proposal.claim else None
                self.proposals[name] = replace(proposal, values=None, reason=None, claim=claim)

    def _swap(self, proposal: str, only_if: State, only_of: Claim | None, **changes: object) -> bool:
        stored = self.proposals.get(proposal)
        if stored is None or stored.state != only_if:
            return False
        if only_of is not None and (stored.claim is None or stored.claim.token != only_of.token):
            return False
        self.proposals[proposal] = replace(stored, **changes)  # type: ignore[arg-type]
        return True


class SimulatedNotices:
    """Implements :class:`consumers.notify.NoticeStore`: everybody named may read every record."""

    def __init__(self, readers: Collection[str]) -> None:
        self.readers = frozenset(readers)
        self.notices: dict[tuple[str, int], Notice] = {}

    async def readers_of(self, records: Collection[str], *, now: float) -> dict[str, frozenset[str]]:
        return dict.fromkeys(records, self.readers)

    async def add(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            self.notices.setdefault((notice.record, notice.version), notice)
