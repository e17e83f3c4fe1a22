"""Claims on proposals that nobody comes back for (修改审批, clause UPD-02).

A decision claims its proposal, makes the record's next version, and closes the proposal. Its worker may die in between,
and its message may never be taken again, because its sender's key was revoked or the sender is gone. So whoever meets
the claim of somebody else asks the record what became of it:

- its history holds the claim's version: the proposal is closed with it;
- it holds another version by now, or is destroyed: the claim can never be applied, and is released;
- neither, and the claim is old: it is given up, then released. The record is told first. The worker may only have
  been slow, and must not apply what somebody else rejects meanwhile.
"""

from __future__ import annotations

from typing import Final

from consumers.notify import Told, Updated
from schemas.audit import Fact
from store.proposals import Claim, Proposal, Proposals
from store.record import Record
from store.records import Records

#: How long a claim may be at work before it can be given up, seconds.
PATIENCE_S: Final = 600


class Claims:
    """Brings claims to an end that others left."""

    def __init__(self, records: Records, proposals: Proposals, told: Told) -> None:
        self._records = records
        self._proposals = proposals
        self._told = told

    async def settle(self, proposal: Proposal, record: Record | None, now: float) -> tuple[Fact, ...] | None:
        """Close or release a claimed proposal, if that is what became of its claim.

        Args:
            record: the proposal's, as it was read before the proposal.
            now: UNIX seconds.

        Returns:
            None where the claim stands and has to be waited for. Otherwise the proposal is to be read anew, and the
            audit event of the version that was found is to be recorded: its own worker did not come to that.
        """
        claim = proposal.claim
        if claim is None:
            return ()
        entries = await self._records.entries_of(claim.command, proposal.record, by=claim.by)
        made = next((entry for entry in entries if entry.get("proposal") == proposal.id), None)
        if made is not None and record is not None:
            version = made["version"] + 1
            update = Updated(record, version, tuple(proposal.levels), claim.by, made["at"])
            await self._told.tell([update], now)
            closed = await self._proposals.approve(proposal.id, claim, version)
            return (_event(proposal, claim, record, version, made["at"]),) if closed else ()
        # Read before the history, which does not hold the claim's version: from then on it cannot come to be.
        if record is not None and record.version == proposal.version:
            if now - (claim.since or 0) < PATIENCE_S:
                return None
            if not await self._records.give_up(record.id, proposal.version, claim.token):
                return ()  # it was applied just now, or the record changed otherwise
        await self._proposals.release(proposal.id, claim)
        return ()


def _event(proposal: Proposal, claim: Claim, record: Record, version: int, at_ms: int) -> Fact:
    """The event of the decision that made the version; where its message stood is not known any more."""
    return Fact(
        command_id=claim.command,
        action="update",
        allowed=True,
        code=None,
        actor=claim.by,
        at_ms=at_ms,
        record=record.id,
        subject=record.subject,
        fields=tuple(proposal.levels),
        version=version,
        approvers=claim.approvers,
    )
