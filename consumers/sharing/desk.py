"""Applies the commands of sharing: each step is a compare-and-swap on the share, and audited before it is answered.

Of two signatures, receipts or recalls at once each counts; a redelivered command finds its step and answers the same. A
redelivered ``deliver`` makes its package again: it is sealed anew, and both digests are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from consumers.approvals import Registered
from consumers.reading.shelf import Shelf
from consumers.received import Outcome, Received, fact, refused
from consumers.rules import Rules
from consumers.sharing import asking, closing, delivering
from consumers.sharing.asking import Sight, decide_share
from consumers.sharing.endorsing import decide_endorse
from consumers.sharing.packing import Row, Sealing, content_of
from consumers.sharing.ports import AgreementStore, ConsentStore, RecordStore, ShareStore
from consumers.sharing.pseudonyms import pseudonyms_for
from consumers.use.attested import Attested
from keys.pages import Page
from keys.vault import Transit
from keys.watermark import Marker, marker_from
from schemas.approvals import digest_of
from schemas.audit import Fact, Verb
from schemas.errors import Refusal, Transient
from schemas.principals import Principal, PublicKey
from schemas.replies import Result
from schemas.sharing import Acknowledge, ConfirmDeletion, Deliver, EndorseShare, RecallShare, Share
from store.record import Record
from store.shares import PREFIX, Delivery, Shared

_ROUNDS: Final = 12
_VERBS: Final[Mapping[str, Verb]] = {
    "share": "apply", "endorse_share": "endorse", "deliver": "deliver", "acknowledge": "acknowledge",
    "recall_share": "recall", "confirm_deletion": "delete",
}  # fmt: skip
_SIGNED: Final[Mapping[str, Verb]] = {"approve-share": "endorse", "reject-share": "reject", "opine": "opine"}


class Stores(NamedTuple):
    """What the desk reads and writes."""

    shares: ShareStore
    agreements: AgreementStore
    consents: ConsentStore
    reads: RecordStore


class SharingDesk:
    """Applies batches of such commands, one after the other: they are few.

    Args:
        stores: shares, agreements, consents, records.
        shelf: opens what may be shared.
        directory: who is registered.
        rules: catalogue, policies and rule book.
        vault: gives the keys of watermarks and pseudonyms.
        sealing: makes packages.
        attested: the archive's signatures on shares.
    """

    def __init__(
        self,
        stores: Stores,
        shelf: Shelf,
        directory: Registered,
        rules: Rules,
        vault: Transit,
        sealing: Sealing,
        attested: Attested,
    ) -> None:
        self._stores = stores
        self._shelf = shelf
        self._directory = directory
        self._rules = rules
        self._vault = vault
        self._sealing = sealing
        self._attested = attested
        self._marker: Marker | None = None

    async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
        """Do what is rightly asked for; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        await self._rules.frozen.refresh()
        does: Mapping[str, Callable[[Received[Any], float], Awaitable[Outcome]]] = {
            "share": self._apply,
            "endorse_share": self._endorse,
            "deliver": self._deliver,
            "acknowledge": self._acknowledge,
            "recall_share": self._recall,
            "confirm_deletion": self._confirm,
        }
        outcomes = []
        for received in batch:
            try:
                outcomes.append(await does[received.command.type](received, now))
            except Refusal as refusal:
                outcomes.append(_refused(received, refusal))
        return outcomes

    async def _apply(self, received: Received[Share], _now: float) -> Outcome:
        command = received.command
        asking.check_references(command)
        await self._attested.fresh()
        share = await self._stores.shares.get(command.id)
        if share is None:
            found, _ = await self._stores.reads.fetch(command.records, ())
            share = await self._attested.share(decide_share(received, await self._sight(command, found)))
            if not await self._stores.shares.add(share):  # who took over was quicker
                share = await self._stores.shares.get(command.id)
        own = (received.sender.id, digest_of(command, received.sender.id))
        if share is None or (share.applicant, share.digest) != own:
            raise Refusal("DG-CMD-001")
        await self._attested.check_share(share)
        return _done(received, share, "apply")

    async def _endorse(self, received: Received[EndorseShare], now: float) -> Outcome:
        for _round in range(_ROUNDS):
            await self._attested.fresh()
            share = await self._stores.shares.get(received.command.share)
            if share is not None:
                await self._attested.check_share(share)
            endorsed = decide_endorse(received, share, self._directory, self._rules, now)
            signed = endorsed.share if endorsed.again else await self._attested.share(endorsed.share)
            if endorsed.again or (share is not None and await self._stores.shares.swap(share, signed)):
                return _done(received, endorsed.share, _SIGNED[endorsed.step.action], approvers=(endorsed.step.by,))
        raise Transient("DG-STO-001")

    async def _deliver(self, received: Received[Deliver], now: float) -> Outcome:
        share = await self._genuine(received.command.share)
        command = Share.model_validate(share.request)
        levels = {self._rules.catalogue.field(name).level for name in command.fields}
        found, pages = await self._stores.reads.fetch(command.records, levels)
        sight = await self._sight(command, found)
        recipient = delivering.decide_deliver(received, share, sight, now)
        rows, package = await self._package(received, share, sight, recipient, pages, now)
        digest = hashlib.sha256(package.encode()).hexdigest()
        share = await self._noted(received, share, recipient, digest, now)
        outcome = _done(received, share, "deliver", approvers=tuple(step.by for step in share.approved), digest=digest)
        outcome.result.values = {"package": package, "sha256": digest, "recipient": recipient.id}
        return replace(outcome, facts=(*outcome.facts, *(_opened(received, share, row, found) for row in rows)))

    async def _package(
        self,
        received: Received[Deliver],
        share: Shared,
        sight: Sight,
        recipient: Principal,
        pages: Mapping[str, Page],
        now: float,
    ) -> tuple[list[Row], str]:
        """Open the records and seal what was approved of them to the recipient."""
        applicant = self._directory.principal(share.applicant)
        rows = await delivering.opened(share, applicant, sight.found, pages, self._shelf, self._rules)
        if self._marker is None:
            self._marker = await marker_from(self._vault)
        pseudonyms = None
        if share.request["form"] == "pseudonymised":
            pseudonyms = await pseudonyms_for(self._vault, recipient=recipient.id, share=share.id)
        at, name = received.at_ms // 1000, received.command.id
        content = content_of(
            share,
            rows,
            package=name,
            at=at,
            watermark=self._marker.token(name, at, received.sender.id, share.grant),
            agreement=sight.agreement,
            pseudonyms=pseudonyms,
            rules=self._rules,
        )
        return rows, self._sealing.seal(content, recipient=_key_of(recipient, now), package=name, at=int(now))

    async def _noted(
        self, received: Received[Deliver], share: Shared, recipient: Principal, digest: str, now: float
    ) -> Shared:
        """Note the package before anybody has it: a recall in between stops it."""
        signing = tuple(key.x for key in recipient.signing_keys if key.valid_at(now))
        made = Delivery(received.command.id, received.sender.id, digest, int(now), _key_of(recipient, now).kid, signing)
        for _round in range(_ROUNDS):
            state = "delivered" if share.state == "approved" else share.state
            changed = replace(share, deliveries=(*share.deliveries, made), state=state)
            if await self._stores.shares.swap(share, changed):
                return changed
            share = await self._genuine(share.id)
            delivering.check_state(share, now)
        raise Transient("DG-STO-001")

    async def _acknowledge(self, received: Received[Acknowledge], now: float) -> Outcome:
        return await self._changed(received, lambda share: closing.acknowledged(received, share, now))

    async def _recall(self, received: Received[RecallShare], now: float) -> Outcome:
        return await self._changed(received, lambda share: closing.recalled(received, share, self._rules, now))

    async def _confirm(self, received: Received[ConfirmDeletion], now: float) -> Outcome:
        return await self._changed(received, lambda share: closing.confirmed(received, share, now))

    async def _changed(self, received: Received[Any], step: Callable[[Shared], Shared]) -> Outcome:
        """Take a step; one that was taken before leaves the share as it is."""
        for _round in range(_ROUNDS):
            share = await self._known(received.command.share)
            changed = step(share)
            if changed is share or await self._stores.shares.swap(share, changed):
                return _done(received, changed, _VERBS[received.command.type])
        raise Transient("DG-STO-001")

    async def _known(self, name: str) -> Shared:
        share = await self._stores.shares.get(name)
        if share is None:
            raise Refusal("DG-SHR-050", field="share")
        return share

    async def _genuine(self, name: str) -> Shared:
        """A share that something may leave the house by; one that has left is recalled and closed whatever it is."""
        await self._attested.fresh()
        share = await self._known(name)
        await self._attested.check_share(share)
        return share

    async def _sight(self, command: Share, found: Mapping[str, Record]) -> Sight:
        agreement = await self._stores.agreements.get(command.agreement) if command.agreement else None
        subjects = {record.subject for record in found.values()}
        agreed: set[str] = set()
        if subjects and command.purpose and command.recipient:
            agreed = await self._stores.consents.agreed(subjects, purpose=command.purpose, recipient=command.recipient)
        return Sight(found, agreement, agreed, self._directory, self._rules)


