"""Every answer with values carries a watermark (水印), whatever was read: a leaked extract names its reader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from consumers.by_type import Applier
from consumers.received import Outcome, Received
from keys.vault import Transit
from keys.watermark import Marker, marker_from


class Marked:
    """Puts watermarks on the answers of another applier.

    Args:
        applier: reads.
        vault: gives the key, once for the life of this process.
    """

    def __init__(self, applier: Applier, vault: Transit) -> None:
        self._applier = applier
        self._vault = vault
        self._marker: Marker | None = None

    async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
        """One outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer, Vault included; apply the same batch again.
        """
        if self._marker is None:
            self._marker = await marker_from(self._vault)
        outcomes = await self._applier.apply(batch, now)
        for received, outcome in zip(batch, outcomes, strict=True):
            if outcome.result.values is not None:
                command, seconds = received.command, received.at_ms // 1000
                outcome.result.watermark = self._marker.token(command.id, seconds, received.sender.id, command.grant)
        return outcomes
