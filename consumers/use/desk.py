"""Applies applications, signatures under them, and returns (申请、审批、归还).

A grant is made once and its event is durable before it is (USE-01): whoever can read under it could be seen to have
got it. Every step is a compare-and-swap on the application, so that of two signatures at once each counts and one
grant comes of them; a redelivered command finds its step and does the rest again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from consumers.approvals import Registered
from consumers.received import Outcome, Received, fact, refused
from consumers.rules import Rules
from consumers.use import applying, giving_back
from consumers.use.applying import Sight, decide_apply
from consumers.use.attested import Attested
from consumers.use.endorsing import Endorsed, decide_endorse
from consumers.use.giving_back import decide_give_back
from consumers.use.grants import grant_of
from consumers.use.ports import ApplicationStore, GrantStore, RecordStore, ReturnStore
from schemas.approvals import digest_of
from schemas.audit import Fact, Verb
from schemas.digests import stored_digest
from schemas.errors import Refusal, Transient
from schemas.replies import Result
from schemas.use import Apply, Endorse, GiveBack
from store.applications import PREFIX, Application, State
from store.principals import grant_document
from store.record import Record
from store.use_returns import Returned

_ROUNDS: Final = 12
#: How many applications of one applicant may wait at a time.
MAX_OPEN: Final = 100
_VERBS: Final[Mapping[str, Verb]] = {"apply": "apply", "endorse": "endorse", "give_back": "give_back"}
_SIGNED: Final[Mapping[str, Verb]] = {"approve-use": "endorse", "reject-use": "reject", "opine": "opine"}
Announce = Callable[[Sequence[Fact]], Awaitable[None]]


class UseDesk:
    """Applies batches of such commands, one after the other: they are few.

    Args:
        applications, grants, returns, records: the stores.
        directory: who is registered.
        rules: catalogue, policies and rule book.
        attested: the archive's signatures on applications and grants.
        announce: makes events durable; without it a grant's event is durable after the grant, before any answer.
    """

    def __init__(
        self,
        applications: ApplicationStore,
        grants: GrantStore,
        returns: ReturnStore,
        records: RecordStore,
        directory: Registered,
        rules: Rules,
        attested: Attested,
        announce: Announce | None = None,
    ) -> None:
        self._applications = applications
        self._grants = grants
        self._returns = returns
        self._records = records
        self._directory = directory
        self._rules = rules
        self._attested = attested
        self._announce = announce

    async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
        """Do what is rightly asked for; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        does: Mapping[str, Callable[[Received[Any], float], Awaitable[Outcome]]]
        does = {"apply": self._apply, "endorse": self._endorse, "give_back": self._give_back}
        outcomes = []
        for received in batch:
            try:
                outcomes.append(await does[received.command.type](received, now))
            except Refusal as refusal:
                outcomes.append(self._refused(received, refusal))
        return outcomes

    async def _apply(self, received: Received[Apply], now: float) -> Outcome:
        command, sender = received.command, received.sender
        applying.check_references(command)
        await self._attested.fresh()
        application = await self._applications.get(command.id)
        if application is None:
            await self._check_applicant(sender.id, now, emergency=command.emergency)
            named = [name for name in command.records if name != "*"]
            sight = Sight(await self._records.get(named) if named else {}, self._directory, self._rules)
            application = await self._attested.application(decide_apply(received, sight))
            if not await self._applications.add(application):  # who took over was quicker
                application = await self._applications.get(command.id)
        if application is None or (application.applicant, application.digest) != (
            sender.id,
            digest_of(command, sender.id),
        ):
            raise Refusal("DG-CMD-001")
        await self._attested.check(application)
        facts = [self._fact(received, application, "apply")]
        if command.emergency or not application.posts:
            facts.append(await self._give(received, application))
        return Outcome(Result(id=command.id, status="accepted"), tuple(facts))

    async def _check_applicant(self, applicant: str, now: float, *, emergency: bool) -> None:
        use = self._rules.book.use
        before = int(now) - 86_400 * use.return_days
        refuse = use.refuse_while_overdue and not emergency  # which is told of at once, and signed by two
        if refuse and await self._applications.is_overdue(applicant, before=before):
            raise Refusal("DG-USE-016")
        if await self._applications.open_of(applicant, now=int(now), limit=MAX_OPEN) >= MAX_OPEN:
            raise Refusal("DG-USE-017")

    async def _endorse(self, received: Received[Endorse], now: float) -> Outcome:
        endorsed = await self._counted(received, now)
        application, step = endorsed.application, endorsed.step
        facts = [self._fact(received, application, _SIGNED[step.action], approvers=(step.by,))]
        if endorsed.gives:
            facts.append(await self._give(received, application))
        if endorsed.recalls:
            await self._grants.recall(application.grant, at=int(now))
            recall = fact(received, "recall", grant=application.grant, approvers=(step.by,))
            facts.append(replace(recall, verb="recall", reader=application.applicant))
        return Outcome(Result(id=received.command.id, status="accepted"), tuple(facts))

    async def _counted(self, received: Received[Endorse], now: float) -> Endorsed:
        for _round in range(_ROUNDS):
            await self._attested.fresh()
            application = await self._applications.get(received.command.application)
            found: Mapping[str, Record] = {}
            if application is not None:
                await self._attested.check(application)
            if application is not None and application.request["records"]:
                found = await self._records.get([name for name in application.request["records"] if name != "*"])
            endorsed = decide_endorse(received, application, found, self._directory, self._rules, now)
            if endorsed.again or application is None:
                return endorsed
            endorsed = replace(endorsed, application=await self._attested.application(endorsed.application))
            if await self._applications.swap(application, endorsed.application):
                return endorsed
        raise Transient("DG-STO-001", detail="the application kept changing")

    async def _give(self, received: Received[Any], application: Application) -> Fact:
        """Make the grant of an application, its event first; both again after a crash."""
        grant = await self._attested.grant(grant_of(application))
        made = replace(
            fact(
                received,
                "grant",
                grant=grant.id,
                purpose=grant.purpose,
                fields=tuple(sorted(grant.fields)),
                level=application.level,
                approvers=tuple(step.by for step in application.approved),
            ),
            verb="emergency" if grant.emergency else "give",
            reader=grant.principal,
            clear=tuple(sorted(grant.clear)),
            digest=stored_digest(grant_document(grant)),
        )
        if self._announce is not None:
            await self._announce([made])
        await self._grants.put(grant)
        current = await self._applications.get(application.id)
        if current is not None and current.state == "rejected":  # an emergency that was rejected before it was made
            await self._grants.recall(grant.id, at=received.at_ms // 1000)
        return made

    async def _give_back(self, received: Received[GiveBack], _now: float) -> Outcome:
        command = received.command
        giving_back.check_references(command)
        for _round in range(_ROUNDS):
            grant = (await self._grants.get([command.grant])).get(command.grant)
            before = (await self._returns.get([command.grant])).get(command.grant)
            returned = decide_give_back(received, grant, before)
            if returned is before or await self._returns.put(returned, instead_of=before):
                await self._grants.give_back(command.grant, at=returned.first_ms // 1000)
                await self._settle(returned)
                given = replace(fact(received, "use", grant=command.grant), verb="give_back", reader=returned.by)
                return Outcome(Result(id=command.id, status="accepted"), (given,))
        raise Transient("DG-STO-001", detail="the return kept changing")

    async def _settle(self, returned: Returned) -> None:
        """Note on the application, if the grant came of one, that the use is over. A rejected emergency stays so."""
        for _round in range(_ROUNDS):
            application = await self._applications.get(returned.grant.removeprefix(PREFIX))
            state: State = "copies_outstanding" if returned.outstanding else "returned"
            if application is None or application.state not in ("granted", "copies_outstanding"):
                return
            if application.state == state or await self._applications.swap(
                application, replace(application, state=state)
            ):
                return
        raise Transient("DG-STO-001", detail="the application kept changing")

    def _fact(
        self, received: Received[Any], application: Application, verb: Verb, *, approvers: tuple[str, ...] = ()
    ) -> Fact:
        request = application.request
        made = fact(
            received,
            "use",
            grant=application.grant,
            purpose=request["purpose"],
            fields=tuple(request["fields"]),
            level=application.level,
            approvers=approvers,
        )
        return replace(made, verb=verb, reader=application.applicant, digest=application.digest)

    def _refused(self, received: Received[Any], refusal: Refusal) -> Outcome:
        command = received.command
        grant = None
        if refusal.code != "DG-COL-007":
            named = {"endorse": lambda: PREFIX + command.application, "give_back": lambda: command.grant}
            grant = named.get(command.type, lambda: None)()
        event = fact(received, "use", allowed=False, code=refusal.code, grant=grant)
        return Outcome(refused(received, refusal), (replace(event, verb=_VERBS[command.type]),))
