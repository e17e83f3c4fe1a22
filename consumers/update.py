"""Update (更新): a new version of a record; the previous one stays, encrypted under the same keys.

Optimistic concurrency: the sender names the version it has seen. The change is one conditional write of one
document, so of two concurrent updates one wins and the other is told the current version (clause UPD-03).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from consumers.received import OF_THE_RECORD, Outcome, Received, fact, refused
from consumers.rules import Rules
from keys.cipher import FieldCipher
from keys.index import BlindIndex
from keys.ports import KeyRef
from keys.ring import KeyRing
from schemas.commands import Update
from schemas.errors import DanganError, Refusal, Transient
from schemas.levels import Level, highest
from schemas.replies import Result
from schemas.values import looks_personal, normalise
from store.records import Record, Records, Revision

#: The reason is encrypted like a field; the underscore keeps the name apart from the catalogue's.
REASON = "_reason"
#: A record is one document, which MongoDB bounds at 16 MiB; one more entry must always fit.
MAX_HISTORY_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Change:
    """An update that the rules allow: new values in normal form (None removes), not yet encrypted."""

    received: Received[Update]
    values: Mapping[str, bytes | None]
    levels: Mapping[str, Level]
    indexed: Mapping[str, str | None]
    level: Level
    reason_level: Level


def decide(received: Received[Update], record: Record | None, rules: Rules) -> Change:
    """Check one update against the record as it stands, the catalogue and the policies.

    Raises:
        Refusal: DG-CMD-004, DG-UPD-001, DG-UPD-002 (with the current version),
            DG-UPD-003, DG-COL-001, 002, 005.
    """
    command, catalogue = received.command, rules.catalogue
    if looks_personal(command.record) or looks_personal(command.evidence):
        raise Refusal("DG-COL-007")
    specs = {name: catalogue.field(name) for name in command.fields}
    touched = highest({spec.level for spec in specs.values()})
    if not rules.authorizer.allows(received.sender, "update", touched, record.purpose if record else ""):
        raise Refusal("DG-CMD-004")
    if record is None:
        raise Refusal("DG-UPD-001")
    if record.version != command.from_version:
        raise Refusal("DG-UPD-002", detail=f"current version {record.version}")
    if record.history_bytes > MAX_HISTORY_BYTES:
        raise Refusal("DG-UPD-003")
    values: dict[str, bytes | None] = {}
    indexed: dict[str, str | None] = {}
    for name, value in command.fields.items():
        catalogue.needed_field(name, record.purpose)
        normal = None if value is None else normalise(name, specs[name], value)
        values[name] = None if normal is None else orjson.dumps(normal)
        if specs[name].index:
            indexed[name] = None if normal is None else str(normal)
    after = (record.fields.keys() | command.fields) - {n for n, v in values.items() if v is None}
    level = highest({catalogue.field(name).level for name in after})
    held = highest(set(record.keys))
    levels = {name: spec.level for name, spec in specs.items()}
    return Change(received, values, levels, indexed, level, reason_level=held)


class Updater:
    """Applies batches of update commands; commands on one record in their order."""

    def __init__(self, records: Records, ring: KeyRing, index: BlindIndex, rules: Rules) -> None:
        self._records = records
        self._ring = ring
        self._index = index
        self._rules = rules

    async def apply(self, batch: Sequence[Received[Update]], now: float) -> list[Outcome]:  # noqa: ARG002
        """Apply each command; one outcome for each, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        by_record: dict[str, list[int]] = defaultdict(list)
        for at, received in enumerate(batch):
            by_record[received.command.record].append(at)
        outcomes: dict[int, Outcome] = {}

        async def in_order(places: list[int]) -> None:
            for at in places:
                outcomes[at] = await self._one(batch[at])

        # All come to an end before the first error is raised (a TaskGroup would wrap it): the retry of the batch
        # must not run beside what is left of this one.
        ended = await asyncio.gather(*map(in_order, by_record.values()), return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error
        return [outcomes[at] for at in range(len(batch))]

    async def _one(self, received: Received[Update]) -> Outcome:
        command = received.command
        # Each round reads anew: a lost race shows the winner's version, which decide() then answers with.
        for _round in range(8):
            record = (await self._records.get([command.record])).get(command.record)
            applied = await self._records.commands_applied([command.id], command.record, by=received.sender.id)
            if command.id in applied:
                return _accepted(received, applied[command.id], record)
            try:
                change = decide(received, record, self._rules)
                if record is None:
                    raise Refusal("DG-UPD-001")
                revision = await self._revision(change, record)
            except DanganError as error:
                if not isinstance(error, Refusal) and error.code not in OF_THE_RECORD:
                    raise  # a dependency's failure would refuse every update there is
                event = fact(received, "update", record=command.record, allowed=False, code=error.code)
                return Outcome(refused(received, error), (event,))
            if await self._records.revise(revision):
                return _accepted(received, revision.version, record)
        raise Transient("DG-STO-001", detail="the record kept changing")

    async def _revision(self, change: Change, record: Record) -> Revision:
        command, received = change.received.command, change.received
        missing = {level for name, level in change.levels.items() if change.values[name] is not None}
        missing -= record.keys.keys()
        deks = dict((await self._ring.open({record.id: record.keys}))[record.id])
        new_keys: dict[Level, KeyRef] = {}
        if missing:
            (allocated,) = await self._ring.allocate(record.cohort, [(record.id, missing)])
            for level, key in allocated.items():
                deks[level], new_keys[level] = key.dek, key.ref
        version = record.version + 1
        fields: dict[str, bytes | None] = {}
        for name, value in change.values.items():
            cipher = FieldCipher(deks[change.levels[name]], record.id, change.levels[name])
            fields[name] = None if value is None else cipher.seal(name, version, value)
        reason = FieldCipher(deks[change.reason_level], record.id, change.reason_level)
        past: dict[str, Any] = {
            "version": record.version,
            "command": command.id,
            "by": received.sender.id,
            "at": received.at_ms,
            "evidence": command.evidence,
            "reason": reason.seal(REASON, version, orjson.dumps(command.reason)),
            "reason_level": change.reason_level.value,
            "fields": {name: [record.fields.get(name), record.field_versions.get(name, 1)] for name in change.values},
        }
        return Revision(
            record=record.id,
            version=version,
            level=change.level,
            fields=fields,
            tokens=await self._tokens(change.indexed),
            new_keys=new_keys,
            ingest_key=received.ingest_key,
            past=past,
        )

    async def _tokens(self, indexed: Mapping[str, str | None]) -> dict[str, bytes | None]:
        made = await self._index.tokens({name: [v] for name, v in indexed.items() if v is not None})
        return {name: None if value is None else made[name][0] for name, value in indexed.items()}


def _accepted(received: Received[Update], version: int, record: Record | None) -> Outcome:
    command = received.command
    event = fact(
        received,
        "update",
        record=command.record,
        subject=record.subject if record else None,
        fields=tuple(command.fields),
        version=version,
    )
    return Outcome(Result(id=command.id, status="accepted", version=version), (event,))
