"""Destruction (销毁) by command: approvals are verified, then the records are forgotten.

After this the live system cannot read the records. The sweep (``dangan sweep``) then makes every old copy
unreadable and issues the certificate. An archive is destroyed with all that was merged into it and with the duplicates
that wait beside it (ARR-13): the request names them, since approvers sign what it names.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Final, Protocol

from consumers.approvals import destruction_signed_by
from consumers.authorize import Authorizer
from consumers.destruction.keeping import today
from consumers.destruction.rules import Kept, check_application, check_kept, check_posts
from consumers.directory import Directory
from consumers.held import kept_by_holds
from consumers.received import Outcome, Received, fact, refused
from consumers.rules import Rules
from keys.approvals import Signatories, request_digest
from keys.ledger import Entry, Order
from schemas.approvals import digest_of
from schemas.commands import Destroy
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.replies import Result
from schemas.values import looks_personal
from store.holds import Holds
from store.merges import Merges
from store.record import Occupied
from store.records import Records

_NOTHING: Final[Mapping[str, Kept]] = MappingProxyType({})


class Forgetter(Protocol):
    """The key hierarchy's side of a destruction (keys/forget.py)."""

    async def forget(self, records: Collection[str], order: Order, *, at: int) -> None:
        """Forget the records: ledger, keys, ciphertexts. Repeatable; durable when it returns.

        Raises:
            Refusal: DG-DES-005 when one is held; none is forgotten then.
        """


class KeepingRecords(Protocol):
    """What keeps records, besides legal holds (consumers/destruction/keeping.py)."""

    async def kept(self, records: Collection[str], *, now: float) -> dict[str, Kept]:
        """What the retention rules say of those that live."""

    async def remember(self, records: Collection[str], *, at: int) -> None:
        """Keep what is known of their papers, before they are gone."""


class Entries(Protocol):
    """What the destruction ledger knows (store/ledger.py)."""

    async def get(self, records: Collection[str]) -> dict[str, Entry]:
        """The entries of those records that have one."""


def decide(
    received: Received[Destroy],
    standing: Mapping[str, Occupied],
    entries: Mapping[str, Entry],
    held: Mapping[str, str],
    directory: Directory,
    rules: Rules,
    now: float,
    kept: Mapping[str, Kept] = _NOTHING,
) -> Signatories:
    """Check one destroy command; all its records are destroyed, or none.

    Args:
        received: the command.
        standing: those of its records that live.
        entries: what the ledger knows of them.
        held: those that a legal hold keeps, and the record that it was placed on.
        directory: who is registered.
        rules: who may approve, and what a destruction takes.
        now: UNIX seconds.
        kept: what the retention rules say of its records.

    Returns:
        Who signed it.

    Raises:
        Refusal: DG-DES-001 to 007, 020 to 033 (consumers/destruction/rules.py); DG-INC-001 or 002 for what is frozen.
    """
    command, requester = received.command, received.sender.id
    check_application(command, requester, rules.book.destroy)
    signed = destruction_signed_by(
        command, requester=requester, directory=directory, authorizer=rules.authorizer, now=now
    )
    check_posts(command, signed, rules.book.approval.destroy, rules.book.destroy, directory.principal)
    if rules.frozen.principal(received.sender):
        raise Refusal("DG-INC-001")
    for record in command.records:
        if rules.frozen.record(record):  # evidence of an incident stays (SEC-11)
            raise Refusal("DG-INC-002", detail=record)
        if record in entries:
            raise Refusal("DG-DES-007", detail=record)
        if record not in standing:
            raise Refusal("DG-DES-006", detail=record)
        if record in held:
            raise Refusal("DG-DES-005", detail=held[record])
    check_kept(command, kept, today(now), rules.book.destroy)
    return signed


def kept_from(
    holds: Holds,
    merges: Merges,
    clock: Callable[[], float],
    needs: Callable[[Collection[str], date], Awaitable[Mapping[str, str]]] | None = None,
) -> Callable[[Collection[str]], Awaitable[set[str]]]:
    """What keeps records from being destroyed, as the key hierarchy asks at its last moment (keys/forget.py).

    Legal holds, also on what a record belongs to, recorded needs, and parts that joined since the request was decided.
    Who records a need, as who places a hold, looks at the ledger after it is durable (ops/destructions/requests.py). A
    merge looks at the ledger after it has written its link, and this looks for links after the ledger is written: one
    of the two sees the other.
    """

    async def kept(records: Collection[str]) -> set[str]:
        held = await kept_by_holds(holds, merges, records, now=clock())
        needed = {} if needs is None else await needs(records, today(clock()))
        return set(held.values()) | set(needed) | await merges.unnamed(records, queued=False)

    return kept


