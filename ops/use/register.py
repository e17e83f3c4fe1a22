"""The borrowing register (借阅登记簿; clause USE-12): every grant with borrower, records, purpose, time out and in.

It is built from what is there: grants, the applications that they came of, and what was said at their return. Each
single read has its own record in the audit stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from consumers.use.grants import standing_of
from ops.audited import Desk
from schemas.principals import Grant
from schemas.rulebook import RuleBook
from store.applications import Application, Applications
from store.principals import Grants
from store.use_returns import Returned, Returns


@dataclass(frozen=True, slots=True)
class Loan:
    """One line of the register; times in UNIX seconds.

    Attributes:
        approved_by: whose signatures gave the grant; empty for one that an administrator gave.
        back: when it was given back; None while it was not.
        usage: the usage record (使用记录).
        copies: how many copies are neither destroyed nor filed.
        standing: how far it is.
    """

    grant: str
    borrower: str
    records: tuple[str, ...]
    purpose: str
    approved_by: tuple[str, ...]
    out: int
    due: int
    back: int | None
    usage: str
    copies: int
    standing: str

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


async def loans(desk: Desk, book: RuleBook, *, now: float, borrower: str | None = None) -> list[Loan]:
    """The register, oldest first.

    Args:
        now: UNIX seconds.
        borrower: only this principal's.
    """
    grants = [grant for grant in await Grants(desk.database).all() if borrower in (None, grant.principal)]
    applications = {each.grant: each async for each in Applications(desk.database).all()}
    returns = await Returns(desk.database).get([grant.id for grant in grants])
    return entries(grants, applications, returns, return_days=book.use.return_days, now=now)


def entries(
    grants: Iterable[Grant],
    applications: Mapping[str, Application],
    returns: Mapping[str, Returned],
    *,
    return_days: int,
    now: float,
) -> list[Loan]:
    """The lines of the register, by the time out. Pure."""
    lines = []
    for grant in grants:
        application, returned = applications.get(grant.id), returns.get(grant.id)
        selection = tuple(f"{name}={value}" for name, value in sorted(grant.selection))
        lines.append(
            Loan(
                grant.id,
                grant.principal,
                selection or tuple(sorted(grant.records)),
                grant.purpose,
                tuple(step.by for step in application.approved) if application else (),
                grant.not_before,
                grant.not_after,
                grant.returned_at,
                returned.usage if returned else "",
                returned.outstanding if returned else 0,
                _standing(grant, application, return_days=return_days, now=now),
            )
        )
    return sorted(lines, key=lambda line: (line.out, line.grant))


def _standing(grant: Grant, application: Application | None, *, return_days: int, now: float) -> str:
    if application is not None:
        return standing_of(application, grant, return_days=return_days, now=now)
    if grant.returned_at is not None:
        return "closed"
    return "recalled" if grant.recalled_at is not None else "in use" if now < grant.not_after else "to give back"
