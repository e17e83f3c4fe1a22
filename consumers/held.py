"""Which records a legal hold (冻结) keeps: those it was placed on, and whatever belongs to them (ARR-13).

Who holds a customer's archive holds all that it answers with. So a hold on an archive keeps its parts, and the
duplicates that wait beside it and may become parts, for as long as they belong to it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class OnHold(Protocol):
    """Which records are under a legal hold themselves (store/holds.py)."""

    async def on(self, records: Collection[str], *, now: float) -> set[str]:
        """Those of the records that are held."""


class Belonging(Protocol):
    """Which records belong to which (store/merges.py)."""

    async def above(self, records: Collection[str]) -> dict[str, str]:
        """What each of the records belongs to, and what that belongs to in turn; only those that do."""


async def kept_by_holds(holds: OnHold, merges: Belonging, records: Collection[str], *, now: float) -> dict[str, str]:
    """Those of the records that a hold keeps.

    Args:
        holds: where holds stand; ``merges`` where links do.
        records: record ids.
        now: UNIX seconds.

    Returns:
        record -> the record that the hold was placed on: itself, or the next one that it belongs to.
    """
    above = await merges.above(records)
    held = await holds.on({*records, *above.values()}, now=now)
    kept = {}
    for record in records:
        by = next((each for each in _upwards(record, above) if each in held), None)
        if by is not None:
            kept[record] = by
    return kept


def _upwards(record: str, above: dict[str, str]) -> list[str]:
    chain = [record]
    while (upper := above.get(chain[-1])) is not None and upper not in chain:
        chain.append(upper)
    return chain