def authorize(received: Received[Destroy], authorizer: Authorizer) -> None:
    """What is checked before anything is looked up.

    Raises:
        Refusal: DG-COL-007, DG-CMD-004.
    """
    if any(looks_personal(record) for record in received.command.records):
        raise Refusal("DG-COL-007")
    if not authorizer.allows(received.sender, "destroy", Level.CORE, "destruction"):
        raise Refusal("DG-CMD-004")


class Destroyer:
    """Applies batches of destroy commands, one after the other: they are few, and each may be large."""

    def __init__(
        self,
        records: Records,
        holds: Holds,
        ledger: Entries,
        forgetter: Forgetter,
        directory: Directory,
        rules: Rules,
        merges: Merges,
        keeping: KeepingRecords,
    ) -> None:
        self._merges = merges
        self._records = records
        self._holds = holds
        self._ledger = ledger
        self._forgetter = forgetter
        self._directory = directory
        self._rules = rules
        self._keeping = keeping

    async def apply(self, batch: Sequence[Received[Destroy]], now: float) -> list[Outcome]:
        """Forget what is rightly asked for; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        return [await self._one(received, now) for received in batch]

    async def _one(self, received: Received[Destroy], now: float) -> Outcome:
        command = received.command
        entries = await self._ledger.get(command.records)
        begun = next((entry.order for entry in entries.values() if _same(entry.order, received)), None)
        if begun is not None:  # accepted before a crash: what was decided then stands
            return await self._forget(received, begun, now)  # a hold since then is seen there
        try:
            authorize(received, self._rules.authorizer)
            await self._rules.frozen.refresh(anew=True)
            signed = decide(
                received,
                await self._records.occupied(command.records),
                entries,
                await kept_by_holds(self._holds, self._merges, command.records, now=now),
                self._directory,
                self._rules,
                now,
                await self._keeping.kept(command.records, now=now),
            )
            await self._all_named(command.records)
        except Refusal as refusal:
            return _refused(received, refusal)
        order = Order(
            command=command.id,
            requester=received.sender.id,
            ground=command.ground,
            approvals=command.approvals,
            at=int(now),
            reason=command.reason,
            records=command.records,
            approvers=signed.approvers,
            application=command.application,
            others=signed.others,
        )
        await self._keeping.remember(command.records, at=int(now))
        return await self._forget(received, order, now)

    async def _all_named(self, records: Sequence[str]) -> None:
        """Check that a request names what belongs to its records.

        Raises:
            Refusal: DG-MRG-005 with what it has to name too.
        """
        if unnamed := await self._merges.unnamed(records):
            raise Refusal("DG-MRG-005", detail=", ".join(sorted(unnamed)))

    async def _forget(self, received: Received[Destroy], order: Order, now: float) -> Outcome:
        command = received.command
        try:
            try:
                await self._forgetter.forget(command.records, order, at=int(now))
            except Refusal:
                await self._all_named(command.records)  # not a hold but a part that joined meanwhile
                raise
        except Refusal as refusal:
            return _refused(received, refusal)
        names = tuple(who.id for who in order.approvers)
        events = tuple(fact(received, "destroy", record=record, approvers=names) for record in command.records)
        return Outcome(Result(id=command.id, status="accepted"), events)


def _refused(received: Received[Destroy], refusal: Refusal) -> Outcome:
    # One event for the command: one for each of 256 records would let a bundle flood the stream.
    records = received.command.records
    event = fact(
        received, "destroy", record=records[0] if len(records) == 1 else None, allowed=False, code=refusal.code
    )
    return Outcome(refused(received, refusal), (event,))


def _same(order: Order, received: Received[Destroy]) -> bool:
    """Whether the order is this very command's: another one with its id could name records nobody approved."""
    if order.command != received.command.id or order.requester != received.sender.id:
        return False
    try:
        return request_digest(order) == digest_of(received.command, received.sender.id)
    except Refusal:
        return False
