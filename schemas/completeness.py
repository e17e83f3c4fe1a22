"""Which parts an archive has and which it lacks, by what is filed in it, without opening it (完整性; clause ARR-17).

A part is there when a field of one of its categories is, or an item of its name. Neither says anything about values.
"""

from __future__ import annotations

from collections.abc import Collection

from schemas.rulebook import Arrange

#: The part that a consent on record counts as.
AUTHORISATION = "authorisation"


def parts_present(
    categories: Collection[str], items: Collection[str], rules: Arrange, *, consent: bool = False
) -> tuple[str, ...]:
    """The expected parts that are there, in the rule book's order.

    Args:
        categories: of the fields that the archive's records hold.
        items: the kinds of items (papers, attachments) filed in it.
        rules: table ``[arrange]``.
        consent: whether the customer's consent is on record: an authorisation.
    """
    there = {part for part in rules.expected_parts if part in items}
    there |= {part for part, of in rules.part_categories.items() if not set(of).isdisjoint(categories)}
    if consent:
        there.add(AUTHORISATION)
    return tuple(part for part in rules.expected_parts if part in there)


def parts_missing(present: Collection[str], rules: Arrange) -> tuple[str, ...]:
    """The expected parts that are not there, in the rule book's order."""
    return tuple(part for part in rules.expected_parts if part not in present)


def papers_missing(items: Collection[str], rules: Arrange) -> tuple[str, ...]:
    """The papers that a household's file lacks, in the rule book's order (clause ARR-15)."""
    return tuple(paper for paper in rules.household_papers if paper not in items)
