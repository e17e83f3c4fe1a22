"""Update (更新): a new version of a record; the previous one stays, encrypted under the same keys.

Optimistic concurrency: the sender names the version it has seen. The change is one conditional write of one
document, so of two concurrent updates one wins and the other is told the current version (clause UPD-03).
Where stored values change by approved corrections only (clause UPD-02), an update is refused, unless it says which
event at the customer it follows and comes from that event's own system (clause UPD-07). What an update brings is
collected too: core-sensitive fields need the approval of their collection (clause COL-13), and the sender of a returned
intake keeps to its form (clause COL-08).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import orjson

from consumers import forms
from consumers.collection_approvals import KnownApprovals, Wanted, check_covered
from consumers.notify import Told, Updated
from consumers.received import OF_THE_RECORD, Outcome, Received, fact, refused
from consumers.revise import Authorship, Change, Reviser, change_of, in_normal_form
from consumers.rules import Rules
from consumers.sealing.closed import refuse_sealed
from keys.index import BlindIndex
from keys.ring import KeyRing
from schemas.collection_approval import Approved
from schemas.commands import Update
from schemas.errors import DanganError, Refusal, Transient
from schemas.levels import Level, highest
from schemas.principals import Principal
from schemas.replies import Result
from schemas.values import looks_personal
from store.record import Record
from store.records import Records

#: A record is one document, which MongoDB bounds at 16 MiB; one more entry must always fit.
MAX_HISTORY_BYTES = 8 * 1024 * 1024
#: The role of a system that tells of an event is this, followed by the event's name.
SOURCE_ROLE = "source-"
_NONE: Final[Mapping[str, Approved]] = MappingProxyType({})


def decide(
    received: Received[Update], record: Record | None, rules: Rules, approvals: Mapping[str, Approved] = _NONE
) -> Change:
    """Check one update against the record as it stands, the catalogue, the policies and the rule book.

    Args:
        received: the update.
        record: what it changes, if it is live.
        rules: what the organisation set.
        approvals: the verified approvals of core-sensitive collection, by reference.

    Raises:
        Refusal: DG-CMD-004, DG-UPD-001, DG-UPD-002 (with the current version),
            DG-UPD-003, 010, 011, DG-COL-001, 002, 005, 007, 017 to 019, DG-INC-001, 002.
    """
    command, catalogue = received.command, rules.catalogue
    if any(looks_personal(each) for each in (command.record, command.evidence, command.approval) if each):
        raise Refusal("DG-COL-007")
    touched = highest({catalogue.field(name).level for name in command.fields})
    if not rules.authorizer.allows(received.sender, "update", touched, record.purpose if record else ""):
        raise Refusal("DG-CMD-004")
    if record is None:
        raise Refusal("DG-UPD-001")
    rules.frozen.check_change(received.sender, record.id)
    _without_approval(command, received.sender, record, rules)
    check_room(record, command.from_version)
    if core := _core(command, rules):
        said = record.intake or {}
        by = frozenset({received.sender.id, record.sender, said.get("collector")})
        wanted = Wanted(core, record.purpose, said.get("form"), by, received.at_ms)
        check_covered(wanted, _approval(command, record), approvals, place="approval")
    return change_of(in_normal_form(command.fields, catalogue), record, catalogue)


def check_room(record: Record, from_version: int) -> None:
    """Check that the record is an archive of its own, is at that version and has room for one more.

    Raises:
        Refusal: DG-CON-001, DG-SEL-001, DG-MRG-004 with the archive it is part of, DG-UPD-002 with the current version,
            DG-UPD-003.
    """
    if record.consent_state is not None:  # nothing is added under a withdrawn consent
        raise Refusal("DG-CON-001")
    refuse_sealed(record)
    if record.part_of is not None:
        raise Refusal("DG-MRG-004", detail=record.part_of)
    if record.version != from_version:
        raise Refusal("DG-UPD-002", detail=f"current version {record.version}")
    if record.history_bytes > MAX_HISTORY_BYTES:
        raise Refusal("DG-UPD-003")


def _without_approval(command: Update, sender: Principal, record: Record, rules: Rules) -> None:
    """Whether the update may be applied though nobody approved it (修改审批, clauses UPD-02, UPD-07).

    An intake that was returned to its sender is not an archive yet: he completes it, on its form.
    """
    book, event = rules.book.correction, command.event
    source = event is not None and sender.kind == "system" and f"{SOURCE_ROLE}{event}" in sender.roles
    allowed = book.event_updates.get(event, ()) if event is not None and source else ()
    others = [name for name in command.fields if name not in allowed]
    if not others:
        return
    if record.stage == "returned" and record.sender == sender.id:
        _on_its_form(command, record, rules)
    elif book.approval_required:
        raise Refusal("DG-UPD-010") if event is None else Refusal("DG-UPD-011", field=others[0])


def _on_its_form(command: Update, record: Record, rules: Rules) -> None:
    form = rules.forms.forms.get((record.intake or {}).get("form", ""))
    if form is not None:
        given = {name for name, value in command.fields.items() if value is not None}
        forms.check_fields(form, sorted(given), given | (record.fields.keys() - command.fields.keys()))


def _core(command: Update, rules: Rules) -> frozenset[str]:
    """The fields that may come in with an approval of their own only (clause COL-13)."""
    if not rules.book.collection.core_approval_required:
        return frozenset()
    levels = {name: rules.catalogue.field(name).level for name, value in command.fields.items() if value is not None}
    return frozenset(name for name, level in levels.items() if level is Level.CORE)


def _approval(command: Update, record: Record | None) -> str | None:
    """Which approval the update goes by: the one that it names, or the record's own."""
    return command.approval or ((record.intake or {}).get("approval") if record else None)


