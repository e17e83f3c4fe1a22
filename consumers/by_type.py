"""A family's commands of several types, each type by its own applier, in the order in which they came.

Here a command whose sender's registration gives nothing at the moment is refused, with the reason (SEC-05, 06, 09).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Protocol

from consumers.received import Outcome, Received, fact, refused
from schemas.errors import Refusal
from schemas.wire import FAMILY_OF


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
        for (kind, barred), run in groupby(batch, key=_kind):
            if barred is None:
                outcomes += await self._appliers[kind].apply(list(run), now)
            else:
                outcomes += [_refuse(received, barred) for received in run]
        return outcomes


def _kind(received: Received[Any]) -> tuple[str, str | None]:
    return received.command.type, received.sender.barred


def _refuse(received: Received[Any], code: str) -> Outcome:
    event = fact(received, FAMILY_OF[received.command.type], allowed=False, code=code)
    return Outcome(refused(received, Refusal(code)), (event,))
