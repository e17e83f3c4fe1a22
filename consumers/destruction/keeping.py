"""What keeps records from being destroyed, besides legal holds: their period, the law's minimum, recorded needs."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import aclosing
from datetime import date, datetime

from consumers.destruction.rules import Kept
from consumers.retention.assess import kind_of, term_of
from consumers.retention.due import statutory_end
from consumers.rules import Rules
from schemas.custody import ABSENCES
from schemas.needs import NEEDS
from schemas.registers import Entry, Step
from schemas.working_days import CHINA
from store.archive_entries import NO_PAPER
from store.database import Database
from store.papers import Paper, Papers
from store.records import Records
from store.registers import Register, absence_id, record_entries
from store.retention import Extensions, RetentionFacts, held_records


class Keeping:
    """Looks up what the retention rules say of records, as of a time."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules

    async def remember(self, records: Collection[str], *, at: int) -> None:
        """Keep what is known of the records' papers (:func:`remember_papers`)."""
        await remember_papers(self._database, records, at=at)

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
                        extensions.get(each.id),
                        each.stage == "merged",
                    )
        return found


async def remember_papers(database: Database, records: Collection[str], *, at: int) -> None:
    """Keep what the intakes of records say of their paper counterparts, before the records are gone (clause DES-08).

    A destruction is not over before the papers are destroyed too, and afterwards only this knows of them. Repeatable.

    Args:
        database: the archive's.
        records: about to be destroyed.
        at: UNIX seconds.
    """
    papers, none = Papers(database), list[str]()
    for record in (await Records(database).get(records)).values():
        paper = (record.intake or {}).get("paper")
        if paper == NO_PAPER:
            none.append(record.id)
        elif paper:
            await papers.put(Paper(paper, at, record.id))
    said = {"reason": "the-intake-says-so", "witness": "intake"}
    for record_id in none:
        step = Step("state", "archive", at, said)
        await Register(database, ABSENCES.name).put(Entry(absence_id(record_id), "absence", "stated", said, (step,)))
    await record_entries(database, ABSENCES.name).tie((each, absence_id(each)) for each in none)


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
