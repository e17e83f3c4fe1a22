"""Applies seal and unseal commands (封存, 解封; clause DES-11).

A seal command is carried out here. An unseal command is checked and queued: no worker's token decrypts under the root
of sealed records, so ``dangan seal open`` carries it out, after checking the signatures again (ops/seals/opening.py).

The order is written before anything is done, so a redelivered command finds it and goes on with it: what was decided
stands, answered and audited the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from consumers.approvals import Registered
from consumers.destruction.keeping import Keeping, today
from consumers.held import Belonging, OnHold, kept_by_holds
from consumers.received import OF_THE_RECORD, Outcome, Received, fact, refused
from consumers.rules import Rules
from consumers.sealing.rules import authorize, check_seal, check_unseal
from keys.ledger import LedgerStore
from keys.seal import Sealer
from schemas.audit import Fact
from schemas.errors import DanganError, Refusal
from schemas.replies import Result
from schemas.sealing import Seal, Unseal
from store.records import Records
from store.retention import Expiries
from store.seals import SealOrder, Seals

#: Of a seal or an unseal command.
Asked = Received[Any]


class SealDesk:
    """Applies batches of seal and unseal commands, one after the other: each is a decision that people signed."""

    def __init__(
        self,
        seals: Seals,
        sealer: Sealer,
        records: Records,
        holds: OnHold,
        merges: Belonging,
        ledger: LedgerStore,
        keeping: Keeping,
        expiries: Expiries,
        directory: Registered,
        rules: Rules,
    ) -> None:
        self._seals = seals
        self._sealer = sealer
        self._records = records
        self._holds = holds
        self._merges = merges
        self._ledger = ledger
        self._keeping = keeping
        self._expiries = expiries
        self._directory = directory
        self._rules = rules

    async def apply(self, batch: Sequence[Asked], now: float) -> list[Outcome]:
        """Seal what is rightly asked for, queue what is to be unsealed; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        return [await self._one(received, now) for received in batch]

    async def _one(self, received: Asked, now: float) -> Outcome:
        command, sender = received.command, received.sender.id
        members = command.model_dump(mode="json")
        try:
            order = await self._seals.order(command.id, sender)
            if order is None:
                signed = authorize(received, self._rules, self._directory, now)
                await self._check(command, now)
                names = tuple(who.id for who in signed)
                order = await self._seals.open_order(
                    SealOrder(command.id, sender, command.type, command.records, names, int(now), members)
                )
        except Refusal as refusal:
            return _refused(received, refusal)
        if order.members != members:
            return _refused(received, Refusal("DG-CMD-001"))
        if order.kind == "unseal":
            return _accepted(received, [_event(received, name, order.signers) for name in order.records])
        return await self._sealed(received, order)

    async def _check(self, command: Seal | Unseal, now: float) -> None:
        gone = await self._ledger.get(command.records)
        if isinstance(command, Unseal):
            check_unseal(command, await self._seals.sealed(command.records), gone=gone)
            return
        found = await self._records.get(command.records)
        purposes = self._rules.catalogue.purposes
        check_seal(
            command,
            found,
            held=await kept_by_holds(self._holds, self._merges, command.records, now=now),
            gone=gone,
            kept=await self._keeping.kept(command.records, now=now),
            classes={
                name: purposes[record.purpose].retention_class
                for name, record in found.items()
                if record.purpose in purposes
            },
            today=today(now),
            rules=self._rules,
        )

    async def _sealed(self, received: Asked, order: SealOrder) -> Outcome:
        failed = {} if order.state == "done" else await self._seal(order.records)
        events = [_event(received, name, order.signers, failed.get(name)) for name in order.records]
        if failed:
            name, error = next(iter(failed.items()))
            told = Refusal(error.code, field=name)
            return Outcome(refused(received, told), tuple(events))
        await self._expiries.remove(order.records)
        await self._seals.done(order)
        return _accepted(received, events)

    async def _seal(self, records: Sequence[str]) -> dict[str, DanganError]:
        """Seal them together; where one does not let itself be sealed, each by itself. Record -> why not."""
        try:
            await self._sealer.seal(records)
        except DanganError as error:
            if not _of_one(error):
                raise
        else:
            return {}
        failed: dict[str, DanganError] = {}
        for record in records:
            try:
                await self._sealer.seal([record])
            except DanganError as error:
                if not _of_one(error):
                    raise
                failed[record] = error
        return failed


def _of_one(error: DanganError) -> bool:
    """Whether it concerns a record and no dependency, whose failure would refuse everything."""
    return isinstance(error, Refusal) or error.code in OF_THE_RECORD


def _refused(received: Asked, refusal: Refusal) -> Outcome:
    return Outcome(refused(received, refusal), (_event(received, None, (), refusal),))


def _accepted(received: Asked, events: Sequence[Fact]) -> Outcome:
    return Outcome(Result(id=received.command.id, status="accepted"), tuple(events))


def _event(received: Asked, record: str | None, approvers: tuple[str, ...], error: DanganError | None = None) -> Fact:
    """One event for a refused command; one for each record of another. Of an unsealing: that it was applied for."""
    command = received.command
    if record is None and len(command.records) == 1 and error is not None and error.code != "DG-COL-007":
        record = command.records[0]
    code = None if error is None else error.code
    found = fact(received, command.type, record=record, allowed=error is None, code=code, approvers=approvers)
    if command.type == "unseal":
        found.verb = "apply"
    return found
