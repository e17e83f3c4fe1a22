"""Merging of a duplicate into the customer's one archive (合并, ARR-13), and its undoing.

A merge is a link and moves nothing (store/merges.py, docs/adr/0009). Order, so that a crash anywhere is mended by the
redelivery and a destruction under way is never missed:

1. the duplicate names its archive: from here a destruction of the archive has to name it too;
2. the destruction ledger is looked at: whatever was begun before 1 stands there, and 1 is taken back;
3. the archive takes the part, if it still is what the signers saw; otherwise 1 is taken back.

An undoing frees the part first. Reads follow a link only while both sides say so (consumers/reading/access.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import orjson

from consumers.approvals import Registered
from consumers.held import OnHold, kept_by_holds
from consumers.merge_rules import Linking, authorize, check_references, decide_merge, decide_unmerge, deed_digest
from consumers.received import OF_THE_RECORD, Outcome, Received, fact, refused
from consumers.revise import REASON
from consumers.rules import Rules
from keys.cipher import FieldCipher
from keys.ledger import Entry
from keys.ring import KeyRing
from schemas.commands import Merge, Unmerge
from schemas.errors import DanganError, Refusal, Transient
from schemas.levels import highest
from schemas.replies import Result
from store.merges import Merges
from store.record import Record
from store.records import Records

_ROUNDS = 8
Found = Mapping[str, Record]
History = Mapping[str, Mapping[str, Any]]


class Destroyed(Protocol):
    """What the destruction ledger knows (store/ledger.py)."""

    async def get(self, records: Collection[str]) -> dict[str, Entry]:
        """The entries of those records that have one."""


class Merger:
    """Applies merge and unmerge commands, one after the other: each is a decision that people signed."""

    def __init__(
        self,
        merges: Merges,
        records: Records,
        holds: OnHold,
        ledger: Destroyed,
        ring: KeyRing,
        directory: Registered,
        rules: Rules,
    ) -> None:
        self._merges = merges
        self._records = records
        self._holds = holds
        self._ledger = ledger
        self._ring = ring
        self._directory = directory
        self._rules = rules

    async def apply(self, batch: Sequence[Received[Linking]], now: float) -> list[Outcome]:
        """Link or part what is rightly asked for; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        return [await self._one(received, now) for received in batch]

    async def _one(self, received: Received[Any], now: float) -> Outcome:
        command = received.command
        try:
            check_references(command)
            done = await self._before(received)
            if command.record not in done:
                signed = () if done else authorize(received, self._rules, self._directory, now)
                link = self._merge if command.type == "merge" else self._unmerge
                done = await link(received, signed, now, begun=bool(done))
        except DanganError as error:
            if not _concerns_these(error):
                raise  # a dependency's failure would refuse every merge there is
            event = fact(received, command.type, record=command.record, allowed=False, code=error.code)
            return Outcome(refused(received, error), (event,))
        return _linked(received, done)

    async def _merge(self, received: Received[Merge], signed: tuple[str, ...], now: float, *, begun: bool) -> History:
        command = received.command
        for _round in range(_ROUNDS):
            found = await self._both(received)
            if not begun:
                held = await kept_by_holds(self._holds, self._merges, [command.record, command.duplicate], now=now)
                gone = await self._ledger.get([command.record, command.duplicate])
                parts = await self._merges.unnamed([command.duplicate], queued=False)
                archive, duplicate = decide_merge(
                    command, found.get(command.record), found.get(command.duplicate), held=held, gone=gone, parts=parts
                )
                entry = await self._entry(received, duplicate, archive.id, signed)
                if not await self._merges.join(duplicate, archive.id, entry):
                    continue  # it has changed since it was read: decide again
            return await self._taken(received, signed)
        raise Transient("DG-STO-001", detail="the record kept changing")

    async def _taken(self, received: Received[Merge], signed: tuple[str, ...]) -> History:
        """The archive's side of a merge that the duplicate has joined; or the joining taken back."""
        command = received.command
        found, before = await self._both(received), await self._before(received)
        archive = found.get(command.record)
        signed = signed or _signers(before)
        try:
            if await self._ledger.get([command.record, command.duplicate]):
                raise Refusal("DG-MRG-010")
            if archive is None:
                raise Refusal("DG-MRG-002", detail=command.record)
            if archive.version != command.from_version or archive.stage != "archived":
                raise Refusal("DG-MRG-006", detail=f"{archive.id} is at version {archive.version}")
            entry = await self._entry(received, archive, command.duplicate, signed)
            if not await self._merges.take(archive, command.duplicate, entry):
                raise Refusal("DG-MRG-006", detail=f"{archive.id} has changed")
        except DanganError as error:
            if not _concerns_these(error):
                raise
            done = await self._before(received)
            if command.record in done:  # a worker that took over was quicker
                return done
            if command.duplicate in found and command.duplicate in before:
                digest = deed_digest(command, received.sender.id)
                await self._merges.withdraw(found[command.duplicate], command.record, digest)
            raise
        return await self._before(received)

    async def _unmerge(
        self, received: Received[Unmerge], signed: tuple[str, ...], now: float, *, begun: bool
    ) -> History:
        command = received.command
        for _round in range(_ROUNDS):
            found, before = await self._both(received), await self._before(received)
            archive = found.get(command.record)
            signed = signed or _signers(before)
            if command.duplicate not in before and not begun:
                held = await kept_by_holds(self._holds, self._merges, [command.record, command.duplicate], now=now)
                gone = await self._ledger.get([command.record, command.duplicate])
                archive, part = decide_unmerge(command, archive, found.get(command.duplicate), held=held, gone=gone)
                if not await self._merges.leave(part, await self._entry(received, part, archive.id, signed)):
                    continue
            if archive is None or command.record in before:  # destroyed meanwhile, or done by who took over
                return await self._before(received)
            entry = await self._entry(received, archive, command.duplicate, signed)
            if await self._merges.release(archive, command.duplicate, entry):
                return await self._before(received)
        raise Transient("DG-STO-001", detail="the record kept changing")

    async def _both(self, received: Received[Any]) -> Found:
        return await self._records.get([received.command.record, received.command.duplicate])

    async def _before(self, received: Received[Any]) -> History:
        """What this command has done already: the history entries that it left.

        Raises:
            Refusal: DG-CMD-001 when its sender has used its id for another merge or undoing of one of the two.
        """
        command, sender = received.command, received.sender.id
        records = (command.record, command.duplicate)
        return await self._merges.entries(command.id, records, by=sender, digest=deed_digest(command, sender))

    async def _entry(
        self, received: Received[Any], record: Record, other: str, signed: tuple[str, ...]
    ) -> dict[str, Any]:
        """The history entry: who, when, with which record, signed by whom; and why, encrypted like a field."""
        command, level = received.command, highest(set(record.keys))
        deks = (await self._ring.open({record.id: record.keys}))[record.id]
        reason = FieldCipher(deks[level], record.id, level)
        return {
            "version": record.version,
            "command": command.id,
            "digest": deed_digest(command, received.sender.id),
            "by": received.sender.id,
            "at": received.at_ms,
            "evidence": other,
            "reason": reason.seal(REASON, record.version + 1, orjson.dumps(command.reason)),
            "reason_level": level.value,
            "fields": {},
            "link": {"kind": command.type, "with": other, "signed": list(signed)},
        }


def _concerns_these(error: DanganError) -> bool:
    return isinstance(error, Refusal) or error.code in OF_THE_RECORD


def _signers(before: History) -> tuple[str, ...]:
    return next((tuple(entry["link"]["signed"]) for entry in before.values()), ())


def _linked(received: Received[Any], done: History) -> Outcome:
    """The answer, and an event on each of the two records."""
    command, signed = received.command, _signers(done)
    versions = {record: entry["version"] + 1 for record, entry in done.items()}
    version = versions.get(command.record)
    events = tuple(
        fact(received, command.type, record=record, version=versions.get(record), approvers=signed)
        for record in (command.record, command.duplicate)
    )
    return Outcome(Result(id=command.id, status="accepted", version=version), events)
