"""Applies reports and containments (报告、遏制, clauses SEC-10, SEC-11), one after the other: they are few.

Anybody registered may report. What a report names is frozen with it where the sender's post may freeze; where it may
not, the report counts all the same and the answer says that nothing was frozen. A description is sealed to each of
those who answer for incidents before it is kept: the archive has it in memory for this moment alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

import orjson

from consumers.incidents.opening import Entries, FreezeStore, Notice, Opener, People, freezes_of, responsible, said_of
from consumers.received import Outcome, Received, fact, refused
from consumers.rules import Rules
from schemas.errors import Refusal, Transient
from schemas.incidents import INCIDENTS, Contain, Report, Targets, incident_reference
from schemas.levels import Level
from schemas.principals import Principal, PublicKey
from schemas.references import looks_personal
from schemas.registers import Entry
from schemas.replies import Result

#: Reports of one sender that may wait to be taken in hand.
MAX_WAITING: Final = 50
_ROUNDS: Final = 12
Seal = Callable[[bytes, PublicKey], bytes]


class Words(Protocol):
    """Where descriptions are kept (store/incidents.py)."""

    async def put(self, incident: str, sealed: Mapping[str, bytes], /) -> None:
        """Keep an incident's first words."""


class Register(Entries, Protocol):
    """The register of incidents."""

    def all(self, *, states: Collection[str] | None = None) -> AsyncIterable[Entry]:
        """Every entry in the states."""


