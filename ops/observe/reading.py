"""Reads what the metrics of the archive show: from the store, from Kafka. Changes nothing, commits nothing."""

from __future__ import annotations

import asyncio
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from consumers.calendars import calendar
from keys.ledger import State
from keys.sweep_state import Step
from ops.corrections import due_day
from ops.destruction import ROOTS
from ops.intakes import late
from ops.observe.gauges import Reading
from schemas.errors import Transient
from schemas.rulebook import RuleBook
from schemas.topics import DEAD_LETTERS
from schemas.working_days import day_of
from store.backups import Backups
from store.checkpoints import Checkpoints
from store.database import Database
from store.intakes import Intakes
from store.ledger import Ledger
from store.proposals import Proposals
from store.sweeps import Sweeps
from streams.kafka import Kafka

#: The consumer group of whoever looks after dead letters: what it has committed is taken up.
DEAD_LETTER_GROUP: Final = "dangan-dead-letters"
_WITHIN: Final = 20.0  # seconds


async def read_store(database: Database, into: Reading) -> None:
    """Sweeps, the destruction ledger, backups, checkpoints: some small queries."""
    sweeps, ledger = Sweeps(database), Ledger(database)
    for root in ROOTS.values():
        if (newest := await sweeps.get(root)) is not None:
            _note(into.sweeping_since, root, None if newest.step is Step.DONE else newest.started_at)
        _note(into.swept_at, root, await sweeps.last_trim(root))
    for state in (State.PENDING, State.FORGOTTEN):
        into.entries[state.value] = await ledger.count(state)
        _note(into.oldest_entry_at, state.value, await ledger.oldest(state))
    backups = Backups(database)
    for backup in await backups.all():  # oldest first
        if backup.usable:
            into.backup_at[backup.kind] = backup.made_at
    drills = [drill.at for drill in await backups.drills() if drill.passed]
    _note(into.backup_at, "drill", max(drills, default=None))
    into.checkpoint_at = await Checkpoints(database).newest_at()


async def read_records(database: Database, book: RuleBook, into: Reading, *, now: float) -> None:
    """What waits for people. It looks at every record, for there is no index on their stages: not every minute.

    Args:
        database: the store.
        book: the deadlines.
        into: what is read.
        now: UNIX seconds.
    """
    today, is_worked = day_of(now), calendar(book.handover.working_calendar)
    overdue, oldest = 0, None
    async for filed in Intakes(database).waiting():
        overdue += late(filed, book, today) is not None
        oldest = min(oldest or filed.at_ms, filed.at_ms)
    into.overdue["intake"] = overdue
    _note(into.oldest_waiting_at, "intake", oldest / 1000 if oldest else None)
    overdue, oldest = 0, None
    async for proposal in Proposals(database).undecided():
        due = due_day(proposal, book, is_worked)
        overdue += due is not None and today > due
        oldest = oldest or proposal.at_ms
    into.overdue["correction"] = overdue
    _note(into.oldest_waiting_at, "correction", oldest / 1000 if oldest else None)


async def read_kafka(kafka: Kafka, into: Reading) -> None:
    """How many dead letters stand on their topic that nobody has taken up.

    Raises:
        Transient: DG-KAF-001 when Kafka does not answer.
    """
    consumer = AIOKafkaConsumer(DEAD_LETTERS, **kafka.client, group_id=None, client_id="dangan-observe")
    admin = AIOKafkaAdminClient(**kafka.client)
    try:
        async with asyncio.timeout(_WITHIN):  # for a topic that does not exist it would wait on and on
            await consumer.start()
            await admin.start()
            places = sorted(consumer.assignment())  # all of them: there is no group to share with
            begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
            taken = await admin.list_consumer_group_offsets(DEAD_LETTER_GROUP)
    except (KafkaError, TimeoutError) as error:
        raise Transient("DG-KAF-001", detail=type(error).__name__) from error
    finally:
        await consumer.stop()
        await admin.close()
    done = {place: taken[place].offset if place in taken else 0 for place in places}
    into.dead_letters = sum(max(0, ends[place] - max(begins[place], done[place])) for place in places)


def _note(into: dict[str, float], key: str, at: float | None) -> None:
    if at is None:
        into.pop(key, None)
    else:
        into[key] = at
