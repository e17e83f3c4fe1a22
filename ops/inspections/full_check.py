"""The full check at the start of the year (年初全面检查, clause AUD-04): the whole state in which information is kept.

Holdings against every register as an inventory does, every record opened as an integrity sweep does, and storage:
backups, drills, custody of papers and media, rectification notices that are overdue.
"""

from __future__ import annotations

from contextlib import aclosing

from consumers.rules import Rules
from ops.audited import Desk
from ops.backups.schedule import missed_backups, missed_drill
from ops.custody import media
from ops.inspections import rectify
from ops.inspections.bookings import book
from ops.inspections.integrity import integrity
from ops.inspections.inventory import compare, look_again
from ops.inspections.runs import Found, Progress, silent
from schemas.rulebook import RuleBook
from schemas.working_days import day_of
from store.backups import Backups
from store.database import Database
from store.inspections import Finding
from streams.kafka import kafka_of


async def full_check(desk: Desk, rules: Rules, *, now: int, told: Progress = silent) -> Found:
    """Check everything.

    Args:
        desk: of who checks, with a Vault role that may decrypt page keys.
        rules: catalogue, forms, rule book.
        now: UNIX seconds.
        told: told how far it is.

    Raises:
        Transient: a service does not answer; run it again, and it goes on.
    """
    opened = await integrity(desk.database, desk.transit, rules, told=told)
    found = opened if opened is not None else Found()
    await book(desk.database, kafka_of(desk.settings))
    held = Found()
    await compare(desk.database, rules.book, held, since=0, until=now, told=told)
    await look_again(desk, rules.book, held, until=now)
    found.counts["held"] = held.counts["held"]
    found.join(held)
    await storage(desk.database, rules.book, found, now=now)
    return found


async def storage(database: Database, book_: RuleBook, found: Found, *, now: int) -> None:
    """Backups, drills, custody and notices that are not as they should be."""
    backups, today = Backups(database), day_of(now)
    known = await backups.all()
    missed = missed_backups(known, book_.backup.schedule, now=now)
    found.add(Finding("backup-missed", each.about or each.what, each.what) for each in missed)
    first = min((each.made_at for each in known if each.usable), default=None)
    if missed_drill(await backups.drills(), book_.backup.drill_months, now=now, first_backup=first):
        found.add([Finding("drill-missed", "drill")])
    months = book_.storage.inspection_months
    async with aclosing(media.overdue(database, today=today, inspection_months=months)) as late:
        async for line in late:
            found.add([Finding("custody-overdue", line["medium"], f"{line['what']}: {line['who']}")])
    async with aclosing(rectify.listed(database, today=today, overdue=True)) as notices:
        async for notice in notices:
            found.add([Finding("notice-overdue", notice["notice"], notice["owner"])])
    found.counts["backups"] = sum(each.usable for each in known)
