"""Collecting under a consent: it stands for one purpose and one text, and ends when it is withdrawn.

A consent is claimed before anything is stored, and looked at once more behind the insert; see store/consents.py for why
no withdrawal can slip in between. Commands that name no consent cost nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from consumers import lawful_consent
from consumers.received import Received
from consumers.rules import Rules
from schemas.commands import Collect
from schemas.errors import Refusal
from schemas.intake import Intake
from store.consents import Consented, Consents, key_of
from store.record import Record

_NOTHING_SAID = Intake()


def rests_on_consent(command: Collect, rules: Rules) -> bool:
    """Whether the consent is the only basis: without it nothing of this may be kept (COL-04)."""
    if command.consent is None:
        return False
    return lawful_consent.needed(command.legal_basis, command.intake or _NOTHING_SAID, rules.book)


def refuse_withdrawn(record: Record) -> None:
    """Refuse any use of a record whose consent was withdrawn, or of which that is not known yet.

    Raises:
        Refusal: DG-ACC-009; DG-ACC-007 while its collection is not finished.
    """
    if record.consent_state == "withdrawn":
        raise Refusal("DG-ACC-009")
    if record.consent_state == "checking":
        raise Refusal("DG-ACC-007")


class ConsentGate:
    """Lets collects through under consents that hold.

    Args:
        consents: where they stand.
        rules: say which records rest on consent alone.
    """

    def __init__(self, consents: Consents, rules: Rules) -> None:
        self._consents = consents
        self._rules = rules

    async def refusals(self, commands: Mapping[int, Received[Collect]]) -> dict[int, Refusal]:
        """Claim the consents that the commands name, before anything is stored.

        Returns:
            place -> DG-CON-001 (withdrawn), 002 (given for another purpose) or 003 (to another text).
        """
        asked = {at: _asked(received) for at, received in commands.items() if received.command.consent is not None}
        first: dict[str, Consented] = {}
        for each in asked.values():
            first.setdefault(each.key, each)
        records = [(each.key, commands[at].command.record) for at, each in asked.items()]
        standing = await self._consents.claim(list(first.values()), records)
        found = {at: _refusal(each, standing[each.key]) for at, each in asked.items()}
        refused = {at: refusal for at, refusal in found.items() if refusal is not None}
        await self._block([commands[at].command for at, refusal in refused.items() if refusal.code == "DG-CON-001"])
        return refused

    async def withdrawn(self, stored: Mapping[int, Received[Collect]]) -> set[int]:
        """Look once more, behind the insert: records of withdrawn consents are blocked, the others let be read.

        Args:
            stored: place -> what was stored, now or at an earlier delivery.

        Returns:
            The places of those that were withdrawn meanwhile.
        """
        resting = {at: each.command for at, each in stored.items() if rests_on_consent(each.command, self._rules)}
        keys = {at: key_of(command.subject, _reference(command)) for at, command in resting.items()}
        if not keys:
            return set()
        standing = await self._consents.get(set(keys.values()))
        gone = {at for at, key in keys.items() if key in standing and standing[key].withdrawal is not None}
        await self._block([resting[at] for at in gone])
        await self._consents.checked([resting[at].record for at in keys if at not in gone])
        return gone

    async def _block(self, commands: Sequence[Collect]) -> None:
        """Mark what stands under those commands' consents; an earlier delivery may have stored it before it crashed."""
        for subject, reference in {(command.subject, _reference(command)) for command in commands}:
            await self._consents.block(subject, reference)


def _reference(command: Collect) -> str:
    return command.consent.reference if command.consent else ""


def _asked(received: Received[Collect]) -> Consented:
    command = received.command
    text = command.consent.text_sha256 if command.consent else None
    outside = command.consent.third_parties if command.consent else ()
    return Consented(
        command.subject, _reference(command), command.purpose, text, received.sender.id, third_parties=outside
    )


def _refusal(asked: Consented, standing: Consented) -> Refusal | None:
    if standing.withdrawal is not None:
        return Refusal("DG-CON-001", field="consent.reference")
    if standing.purpose != asked.purpose:
        return Refusal("DG-CON-002", field="consent.reference")
    if standing.text_sha256 != asked.text_sha256:
        return Refusal("DG-CON-003", field="consent.text_sha256")
    return None