def _key_of(recipient: Principal, now: float) -> PublicKey:
    key = recipient.receiving_key(now)
    if key is None:
        raise Refusal("DG-SHR-010", field="recipient")
    return key


def _done(
    received: Received[Any], share: Shared, verb: Verb, *, approvers: tuple[str, ...] = (), digest: str | None = None
) -> Outcome:
    request = share.request
    made = fact(
        received,
        "share",
        grant=share.grant,
        purpose=request["purpose"],
        fields=tuple(request["fields"]),
        level=share.level,
        approvers=approvers,
    )
    event = replace(made, verb=verb, reader=request["recipient"], digest=digest or share.digest)
    return Outcome(Result(id=received.command.id, status="accepted"), (event,))


def _opened(received: Received[Deliver], share: Shared, row: Row, found: Mapping[str, Record]) -> Fact:
    """Who has had which record is asked of the audit stream by record: each that was sent leaves an event."""
    request, record = share.request, found[row.record]
    made = fact(
        received,
        "access",
        record=row.record,
        subject=row.subject,
        fields=tuple(request["fields"]),
        level=share.level,
        purpose=request["purpose"],
        grant=share.grant,
        version=record.version,
    )
    return replace(made, verb="deliver", reader=request["recipient"])


def _refused(received: Received[Any], refusal: Refusal) -> Outcome:
    command = received.command
    name = command.id if command.type == "share" else command.share
    event = fact(
        received,
        "share",
        allowed=False,
        code=refusal.code,
        grant=None if refusal.code == "DG-COL-007" else PREFIX + name,
    )
    return Outcome(refused(received, refusal), (replace(event, verb=_VERBS[command.type]),))