class IncidentDesk:
    """Applies ``report`` and ``contain``.

    Args:
        opener: opens incidents.
        register, freezes, words: the stores.
        people: who is registered.
        rules: catalogue, policies and rule book.
        seal: seals a description to a person's receiving key.
    """

    def __init__(
        self,
        opener: Opener,
        register: Register,
        freezes: FreezeStore,
        words: Words,
        people: People,
        rules: Rules,
        seal: Seal,
    ) -> None:
        self._opener = opener
        self._register = register
        self._freezes = freezes
        self._words = words
        self._people = people
        self._rules = rules
        self._seal = seal

    async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
        """Do what is rightly asked for; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        outcomes = []
        for received in batch:
            try:
                done = self._report if isinstance(received.command, Report) else self._contain
                outcomes.append(await done(received, now))
            except Refusal as refusal:
                outcomes.append(_refused(received, refusal))
        return outcomes

    async def _report(self, received: Received[Report], now: float) -> Outcome:
        command, sender = received.command, received.sender
        check_references(command)
        if not self._rules.authorizer.allows(sender, "report", Level.BASIC, ""):
            raise Refusal("DG-CMD-004")
        notice = notice_of(received, may_freeze=self._may_freeze(sender))
        known = await self._opener.known(notice.incident)
        if known is not None and known.steps[0].said["digest"] != notice.digest:
            raise Refusal("DG-CMD-001")
        if known is None:
            await self._check_room(sender)
        if command.description is not None:
            await self._words.put(notice.incident, self._sealed(command.description, now))
        entry = await self._opener.open(notice)
        warning = _warning(command, entry, frozen=notice.frozen)
        event = replace(fact(received, "register", record=entry.id), book="incidents.report", digest=notice.digest)
        return Outcome(_accepted(received, entry, warning), (event,))

    async def _check_room(self, sender: Principal) -> None:
        waiting = 0
        async for entry in self._register.all(states={"reported"}):
            waiting += entry.steps[0].by == sender.id
            if waiting >= MAX_WAITING:
                raise Refusal("DG-INC-007")

    def _sealed(self, description: str, now: float) -> dict[str, bytes]:
        sealed = {}
        for each in responsible(self._rules.book.incident, self._people):
            who = self._people.principal(each)
            key = who.receiving_key(now) if who else None
            if key is not None:
                sealed[each] = self._seal(description.encode(), key)
        return sealed

    async def _contain(self, received: Received[Contain], now: float) -> Outcome:  # noqa: ARG002 - as _report
        command, sender = received.command, received.sender
        check_references(command)
        if not self._may_freeze(sender) or not self._rules.authorizer.allows(sender, "report", Level.BASIC, ""):
            raise Refusal("DG-INC-005")
        if not command.targets():
            raise Refusal("DG-INC-003")
        for _round in range(_ROUNDS):
            entry = await self._opener.known(command.incident)
            if entry is None:
                raise Refusal("DG-INC-006")
            digest, at = _digest(command), received.at_ms // 1000
            again = next((each for each in entry.steps if each.said.get("command") == command.id), None)
            if again is None and INCIDENTS.is_over(entry):
                raise Refusal("DG-INC-008")
            await self._freezes.put(_frozen(command, sender.id, at))  # at once: the register follows
            said = {"command": command.id, **said_of(command.targets())}
            after = entry if again else INCIDENTS.follow(entry, "freeze", said, by=sender.id, at=at)
            if after is entry or await self._register.put(after):
                event = replace(fact(received, "register", record=entry.id), book="incidents.freeze", digest=digest)
                return Outcome(_accepted(received, after, None), (event,))
        raise Transient("DG-STO-001", detail="the incident kept changing")

    def _may_freeze(self, who: Principal) -> bool:
        book = self._rules.book.incident
        return who.kind == "person" and not who.roles.isdisjoint({*book.freeze_posts, *book.responsible})


def notice_of(received: Received[Report], *, may_freeze: bool) -> Notice:
    """What a report says.

    Raises:
        Refusal: DG-INC-003 when there is nothing to freeze.
    """
    command, sender = received.command, received.sender
    if command.freeze and not command.targets():
        raise Refusal("DG-INC-003", field="freeze")
    return Notice(
        incident=incident_reference(sender.id, command.id),
        command=command.id,
        by=sender.id,
        department=sender.department,
        at=received.at_ms // 1000,
        kind=command.kind,
        certainty=command.certainty,
        targets=command.targets(),
        digest=_digest(command),
        frozen=command.freeze and may_freeze,
        more={"happened_at": command.happened_at} if command.happened_at else {},
    )


def check_references(command: Targets) -> None:
    """Refuse references that look like personal data: the register and the events name them in clear.

    Raises:
        Refusal: DG-COL-007.
    """
    named = [target for _, target in command.targets()]
    if isinstance(command, Contain):
        named.append(command.incident)
    if any(map(looks_personal, named)):
        raise Refusal("DG-COL-007")


def _frozen(command: Contain, by: str, at: int) -> list[Any]:
    notice = Notice(command.incident, command.id, by, "", at, "leak", "known", command.targets(), "", True, {})
    return list(freezes_of(notice))


def _warning(command: Report, entry: Entry, *, frozen: bool) -> Refusal | None:
    """What a taken report must tell its sender all the same."""
    if command.freeze and not frozen:
        return Refusal("DG-INC-004", field="freeze")
    return None if "plan" in entry.steps[0].said else Refusal("DG-INC-009")


def _accepted(received: Received[Any], entry: Entry, warning: Refusal | None) -> Result:
    result = Result(id=received.command.id, status="accepted", of=entry.id)
    if warning is None:
        return result
    told = warning.told(received.sender.locale)
    return replace(result, code=warning.code, field=warning.field, message=told.sentence, next_step=told.next_step)


def _digest(command: Report | Contain) -> str:
    """Of all but the description, which is somebody's words: a digest of a short text could be guessed."""
    document = command.model_dump(mode="json", exclude={"description"})
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _refused(received: Received[Any], refusal: Refusal) -> Outcome:
    verb = "report" if isinstance(received.command, Report) else "freeze"
    event = fact(received, "register", allowed=False, code=refusal.code)
    return Outcome(refused(received, refusal), (replace(event, book=f"incidents.{verb}"),))
