"""Opening an incident (启动应急预案, clauses SEC-10, SEC-11): what is frozen first, then the register, then the alert.

A crash in between leaves a freeze without its incident, never an incident that froze nothing; whoever opens it again
finds what was done and does the rest. The alert is durable before anybody is answered, and has the same id each time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from schemas.incident_finding import Finding
from schemas.incidents import INCIDENTS, FreezeKind, IncidentKind
from schemas.principals import Principal
from schemas.registers import Entry, Said
from schemas.rule_tables.incident import CONCERNED, SUPERIOR, Incident
from store.freezes import Freeze

#: Who heads a unit and a department: whom a reporter's superior and a concerned department are told through.
SUPERIORS, HEADS = "unit_head", "department_head"
Alert = Callable[[Finding], Awaitable[None]]
Target = tuple[FreezeKind, str]


class People(Protocol):
    """Who is registered (consumers/directory.py)."""

    def principal(self, principal: str, /) -> Principal | None:
        """The principal of that id."""

    def holders(self, role: str, /) -> Sequence[Principal]:
        """Those who hold a role at the moment."""


class Entries(Protocol):
    """The register of incidents (store/registers.py)."""

    async def get(self, references: Sequence[str], /) -> Mapping[str, Entry]:
        """Those of the entries that there are."""

    async def put(self, entry: Entry, /) -> bool:
        """Keep an entry's next step; False when somebody else's came first."""


class Ties(Protocol):
    """Which incidents are about a record (store/ties.py)."""

    async def tie(self, pairs: Iterable[tuple[str, str]], /) -> None:
        """Note (record, incident)."""


class FreezeStore(Protocol):
    """Where freezes are kept (store/freezes.py)."""

    async def put(self, freezes: Sequence[Freeze], /) -> None:
        """Freeze; repeatable."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told of: an incident to be opened.

    Attributes:
        incident: its number.
        command: the id of the command behind it.
        by: who reports.
        department: the reporter's; empty for the archive itself.
        at: UNIX seconds.
        kind, certainty: what happened, and how sure that is.
        targets: records, principals and departments that it is about.
        digest: of what was reported, without the description.
        frozen: whether the targets are frozen.
        more: what else the register says.
    """

    incident: str
    command: str
    by: str
    department: str
    at: int
    kind: IncidentKind
    certainty: str
    targets: Sequence[Target]
    digest: str
    frozen: bool
    more: Mapping[str, Said]


class Opener:
    """Opens incidents.

    Args:
        entries, ties, freezes: the stores.
        people: who is registered.
        rules: the rule book's table ``[incident]``.
        alert: makes the alert durable; None where there are no alerts.
    """

    def __init__(
        self, entries: Entries, ties: Ties, freezes: FreezeStore, people: People, rules: Incident, alert: Alert | None
    ) -> None:
        self._entries = entries
        self._ties = ties
        self._freezes = freezes
        self._people = people
        self._rules = rules
        self._alert = alert

    async def known(self, incident: str) -> Entry | None:
        """The incident of that number."""
        return (await self._entries.get([incident])).get(incident)

    async def open(self, notice: Notice) -> Entry:
        """Open an incident, or find it opened.

        Raises:
            Transient: a dependency does not answer; do the same again.
        """
        if notice.frozen:
            await self._freezes.put(freezes_of(notice))
        records = [target for kind, target in notice.targets if kind == "record"]
        await self._ties.tie((record, notice.incident) for record in records)
        entry = await self.known(notice.incident)
        if entry is None:
            entry = entry_of(notice, self._rules, self._people)
            if not await self._entries.put(entry):  # the same report, at another worker
                entry = await self.known(notice.incident) or entry
        if self._alert is not None:
            told = addressees(self._rules, self._people, notice.department, notice.targets)
            await self._alert(Finding(entry, told))
        return entry


def entry_of(notice: Notice, rules: Incident, people: People) -> Entry:
    """The register's entry: who is told and who answers for it are the posts and those who hold them now. Pure."""
    told = addressees(rules, people, notice.department, notice.targets)
    said: dict[str, Said] = {"certainty": notice.certainty, "digest": notice.digest, **notice.more}
    said |= said_of(notice.targets)
    if rules.plan is not None and rules.plan_version is not None:
        said |= {"plan": rules.plan, "plan_version": rules.plan_version}
    if everyone := tuple(dict.fromkeys(each for who in told.values() for each in who))[:256]:
        said["addressees"] = everyone
    if assigned := responsible(rules, people):
        said["responsible"] = assigned[:256]
    return INCIDENTS.begin(notice.incident, notice.kind, said, by=notice.by, at=notice.at)


def said_of(targets: Sequence[Target]) -> dict[str, Said]:
    """Targets as a step says them."""
    names: tuple[tuple[FreezeKind, str], ...] = (
        ("record", "records"), ("principal", "principals"), ("department", "departments")
    )  # fmt: skip
    found = {name: tuple(target for each, target in targets if each == kind) for kind, name in names}
    return {name: listed for name, listed in found.items() if listed}


def freezes_of(notice: Notice) -> list[Freeze]:
    """The freezes of a notice's targets. Pure."""
    return [Freeze(notice.command, notice.incident, *each, notice.by, notice.at) for each in notice.targets]


def responsible(rules: Incident, people: People) -> tuple[str, ...]:
    """Who an incident is assigned to. Pure."""
    return tuple(dict.fromkeys(each.id for role in rules.responsible for each in people.holders(role)))


def addressees(
    rules: Incident, people: People, department: str, targets: Sequence[Target]
) -> dict[str, tuple[str, ...]]:
    """Who hears of an incident, by post (clause SEC-10); a post that nobody holds is told with nobody. Pure."""
    found: dict[str, tuple[str, ...]] = {}
    for post in rules.addressees:
        if post == SUPERIOR:
            who = [each for each in people.holders(SUPERIORS) if each.department == department]
        elif post == CONCERNED:
            concerned = {target for kind, target in targets if kind == "department"}
            known = [people.principal(target) for kind, target in targets if kind == "principal"]
            concerned |= {each.department for each in known if each is not None}
            who = [each for each in people.holders(HEADS) if each.department in concerned]
        else:
            who = list(people.holders(post))
        found[post] = tuple(each.id for each in who)
    return found
