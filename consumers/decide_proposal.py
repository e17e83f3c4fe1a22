"""Decisions on proposed corrections (修改审批, clause UPD-02): approved by signature, applied by the custodian.

An approved proposal is claimed, becomes a new version of the record by the same conditional write as an update, and is
closed. A crash in between leaves the claim: the redelivered command goes on from there, any other is told to wait,
unless the claim came to its end without it (consumers/claims.py). A proposal was made against one version; once the
record has another, the decision gets the conflict with the current version, and the proposal stays open. Rejected ones
keep the reason, encrypted, and lose their values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import orjson

from consumers.approvals import Registered, signers
from consumers.claims import Claims
from consumers.notify import Told, Updated
from consumers.propose import opened, reason_of
from consumers.received import OF_THE_RECORD, Outcome, Received, fact, refused
from consumers.revise import Authorship, Reviser, change_of
from consumers.rules import Rules
from consumers.update import check_room
from keys.cipher import FieldCipher
from keys.index import BlindIndex
from keys.ring import KeyRing
from schemas.audit import Fact
from schemas.commands import Decide
from schemas.errors import DanganError, Refusal, Transient
from schemas.levels import Level, highest
from schemas.replies import Result
from schemas.values import looks_personal
from store.proposals import Claim, Proposal, Proposals
from store.record import Record
from store.records import Records

#: What the cipher binds the reason of a rejection to, together with the proposal's id.
_VERDICT = "_verdict.{}"


def decide(
    received: Received[Decide],
    proposal: Proposal | None,
    record: Record | None,
    rules: Rules,
    directory: Registered,
    now: float,
) -> Claim:
    """Check one decision.

    Nobody decides on the own proposal: the proposer may not be one of the signers, nor, where no post has to sign,
    the custodian who decides alone.

    Raises:
        Refusal: DG-CMD-004, DG-COL-005, DG-COL-007, DG-COR-001 to 004, DG-COR-007, DG-APR-001 to 007, DG-UPD-002 (with
            the current version), DG-UPD-003, DG-INC-001, 002.
    """
    command, sender, posts = received.command, received.sender, rules.book.approval.update
    if looks_personal(command.record):
        raise Refusal("DG-COL-007")
    level = highest(set(proposal.levels.values())) if proposal else Level.BASIC
    if not rules.authorizer.allows(sender, "decide", level, record.purpose if record else ""):
        raise Refusal("DG-CMD-004")
    if proposal is None or proposal.record != command.record:
        raise Refusal("DG-COR-001")
    rules.frozen.check_change(sender, command.record)
    if proposal.state in ("approved", "rejected"):
        raise Refusal("DG-COR-002")
    if proposal.state == "claimed":
        raise Refusal("DG-COR-004")
    signed = signers(
        command,
        action="approve-update",
        requester=sender.id,
        posts=posts,
        directory=directory,
        authorizer=rules.authorizer,
        now=now,
    )
    if proposal.by in {who.id for who in signed} or (not posts and sender.id == proposal.by):
        raise Refusal("DG-COR-003")
    if command.verdict == "approved":
        if record is None or proposal.values is None:
            raise Refusal("DG-COR-007")
        check_room(record, proposal.version)
    return Claim(command.id, sender.id, tuple(who.id for who in signed), since=int(now))


class Decider:
    """Applies batches of decide commands, one after the other.

    Args:
        told: tells those who hold or read the record, before the answer goes out (clause UPD-06).
    """

    def __init__(
        self,
        records: Records,
        proposals: Proposals,
        ring: KeyRing,
        index: BlindIndex,
        rules: Rules,
        directory: Registered,
        told: Told,
    ) -> None:
        self._records = records
        self._proposals = proposals
        self._ring = ring
        self._reviser = Reviser(ring, index, rules)
        self._rules = rules
        self._directory = directory
        self._told = told
        self._claims = Claims(records, proposals, told)

    async def apply(self, batch: Sequence[Received[Decide]], now: float) -> list[Outcome]:
        """Take each decision; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        await self._rules.frozen.refresh()
        return [await self._one(received, now) for received in batch]

    async def _one(self, received: Received[Decide], now: float) -> Outcome:
        found: list[Fact] = []
        outcome = await self._decided(received, now, found)
        outcome.facts = (*found, *outcome.facts)
        return outcome

    async def _decided(self, received: Received[Decide], now: float, found: list[Fact]) -> Outcome:
        """Take one decision; ``found`` gets the events of what others left and this one brought to an end."""
        command = received.command
        # Each round reads anew: a lost race shows who won, which decide() then answers with.
        for _round in range(8):
            # The record first: where it shows what this very command did elsewhere, the proposal shows the claim.
            record = (await self._records.get([command.record])).get(command.record)
            proposal = await self._proposals.get(command.proposal)
            if proposal is not None and _taken_by(proposal, received):
                claim = proposal.claim
            else:
                try:
                    claim = decide(received, proposal, record, self._rules, self._directory, now)
                    if proposal is None:
                        raise Refusal("DG-COR-001")
                    if command.verdict == "rejected":
                        claim = replace(claim, reason=await self._sealed_reason(received, record))
                except DanganError as error:
                    if proposal is not None and error.code == "DG-COR-004":
                        settled = await self._claims.settle(proposal, record, now)
                        if settled is not None:
                            found += settled
                            continue
                    return _refused_or_raised(received, error)
                swap = self._proposals.claim if command.verdict == "approved" else self._proposals.reject
                if not await swap(proposal.id, claim):
                    continue
            assert claim is not None  # noqa: S101 - for the type checker: a proposal taken by somebody has a claim
            if command.verdict == "rejected":
                # Who destroys the record may have looked for ciphertexts just before the reason became one.
                if claim.reason is not None and not await self._records.get([command.record]):
                    await self._proposals.erase([command.record])
                return _rejected(received, proposal, claim)
            return await self._apply(received, proposal, claim, record, now)
        raise Transient("DG-STO-001", detail="the proposal kept changing")

    async def _apply(
        self, received: Received[Decide], proposal: Proposal, claim: Claim, record: Record | None, now: float
    ) -> Outcome:
        """Make the claimed proposal a version of the record, or find that it is one."""
        version = claim.version or await self._version_made(received)
        if not version:
            try:
                version = await self._revise(received, proposal, claim, record)
            except DanganError as error:
                outcome = _refused_or_raised(received, error)
                # The same command may be at work in another worker, which took over this one's messages. The record is
                # past the proposal's version: by its history the other one has applied it, or nobody ever will.
                version = await self._version_made(received)
                if not version:
                    await self._proposals.release(proposal.id, claim)
                    return outcome
        if record is not None:
            update = Updated(record, version, tuple(proposal.levels), received.sender.id, received.at_ms)
            await self._told.tell([update], now)
        await self._proposals.approve(proposal.id, claim, version)
        return _applied(received, proposal, claim, record, version)

    async def _version_made(self, received: Received[Decide]) -> int:
        command = received.command
        entries = await self._records.entries_of(command.id, command.record, by=received.sender.id)
        # Of this very proposal: under the same id the sender may have updated the record, or decided on another.
        return next((entry["version"] + 1 for entry in entries if entry.get("proposal") == command.proposal), 0)

    async def _revise(self, received: Received[Decide], proposal: Proposal, claim: Claim, record: Record | None) -> int:
        """Write the new version.

        Returns:
            Its number.

        Raises:
            Refusal: DG-COR-007, DG-UPD-002 or 003, DG-COL-005.
            DanganError: DG-KEY-003 to 005 when the record's keys are gone.
        """
        if record is None:
            raise Refusal("DG-COR-007")
        check_room(record, proposal.version)
        deks = (await self._ring.open({record.id: record.keys}))[record.id]
        change = change_of(opened(proposal, deks), record, self._rules.catalogue)
        author = Authorship(
            claim.command,
            claim.by,
            received.at_ms,
            proposal.ingest_key,
            reason_of(proposal, deks),
            proposal.evidence,
            {"proposal": proposal.id, "proposed_by": proposal.by, "approved_by": list(claim.approvers)},
        )
        revision = replace(await self._reviser.revision(change, record, author), claim=claim.token)
        if await self._records.revise(revision):
            return revision.version
        now = (await self._records.get([record.id])).get(record.id)
        if now is None:
            raise Refusal("DG-COR-007")
        if now.version == record.version:  # a proposal has brought it a key, or an act another stage: try again
            if await self._records.is_given_up(record.id, claim.token):  # and who did so may have died before releasing
                await self._proposals.release(proposal.id, claim)
                raise Transient("DG-STO-001", detail="the proposal kept changing")
            return await self._revise(received, proposal, claim, now)
        raise Refusal("DG-UPD-002", detail=f"current version {now.version}")

    async def _sealed_reason(self, received: Received[Decide], record: Record | None) -> bytes | None:
        """The reason of a rejection under the record's highest key; None when nobody could read it."""
        if record is None:
            return None
        level = highest(set(record.keys))
        try:
            deks = (await self._ring.open({record.id: {level: record.keys[level]}}))[record.id]
        except DanganError as error:
            if error.code not in OF_THE_RECORD:
                raise
            return None
        name = _VERDICT.format(received.command.proposal)
        return FieldCipher(deks[level], record.id, level).seal(name, 1, orjson.dumps(received.command.reason))


