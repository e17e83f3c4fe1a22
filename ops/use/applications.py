"""Applications as people look at them, and taking one back before it is decided."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from consumers.use.grants import Standing, standing_of
from ops.audited import Desk
from schemas.errors import DanganError
from schemas.rulebook import RuleBook
from store.applications import OPEN, Application, Applications
from store.principals import Grants

_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Seen:
    """An application and how far it is."""

    application: Application
    standing: Standing

    def as_dict(self) -> dict[str, Any]:
        """For JSON; without the signatures themselves."""
        document = asdict(self.application)
        steps = [{name: step[name] for name in ("action", "by", "post", "at", "reason")} for step in document["steps"]]
        said = {"standing": self.standing, "grant": self.application.grant, "next_post": self.application.next_post}
        return {**document, "level": self.application.level.value, "steps": steps, **said}


async def seen(
    desk: Desk, book: RuleBook, *, now: float, applicant: str | None = None, waiting: bool = False
) -> list[Seen]:
    """Applications, oldest first.

    Args:
        now: UNIX seconds.
        applicant: only this principal's.
        waiting: only those that wait for a signature.
    """
    grants = {grant.id: grant for grant in await Grants(desk.database).all()}
    days, found = book.use.return_days, list[Seen]()
    async for each in Applications(desk.database).all():
        standing = standing_of(each, grants.get(each.grant), return_days=days, now=now)
        waits = standing in ("applied", "endorsed") or (each.sign_by is not None and each.next_post is not None)
        if applicant in (None, each.applicant) and (waits or not waiting):
            found.append(Seen(each, standing))
    return found


async def one(desk: Desk, book: RuleBook, application: str, *, now: float) -> Seen:
    """One application.

    Raises:
        DanganError: DG-USE-022.
    """
    known = await Applications(desk.database).get(application)
    if known is None:
        raise DanganError("DG-USE-022", field="application")
    grant = (await Grants(desk.database).get([known.grant])).get(known.grant)
    return Seen(known, standing_of(known, grant, return_days=book.use.return_days, now=now))


async def withdraw(desk: Desk, application: str, *, now: float) -> None:
    """Take an application back, by its applicant, before it is decided.

    Raises:
        DanganError: DG-USE-022 when the operator has no such application, DG-USE-023 when it is decided.
    """
    applications = Applications(desk.database)
    for round_ in range(_ROUNDS):
        known = await applications.get(application)
        if known is None or known.applicant != desk.operator:
            raise DanganError("DG-USE-022", field="application")
        if known.state == "withdrawn":
            return
        if known.state not in OPEN or now >= known.not_after:
            raise DanganError("DG-USE-023", detail=known.state)
        if round_ == 0:
            await desk.record("use", verb="withdraw", grant=known.grant, reader=known.applicant, digest=known.digest)
        if await applications.swap(known, replace(known, state="withdrawn")):
            return
    raise DanganError("DG-STO-001", detail="the application kept changing")
