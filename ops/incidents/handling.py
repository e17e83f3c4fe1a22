"""The steps of an incident that operators do: taken in hand, thawed, mended (clauses SEC-10, SEC-11)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Final

from consumers.approvals import Post, signed_by
from consumers.incidents.opening import said_of
from consumers.rules import Rules
from ops.audited import Desk
from ops.people.believed import directory as as_believed
from ops.registers import Book
from schemas.approvals import digest_of
from schemas.errors import DanganError, Refusal
from schemas.incidents import INCIDENTS, Thaw
from schemas.principals import Principal
from schemas.registers import Entry, Said
from store.database import Database
from store.freezes import Freeze, Freezes
from store.principals import Principals
from store.registers import Register

Line = Mapping[str, str]
LISTED: Final = ("incident", "kind", "certainty", "state", "hours open", "reported", "reporter", "responsible", "plan")


class Incidents:
    """The register of incidents, kept by one who answers for them.

    Args:
        desk: who acts.
        rules: rule book and policies.
    """

    def __init__(self, desk: Desk, rules: Rules) -> None:
        self.desk = desk
        self.rules = rules
        self._book = Book(desk, INCIDENTS)

    async def entry(self, incident: str) -> Entry:
        """The incident of that number.

        Raises:
            DanganError: DG-INC-006; DG-OPS-036 for what is no opaque reference.
        """
        try:
            return await self._book.entry(incident)
        except DanganError as error:
            raise DanganError("DG-INC-006", field=incident) if error.code == "DG-REG-001" else error from None

    async def step(self, incident: str, verb: str, said: Mapping[str, Said], *, now: int) -> Entry:
        """Do the next step of an incident; done again, nothing happens.

        Raises:
            DanganError: DG-INC-006, 008 (closed), 014 (who acts is frozen); else as :class:`ops.registers.Book`.
        """
        entry = await self.entry(incident)
        done = entry.steps[-1]
        if INCIDENTS.is_over(entry) and (done.verb, done.by) != (verb, self.desk.operator):
            raise DanganError("DG-INC-008", field=incident)
        await self._check_free(self.desk.operator)
        return await self._book.follow(incident, verb, said, now=now)

    async def frozen(self, incident: str) -> list[Freeze]:
        """What is frozen under an incident now."""
        return sorted(await Freezes(self.desk.database).in_force(incident), key=lambda each: (each.kind, each.target))

    async def thaw(self, request: Thaw, *, now: int) -> tuple[str, ...]:
        """End freezes of an incident (解除冻结): slow, since two posts must sign, where freezing took one person.

        Args:
            request: what, why, and the signatures under it.
            now: UNIX seconds.

        Returns:
            Who signed.

        Raises:
            Refusal: DG-APR-001 to 007.
            DanganError: DG-INC-006, 013 (not frozen under it), 014 (who acts or signs is frozen).
        """
        entry = await self.entry(request.incident)
        directory = await as_believed(self.desk, self.rules.book.people)
        posts = tuple(Post("approve-thaw", role) for role in self.rules.book.incident.thaw)
        signed = signed_by(
            request, posts, requester=self.desk.operator, directory=directory, authorizer=self.rules.authorizer,
            now=now, actions=("approve-thaw",),
        )  # fmt: skip
        signers = tuple(each.id for each in signed)
        for each in signers:
            await self._check_free(each)
        wanted = set(request.targets())
        lifted = [each for each in await self.frozen(request.incident) if (each.kind, each.target) in wanted]
        digest = digest_of(request, self.desk.operator)
        again = entry.steps[-1].verb == "thaw" and entry.steps[-1].said.get("digest") == digest
        missing = wanted - {(each.kind, each.target) for each in lifted}
        if (missing or not wanted) and not again:
            raise Refusal("DG-INC-013", field=sorted(missing)[0][1] if missing else "records")
        said: dict[str, Said] = {"signers": signers, "digest": digest, **said_of(request.targets())}
        await self.step(request.incident, "thaw", said, now=now)
        await Freezes(self.desk.database).lift(lifted, at=now)
        return signers

    async def _check_free(self, operator: str) -> None:
        """Refuse whoever is frozen himself, under whatever incident.

        Raises:
            DanganError: DG-INC-014.
        """
        known = await Principals(self.desk.database).get(operator)
        if known is not None and is_frozen(known, await Freezes(self.desk.database).in_force()):
            raise DanganError("DG-INC-014", field=operator)


def is_frozen(who: Principal, freezes: list[Freeze]) -> bool:
    """Whether somebody is frozen, himself or with his department. Pure."""
    return any((each.kind, each.target) in (("principal", who.id), ("department", who.department)) for each in freezes)


async def listed(
    database: Database, *, now: int, unhandled: bool = False, state: str | None = None
) -> AsyncGenerator[Line]:
    """Incidents, the oldest first; with ``unhandled`` those that nobody has taken in hand (clause SEC-10)."""
    states = {"reported"} if unhandled else {state} if state is not None else None
    async with aclosing(Register(database, INCIDENTS.name).all(states=states)) as entries:
        found = [entry async for entry in entries]
    for entry in sorted(found, key=lambda each: (each.steps[0].at, each.id)):
        first = entry.steps[0]
        end = entry.since if INCIDENTS.is_over(entry) else now
        yield {
            "incident": entry.id,
            "kind": entry.kind,
            "certainty": entry.text("certainty"),
            "state": entry.state,
            "hours open": str(max(0, end - first.at) // 3600),
            "reported": datetime.fromtimestamp(first.at, UTC).isoformat(timespec="seconds"),
            "reporter": first.by,
            "responsible": entry.text("responsible") or "NOBODY",
            "plan": f"{entry.text('plan')} {entry.text('plan_version')}".strip() or "NONE ON FILE",
        }