def _taken_by(proposal: Proposal, received: Received[Decide]) -> bool:
    """Whether the proposal was claimed or decided by this very command, before a crash or a replay."""
    claim, command = proposal.claim, received.command
    if claim is None or proposal.record != command.record:
        return False
    verdict = "rejected" if proposal.state == "rejected" else "approved"
    return claim.command == command.id and claim.by == received.sender.id and command.verdict == verdict


def _applied(
    received: Received[Decide], proposal: Proposal, claim: Claim, record: Record | None, version: int
) -> Outcome:
    event = fact(
        received,
        "update",
        record=proposal.record,
        subject=record.subject if record else None,
        fields=tuple(proposal.levels),
        version=version,
        approvers=claim.approvers,
    )
    return Outcome(Result(id=received.command.id, status="accepted", version=version), (event,))


def _rejected(received: Received[Decide], proposal: Proposal, claim: Claim) -> Outcome:
    event: Fact = fact(received, "approve", record=proposal.record, approvers=claim.approvers)
    return Outcome(Result(id=received.command.id, status="accepted"), (replace(event, verb="reject"),))


def _refused_or_raised(received: Received[Decide], error: DanganError) -> Outcome:
    if not isinstance(error, Refusal) and error.code not in OF_THE_RECORD:
        raise error  # a dependency's failure would refuse every decision there is
    event = fact(received, "approve", record=received.command.record, allowed=False, code=error.code)
    return Outcome(refused(received, error), (event,))
