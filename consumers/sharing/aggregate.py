"""Anonymised sharing (匿名化, SHR-06): counts of groups, none smaller than k and none to be computed. Pure.

A group is one combination of values. Groups of fewer than k customers are suppressed and pooled into one remainder.
The total is known (the counts and the remainder add up to it), so the remainder must not give a suppressed count away:
the smallest published groups join it until each suppressed count could be another one, also for somebody who knows how
this works, how many groups there are in the remainder and which of them is which. Where nothing achieves that, nothing
is published. This hides counts, it is no differential privacy: two aggregates of overlapping sets can be compared
(docs/sharing.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What is published.

    Attributes:
        groups: values of the fields, in their order, and how many customers have them; each count at least k.
        remainder: how many customers are in no published group; at least k, or 0 when all are, or when nothing is
            published.
    """

    groups: tuple[tuple[tuple[object, ...], int], ...]
    remainder: int


def aggregate(rows: Iterable[tuple[str, Mapping[str, object]]], names: Sequence[str], *, k: int) -> Aggregate:
    """Count groups.

    Args:
        rows: customer and values of each record, where a value may be missing; a customer counts once in a group.
        names: the fields to group by.
        k: the smallest group that is published.
    """
    pairs = {(tuple(row.get(name) for name in names), customer) for customer, row in rows}
    counts = Counter(values for values, _ in pairs)
    order = sorted(counts.items(), key=lambda each: (-each[1], repr(each[0])))
    published = [each for each in order if each[1] >= k]
    small = [count for _, count in order if count < k]
    joined: list[int] = []
    while not protected(small, joined, k=k, most=published[-1][1] if published else None):
        if not published:
            return Aggregate((), 0)
        joined.append(published.pop()[1])
    published.sort(key=lambda each: repr(each[0]))
    return Aggregate(tuple(published), sum(small) + sum(joined))


def protected(small: Sequence[int], joined: Sequence[int], *, k: int, most: int | None) -> bool:
    """Whether no suppressed count follows from the remainder, and the remainder is at least k.

    Args:
        small: the suppressed counts below k.
        joined: the counts of k and more that were suppressed with them.
        k: the smallest group that is published.
        most: the smallest published count, which no joined one is above; None when nothing is published.
    """
    if not small and not joined:
        return True
    total = sum(small) + sum(joined)
    bounds = [(1, k - 1)] * len(small) + [(k, total if most is None else most)] * len(joined)
    if total < k:
        return False
    lows, highs = sum(low for low, _ in bounds), sum(high for _, high in bounds)
    return all(
        max(low, total - (highs - high)) < min(high, total - (lows - low)) for low, high in bounds
    )  # what each could at least and at most be, given all the others
