"""Nothing that is frozen is answered (补救措施, clause SEC-11): the last look before an answer with values leaves.

Who is frozen is refused before anything is read. What is frozen is taken out of the answer afterwards, by the events
that say what was read: so each record counts, whether it was read alone, on a page, found by a search, or opened as a
part of an archive, and whoever may not know of a record is answered as ever. The freezes are read beside the reading
and are newer than it, so that a freeze stops a bulk read with the next page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from consumers.by_type import Applier
from consumers.incidents.frozen import Frozen
from consumers.reading.refusals import refusal_of
from consumers.received import Outcome, Received
from consumers.rules import Rules
from schemas.audit import Fact
from schemas.commands import Access
from schemas.errors import Refusal
from schemas.use import Browse


class Suspended:
    """Refuses what is frozen, and lets another applier answer the rest.

    Args:
        applier: reads.
        frozen: what is frozen.
        rules: the catalogue for the events.
    """

    def __init__(self, applier: Applier, frozen: Frozen, rules: Rules) -> None:
        self._applier = applier
        self._frozen = frozen
        self._rules = rules

    async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
        """One outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        stopped = {at for at, received in enumerate(batch) if self._frozen.principal(received.sender)}
        passed = [received for at, received in enumerate(batch) if at not in stopped]
        # A task costs as much as a third of a read: none while what is known is new enough.
        refreshing = asyncio.create_task(self._frozen.refresh()) if self._frozen.old else None
        try:
            outcomes = iter(await self._applier.apply(passed, now) if passed else ())
        finally:
            if refreshing is not None:
                await refreshing
        found = [None if at in stopped else next(outcomes) for at in range(len(batch))]
        return [self._seen(received, outcome) for received, outcome in zip(batch, found, strict=True)]

    def _seen(self, received: Received[Any], outcome: Outcome | None) -> Outcome:
        if outcome is None or (self._frozen.any and self._frozen.principal(received.sender)):
            return refusal_of(received, Refusal("DG-INC-001"), self._rules.catalogue)
        if not self._frozen.any or outcome.result.values is None:
            return outcome
        held = [event for event in outcome.facts if event.allowed and self._frozen.record(event.record)]
        if not held:
            return outcome
        if isinstance(received.command, Access):
            return refusal_of(received, Refusal("DG-INC-002"), self._rules.catalogue)
        return self._without(received, outcome)

    def _without(self, received: Received[Any], outcome: Outcome) -> Outcome:
        """A page or a search's answer without what is frozen; a row goes with any part of it that is."""
        values = cast("dict[str, Any]", outcome.result.values)
        name = "rows" if isinstance(received.command, Browse) else "records"
        listed = values[name]
        kept, facts = [], list[Fact]()
        groups = _by_row(outcome.facts, [_id(each) for each in listed])
        for row in listed:
            events = groups[_id(row)]
            if any(self._frozen.record(event.record) for event in events):
                facts.append(_refused(events[0]))
            else:
                kept.append(row)
                facts += events
        outcome.result.values = {**values, name: kept}
        if "withheld" in values:
            outcome.result.values["withheld"] = values["withheld"] + len(listed) - len(kept)
        return Outcome(outcome.result, tuple(facts + groups[""]))


def _id(row: Any) -> str:
    return str(row["record"] if isinstance(row, dict) else row)


def _by_row(facts: Sequence[Fact], rows: Sequence[str]) -> dict[str, list[Fact]]:
    """The events of each row: its own first, then those of its parts; under an empty name what belongs to none."""
    names, groups, row = set(rows), {each: list[Fact]() for each in ("", *rows)}, ""
    for event in facts:
        if not event.allowed:
            groups[""].append(event)
            continue
        row = event.record if event.record in names and event.record is not None else row
        groups[row].append(event)
    return groups


def _refused(event: Fact) -> Fact:
    return replace(event, allowed=False, code="DG-INC-002", version=None)
