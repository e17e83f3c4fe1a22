"""Rectification notices (整改通知书, clause AUD-10): to a named owner, with a deadline, tracked until they are closed.

The owner answers; somebody who is neither owner nor answerer confirms the result, or returns the notice.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import date, timedelta
from typing import Final

from ops.audited import Desk
from ops.references import refuse_personal
from ops.registers import Book
from schemas.errors import DanganError
from schemas.inspections import RECTIFICATIONS
from schemas.registers import Entry, Said
from schemas.working_days import day_of
from store.database import Database
from store.inspections import Finding, Inspections, Run
from store.principals import Principals
from store.registers import Register

Line = Mapping[str, str]
LISTED: Final = ("notice", "state", "owner", "problem", "subject", "due", "days over", "age in days", "inspection")
#: Findings of one run that are opened as notices of their own at most; more are one notice for each kind.
MAX_OPENED: Final = 200


class Notices:
    """The notices, kept by somebody who inspects."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._book = desk, Book(desk, RECTIFICATIONS)

    async def open(
        self,
        reference: str,
        *,
        owner: str,
        due: date,
        problem: str,
        now: int,
        subject: str = "",
        inspection: str = "",
    ) -> Entry:
        """Open a notice.

        Args:
            reference: the notice's id.
            owner: who has to put it right: a registered principal.
            due: until when.
            problem: what is wrong: nothing personal.
            now: UNIX seconds.
            subject: what it is about: a reference.
            inspection: the run that found it.

        Raises:
            DanganError: DG-INS-030 when nobody is registered as the owner, 031 for a day that has passed; else as
                :class:`ops.registers.Book`.
        """
        await self._check(owner, due, now)
        said: dict[str, Said] = {"owner": owner, "due": due.isoformat(), "problem": problem}
        said |= {name: value for name, value in (("subject", subject), ("inspection", inspection)) if value}
        return await self._book.begin(reference, "notice", said, now=now)

    async def open_from(self, run: Run, *, owner: str, due: date, now: int) -> list[Entry]:
        """Open notices for what a run found: one for each finding, or for each kind where there are very many.

        Again for the same run: nothing happens.

        Raises:
            DanganError: as :meth:`open`.
        """
        await self._check(owner, due, now)
        made = []
        for number, (problem, subject) in enumerate(_problems(run), 1):
            reference = f"{run.id}.{number:03d}"
            known = (await Register(self._desk.database, RECTIFICATIONS.name).get([reference])).get(reference)
            made.append(
                known
                or await self.open(
                    reference, owner=owner, due=due, problem=problem, subject=subject, inspection=run.id, now=now
                )
            )
        return made

    async def extend(self, reference: str, due: date, reason: str, *, now: int) -> Entry:
        """Give a notice more time, with a reason."""
        await self._check(None, due, now)
        return await self._book.follow(reference, "extend", {"due": due.isoformat(), "reason": reason}, now=now)

    async def reassign(self, reference: str, owner: str, reason: str, *, now: int) -> Entry:
        """Give a notice to another owner, with a reason."""
        await self._check(owner, None, now)
        return await self._book.follow(reference, "reassign", {"owner": owner, "reason": reason}, now=now)

    async def answer(self, reference: str, result: str, evidence: str = "", *, now: int) -> Entry:
        """Record the result, as its owner.

        Raises:
            DanganError: DG-INS-032 for anybody else.
        """
        entry = await self._book.entry(reference)
        if entry.text("owner") != self._desk.operator:
            raise DanganError("DG-INS-032", field=reference)
        said: dict[str, Said] = {"result": result, **({"evidence": evidence} if evidence else {})}
        return await self._book.follow(reference, "answer", said, now=now)

    async def settle(self, reference: str, *, confirmed: str = "", reason: str = "", now: int) -> Entry:
        """Close an answered notice with what confirms it, or return it with a reason.

        Raises:
            DanganError: DG-INS-033 for its owner; DG-REG-004 for who answered it.
        """
        entry = await self._book.entry(reference)
        if entry.text("owner") == self._desk.operator:
            raise DanganError("DG-INS-033", field=reference)
        if reason:
            return await self._book.follow(reference, "return", {"reason": reason}, now=now)
        return await self._book.follow(reference, "close", {"confirmed": confirmed}, now=now)

    async def _check(self, owner: str | None, due: date | None, now: int) -> None:
        if due is not None and due < day_of(now):
            raise DanganError("DG-INS-031", field="due")
        if owner is None:
            return
        refuse_personal(owner=owner)
        if await Principals(self._desk.database).get(owner) is None:
            raise DanganError("DG-INS-030", field="owner")


def _problems(run: Run) -> list[tuple[str, str]]:
    """What a run's notices say: problem and subject. Pure."""
    if sum(run.total.values()) <= min(MAX_OPENED, len(run.findings)):
        return [(_told(each), each.about) for each in run.findings]
    return [(f"{kind}: {count} findings", run.id) for kind, count in sorted(run.total.items())]


def _told(finding: Finding) -> str:
    return f"{finding.kind}: {finding.detail}"[:500] if finding.detail else finding.kind


def default_due(now: int, days: int) -> date:
    """The deadline of notices without one of their own."""
    return day_of(now) + timedelta(days=days)


async def listed(
    database: Database, *, today: date, everything: bool = False, owner: str | None = None, overdue: bool = False
) -> AsyncGenerator[Line]:
    """The notices, as lines of :data:`LISTED`, by id; those that are not closed, unless everything is asked for."""
    states = None if everything else ["answered", "open"]
    async with aclosing(Register(database, RECTIFICATIONS.name).all(states=states)) as entries:
        async for entry in entries:
            line = line_of(entry, today)
            if owner in (None, entry.text("owner")) and (not overdue or line["days over"]):
                yield line


def line_of(entry: Entry, today: date) -> Line:
    """A notice as a line of :data:`LISTED`. Pure."""
    over = (today - date.fromisoformat(entry.text("due"))).days
    return {
        "notice": entry.id,
        "state": entry.state,
        "owner": entry.text("owner"),
        "problem": entry.text("problem"),
        "subject": entry.text("subject"),
        "due": entry.text("due"),
        "days over": str(over) if over > 0 and entry.state != "closed" else "",
        "age in days": str((today - day_of(entry.steps[0].at)).days),
        "inspection": entry.text("inspection"),
    }


async def of_run(database: Database, run: str) -> Run:
    """The run of that id.

    Raises:
        DanganError: DG-INS-001 when there is none.
    """
    found = await Inspections(database).get(run)
    if found is None:
        raise DanganError("DG-INS-001", field=run)
    return found