class Updater:
    """Applies batches of update commands; commands on one record in their order.

    Args:
        told: tells those who hold or read the record, before the answer goes out (clause UPD-06).
        approvals: verifies the approvals of core-sensitive collection.
    """

    def __init__(
        self,
        records: Records,
        ring: KeyRing,
        index: BlindIndex,
        rules: Rules,
        told: Told,
        approvals: KnownApprovals,
    ) -> None:
        self._records = records
        self._approvals = approvals
        self._reviser = Reviser(ring, index, rules)
        self._rules = rules
        self._told = told

    async def apply(self, batch: Sequence[Received[Update]], now: float) -> list[Outcome]:
        """Apply each command; one outcome for each, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        await self._rules.frozen.refresh()
        by_record: dict[str, list[int]] = defaultdict(list)
        for at, received in enumerate(batch):
            by_record[received.command.record].append(at)
        outcomes: dict[int, Outcome] = {}
        updated: list[Updated] = []

        async def in_order(places: list[int]) -> None:
            for at in places:
                outcomes[at] = await self._one(batch[at], updated, now)

        # All come to an end before the first error is raised (a TaskGroup would wrap it): the retry of the batch
        # must not run beside what is left of this one.
        ended = await asyncio.gather(*map(in_order, by_record.values()), return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error
        await self._told.tell(updated, now)
        return [outcomes[at] for at in range(len(batch))]

    async def _one(self, received: Received[Update], updated: list[Updated], now: float) -> Outcome:
        command = received.command
        # Each round reads anew: a lost race shows the winner's version, which decide() then answers with.
        for _round in range(8):
            record = (await self._records.get([command.record])).get(command.record)
            entries = await self._records.entries_of(command.id, command.record, by=received.sender.id)
            if entries:  # the record anew, so that it names the keys that protect them
                record = (await self._records.get([command.record])).get(command.record)
            try:
                if entries and record is not None:
                    made = await self._reviser.made(entries, record, _digest(command))
                    if made is None:
                        raise Refusal("DG-CMD-001")
                    return _accepted(received, made, record, updated)
                reference = _approval(command, record)
                approvals = await self._approvals.known({reference}, now) if reference else _NONE
                change = decide(received, record, self._rules, approvals)
                if record is None:
                    raise Refusal("DG-UPD-001")
                revision = await self._reviser.revision(change, record, _author(received))
                revised = await self._records.revise(revision)
            except DanganError as error:
                if not isinstance(error, Refusal) and error.code not in OF_THE_RECORD:
                    raise  # a dependency's failure would refuse every update there is
                event = fact(received, "update", record=command.record, allowed=False, code=error.code)
                return Outcome(refused(received, error), (event,))
            if revised:
                return _accepted(received, revision.version, record, updated)
        raise Transient("DG-STO-001", detail="the record kept changing")


def _author(received: Received[Update]) -> Authorship:
    command = received.command
    return Authorship(
        command.id,
        received.sender.id,
        received.at_ms,
        received.ingest_key,
        command.reason,
        command.evidence,
        {"event": command.event} if command.event else {},
        _digest(command),
    )


def _digest(command: Update) -> bytes:
    return hashlib.sha256(orjson.dumps(command.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)).digest()


def _accepted(received: Received[Update], version: int, record: Record, updated: list[Updated]) -> Outcome:
    command = received.command
    updated.append(Updated(record, version, tuple(command.fields), received.sender.id, received.at_ms))
    event = fact(
        received,
        "update",
        record=command.record,
        subject=record.subject,
        fields=tuple(command.fields),
        version=version,
    )
    return Outcome(Result(id=command.id, status="accepted", version=version), (event,))
