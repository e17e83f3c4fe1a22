"""What time does to applications: expired, overdue, emergencies that nobody signed (clauses USE-10, USE-11).

Each is told once, as an audit event; an emergency that nobody signed loses its grant, and working copies whose use is
over their keys. The event comes first: a run
that dies in between tells the same event again, with the same id.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from consumers.use.grants import is_overdue
from ops.audited import CONSOLE, Desk
from ops.use.copies import forget_ended
from schemas.audit import Fact
from schemas.rulebook import RuleBook
from store.applications import OPEN, Application, Applications, Told
from store.principals import Grants

_ROUNDS: Final = 8


@dataclass(frozen=True, slots=True)
class Late:
    """Something that is over, or should have been done.

    Attributes:
        what: an application or a use that has ended, a return that is overdue, an emergency that is not signed.
        due: when it ended, or should have been done, UNIX seconds.
    """

    application: Application
    what: Told
    due: int


async def late(desk: Desk, book: RuleBook, *, now: float) -> list[Late]:
    """Everything that is late; what was not told of before is told now.

    Args:
        now: UNIX seconds.

    Returns:
        Overdue returns and unsigned emergencies, however often they were told; of the rest what is new.
    """
    applications, found = Applications(desk.database), list[Late]()
    async for each in applications.ended(before=int(now)):
        found += [one for one in late_of(each, book, now=now) if one.what == "overdue" or one.what not in each.told]
    async for each in applications.emergencies(before=int(now)):
        found += unsigned(each, now=now)
    await forget_ended(desk, now=now)
    for one in found:
        if one.what not in one.application.told:
            await desk.audit.publish([fact_of(one, now=now)])
            if one.what == "unsigned_emergency":
                await Grants(desk.database).recall(one.application.grant, at=int(now))
            await _mark(applications, one)
    return found


def late_of(application: Application, book: RuleBook, *, now: float) -> list[Late]:
    """What has come of an application whose period is over. Pure."""
    days = book.use.return_days
    found = [Late(application, "expire", application.not_after)] if now >= application.not_after else []
    if application.state not in OPEN and is_overdue(application, return_days=days, now=now):
        found.append(Late(application, "overdue", application.not_after + 86_400 * days))
    return found


def unsigned(application: Application, *, now: float) -> list[Late]:
    """The incident of an emergency that was not signed in time, if it is one. Pure."""
    due = application.sign_by
    if due is None or now < due or application.next_post is None or application.state == "rejected":
        return []
    return [Late(application, "unsigned_emergency", due)]


def fact_of(one: Late, *, now: float) -> Fact:
    """The event: of the application, not of who looked, so that it has one id for ever."""
    application = one.application
    return Fact(
        f"{application.id}/{one.what}", "use", True, None, CONSOLE, int(now * 1000), grant=application.grant,
        reader=application.applicant, purpose=application.request["purpose"], verb=one.what,
    )  # fmt: skip


async def _mark(applications: Applications, one: Late) -> None:
    for _round in range(_ROUNDS):
        current = await applications.get(one.application.id)
        if current is None or one.what in current.told:
            return
        if await applications.swap(current, replace(current, told=(*current.told, one.what))):
            return
