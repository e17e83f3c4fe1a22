"""What a record may be used for (再次获得同意, clause USE-09).

It may be used for the purpose that the customer was told when it was collected, for those that a law demands, and for
those that the customer consented to since: consents are recorded with the collections that name them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from schemas.errors import Refusal
from schemas.rule_tables.reading import Reading
from store.consents import Consents
from store.record import Record

#: Subject -> the purposes of its consents that were not withdrawn.
Consented = Mapping[str, Collection[str]]


def purpose_open(record: Record, purpose: str, rules: Reading, consented: Consented) -> bool:
    """Whether a record may be used for a purpose; a part of an archive was collected for a purpose of its own. Pure."""
    if purpose == record.purpose or not rules.purpose_bound or purpose in rules.purposes_by_law:
        return True
    return purpose in consented.get(record.subject, ())


class Purposes:
    """Looks up consents, where a record is read for another purpose than it was collected for; else costs nothing.

    Args:
        consents: what customers consented to.
        rules: the rule book's table ``[reading]``.
    """

    def __init__(self, consents: Consents, rules: Reading) -> None:
        self._consents = consents
        self._rules = rules

    async def consented(self, uses: Iterable[tuple[Record, str]]) -> Consented:
        """What must be known to judge those uses of records."""
        subjects = {record.subject for record, purpose in uses if not self.open(record, purpose, {})}
        return await self._consents.purposes(subjects) if subjects else {}

    def open(self, record: Record, purpose: str, consented: Consented) -> bool:
        """As :func:`purpose_open`."""
        return purpose_open(record, purpose, self._rules, consented)

    async def check(self, record: Record, purpose: str) -> None:
        """Refuse one record's use.

        Raises:
            Refusal: DG-ACC-020.
        """
        if not self.open(record, purpose, await self.consented([(record, purpose)])):
            raise Refusal("DG-ACC-020", field="purpose")
