"""What keeps records from being destroyed, besides legal holds: their period, the law's minimum, recorded needs."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import aclosing
from datetime import date, datetime

from consumers.destruction.rules import Kept
from consumers.retention.assess import kind_of, term_of
from consumers.retention.due import statutory_end
from consumers.rules import Rules
from schemas.needs import NEEDS
from schemas.registers import Entry
from schemas.working_days import CHINA
from store.database import Database
from store.registers import Register, record_entries
from store.retention import Extensions, RetentionFacts, held_records


class Keeping:
    """Looks up what the retention rules say of records, as of a time."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules

    async def kept(self, records: Collection[str], *, now: float) -> dict[str, Kept]:
        """What is known of those records that live.

        Args:
            records: ids.
            now: UNIX seconds.
        """
        day = today(now)
        needs = await standing_needs(self._database, records, day)
        extensions = await Extensions(self._database).of(records)
        found: dict[str, Kept] = {}
        async with aclosing(held_records(self._database, records)) as batches:
            async for batch in batches:
                facts = await RetentionFacts(self._database).of({each.subject for each in batch})
                for each in batch:
                    of = facts.get(each.subject, {})
                    kind = kind_of(each, self._rules)
                    found[each.id] = Kept(
                        term_of(each, of, self._rules, self._rules.book.retention, extensions.get(each.id)),
                        statutory_end(kind, of, self._rules.book.retention),
                        needs.get(each.id),
                    )
        return found


async def standing_needs(database: Database, records: Collection[str], day: date) -> dict[str, str]:
    """Record -> reference of a need to keep it that stands on that day."""
    tied = await record_entries(database, NEEDS.name).of_many(records)
    entries = await Register(database, NEEDS.name).get({each for named in tied.values() for each in named})
    found = {
        record: [each for each in named if each in entries and _stands(entries[each], day)]
        for record, named in tied.items()
    }
    return {record: min(named) for record, named in found.items() if named}


def _stands(need: Entry, day: date) -> bool:
    until = need.text("until")
    return need.state == "standing" and (not until or until >= day.isoformat())


def today(now: float) -> date:
    """The day in China at a time (UNIX seconds)."""
    return datetime.fromtimestamp(now, CHINA).date()
