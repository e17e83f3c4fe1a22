"""A family's commands of several types, each type by its own applier, in the order in which they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Protocol

from consumers.received import Outcome, Received


class Applier(Protocol):
    """Applies commands of one type."""

    async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
        """One outcome for each command, in order."""


class ByType:
    """Hands runs of commands of one type to that type's applier.

    Args:
        appliers: command type -> what applies it; every type of the family.
    """

    def __init__(self, appliers: Mapping[str, Applier]) -> None:
        self._appliers = appliers

    async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
        """Apply each command; one outcome for each, in order."""
        outcomes: list[Outcome] = []
        for kind, run in groupby(batch, key=lambda received: received.command.type):
            outcomes += await self._appliers[kind].apply(list(run), now)
        return outcomes
