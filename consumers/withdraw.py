"""Withdrawal of consent (撤回同意): from now on nothing is collected under it, and what rests on it alone is not read.

Order: the withdrawal is durable, then the records are marked (store/consents.py). Marked records wait for their
destruction, which two people approve as every other one; ``dangan collection withdrawn`` lists them for the request.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from consumers.received import Outcome, Received, fact, refused
from consumers.rules import Rules
from schemas.commands import Withdraw
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.references import looks_personal
from schemas.replies import Result
from store.consents import Consented, Consents, Withdrawal, key_of

#: The role of the people who take withdrawals for customers of any system.
PRIVACY = "privacy"


def decide(received: Received[Withdraw], consent: Consented | None, users: Collection[str], rules: Rules) -> None:
    """Check who withdraws: a system that collected under the consent, or somebody of the privacy desk.

    A withdrawal may overtake the collect that it is about; of a consent that nobody has used yet any business system
    may tell.

    Args:
        received: the command.
        consent: what is known of the consent.
        users: who collected live records under it.
        rules: what the organisation set.

    Raises:
        Refusal: DG-COL-007 or DG-CMD-004.
    """
    command, sender = received.command, received.sender
    if looks_personal(command.subject) or looks_personal(command.consent):
        raise Refusal("DG-COL-007")
    if not rules.authorizer.allows(sender, "withdraw", Level.BASIC, ""):
        raise Refusal("DG-CMD-004")
    if PRIVACY in sender.roles:
        return
    known = set(users)
    if consent is not None:
        known |= {consent.sender} if consent.sender else set()
        known |= {consent.withdrawal.sender} if consent.withdrawal else set()
    if known and sender.id not in known:
        raise Refusal("DG-CMD-004")


class Withdrawer:
    """Applies batches of withdraw commands.

    Args:
        consents: where consents stand, and the records under them.
        rules: what the organisation set.
    """

    def __init__(self, consents: Consents, rules: Rules) -> None:
        self._consents = consents
        self._rules = rules

    async def apply(self, batch: Sequence[Received[Withdraw]], now: float) -> list[Outcome]:  # noqa: ARG002 - kept as sent
        """Withdraw each; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        return [await self._one(received) for received in batch]

    async def _one(self, received: Received[Withdraw]) -> Outcome:
        command = received.command
        key = key_of(command.subject, command.consent)
        known = (await self._consents.get([key])).get(key)
        users = await self._consents.users(command.subject, command.consent)
        try:
            decide(received, known, users, self._rules)
        except Refusal as refusal:
            event = fact(received, "withdraw", allowed=False, code=refusal.code)
            return Outcome(refused(received, refusal), (event,))
        mine = Withdrawal(command.withdrawn_at, command.id, received.sender.id, received.at_ms)
        standing = await self._consents.withdraw(command.subject, command.consent, mine)
        # What was inserted up to the withdrawal is found here; what comes later finds the withdrawal itself.
        blocked = await self._consents.block(command.subject, command.consent)
        return _outcome(received, mine, standing, blocked)


def _outcome(received: Received[Withdraw], mine: Withdrawal, standing: Withdrawal, blocked: Sequence[str]) -> Outcome:
    """Accepted, at a redelivery too; a repetition changes nothing. An event for the consent and one for each record."""
    command = received.command
    code = None
    if standing != mine:
        same = (standing.command, standing.sender) == (mine.command, mine.sender)
        code = "DG-CMD-002" if same else "DG-CON-004"
    result = Result(id=command.id, status="duplicate" if code else "accepted", code=code)
    events = [fact(received, "withdraw", subject=command.subject, code=code)]
    events += [
        fact(received, "withdraw", record=record, subject=command.subject, code=code) for record in sorted(blocked)
    ]
    # Named, so that a restore from an older backup withdraws it again, also where no record rests on it yet.
    return Outcome(result, tuple(replace(event, consent=command.consent) for event in events))
