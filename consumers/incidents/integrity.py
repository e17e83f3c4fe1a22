"""A stored value that does not open as what it was stored as opens an incident (防篡改, clause STO-05).

The refused read's own event says which record; here the same worker, at once, opens the incident of it. One incident
stands for a record until it is closed. A record that is destroyed at that moment loses its keys too: it is no live
record any more, and nothing is opened for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from consumers.by_type import Applier
from consumers.incidents.opening import Notice, Opener
from consumers.received import OF_THE_RECORD, Outcome, Received, fact
from schemas.audit import Fact
from schemas.incidents import ARCHIVE, INCIDENTS, incident_reference
from store.record import Record

#: Incidents of one record that were closed before another one is opened under its next number.
_MOST: Final = 100


class Integrity:
    """Opens incidents for what another applier could not open.

    Args:
        applier: reads or changes records.
        opener: opens incidents.
        live: the live ones among records.
        freeze: whether the record is frozen with it.
    """

    def __init__(
        self,
        applier: Applier,
        opener: Opener,
        live: Callable[[Collection[str]], Awaitable[Mapping[str, Record]]],
        *,
        freeze: bool,
    ) -> None:
        self._applier = applier
        self._opener = opener
        self._live = live
        self._freeze = freeze

    async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
        """One outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        outcomes = await self._applier.apply(batch, now)
        broken = {event.record for outcome in outcomes for event in outcome.facts if _is_broken(event) and event.record}
        if broken:
            live = await self._live(broken)
            for at, (received, outcome) in enumerate(zip(batch, outcomes, strict=True)):
                found = [event for event in outcome.facts if _is_broken(event) and event.record in live]
                opened = [await self._open(received, event) for event in found]
                outcomes[at] = Outcome(outcome.result, (*outcome.facts, *opened))
        return outcomes

    async def _open(self, received: Received[Any], event: Fact) -> Fact:
        record = event.record or ""
        digest = hashlib.sha256(f"{record} {event.code}".encode()).hexdigest()
        incident = await self._number(record)
        entry = await self._opener.open(
            Notice(
                incident=incident,
                command=incident,
                by=ARCHIVE,
                department="",
                at=received.at_ms // 1000,
                kind="tampering",
                certainty="suspected",
                targets=(("record", record),),
                digest=digest,
                frozen=self._freeze,
                more={"code": event.code or "", "event": received.command.id},
            )
        )
        return replace(fact(received, "register", record=entry.id), book="incidents.report", digest=digest)

    async def _number(self, record: str) -> str:
        """The number of the record's open incident; of its next one when the last is closed."""
        incident = ""
        for count in range(_MOST):
            incident = incident_reference(ARCHIVE, f"{record}/{count}")
            known = await self._opener.known(incident)
            if known is None or not INCIDENTS.is_over(known):
                break
        return incident


def _is_broken(event: Fact) -> bool:
    return not event.allowed and event.code in OF_THE_RECORD
