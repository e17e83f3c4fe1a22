"""Intake (收集后的审核, 移交, 确认): applies reviews, hand-overs and confirmations (clauses COL-10, 11, 17, 18).

What is decided stands in consumers/intake_acts.py, how several records move together in store/intakes.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from consumers.approvals import Registered
from consumers.intake_acts import Sight, act_digest, act_id, check_references, decide
from consumers.received import Outcome, Received, fact, refused
from consumers.rules import Rules
from schemas.audit import Verb
from schemas.errors import Refusal, Transient
from schemas.replies import Result
from store.intakes import Act, Filed, Intakes

#: How often an act that meets others, or records that move under it, is tried anew.
_ROUNDS: Final = 12
#: Seconds that another worker's claim is given before it counts as left behind.
_PATIENCE: Final = 0.1
#: The deed's word for refused commands, by type; those done have their own (Act.result).
_VERBS: Final[Mapping[str, Verb]] = {"hand_over": "hand_over", "confirm": "confirm"}


class IntakeDesk:
    """Applies batches of intake commands, one after the other: they are few, and each may be large.

    Args:
        intakes: where records and acts stand.
        codes: archive codes of those of the records that have one.
        directory: who is registered.
        rules: catalogue, policies and rule book.
    """

    def __init__(
        self,
        intakes: Intakes,
        codes: Callable[[Collection[str]], Awaitable[Mapping[str, str]]],
        directory: Registered,
        rules: Rules,
    ) -> None:
        self._intakes = intakes
        self._codes = codes
        self._directory = directory
        self._rules = rules

    async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
        """Do what is rightly asked for; one outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        return [await self._one(received, now) for received in batch]

    async def _one(self, received: Received[Any], now: float) -> Outcome:
        command = received.command
        try:
            check_references(command)
        except Refusal as refusal:
            return _refused(received, refusal)
        for _round in range(_ROUNDS):
            known = await self._intakes.act(act_id(received))
            if known is not None:
                if known.digest != act_digest(command):
                    return _refused(received, Refusal("DG-CMD-001"))
                if await self._settled(known):
                    return _done(received, known)
            filed = await self._intakes.filed(command.records)
            codes = await self._codes(command.records) if command.type == "hand_over" else {}
            try:
                act = decide(received, Sight(filed, codes, self._directory, self._rules, now))
            except Refusal as refusal:
                if await self._intakes.act(act_id(received)) is None:
                    return _refused(received, refusal)
                continue  # another worker has this very command: the records have moved by it
            if await self._done_with(replace(act, nonce=uuid4().hex), filed):
                return _done(received, act)
        raise Transient("DG-STO-001", detail="the records kept moving")

    async def _done_with(self, act: Act, filed: Mapping[str, Filed]) -> bool:
        """Claim, look again, decide, finish; False when something came between: then it starts over."""
        if not await self._intakes.claim(act):
            for rival in await self._intakes.rivals(act.records):
                await self._settled(rival)
            return False
        if await self._intakes.filed(act.records) != filed:
            await self._intakes.drop(act)
            return False
        if not await self._intakes.decide(act):
            return False
        await self._intakes.finish(act)
        return True

    async def _settled(self, act: Act) -> bool:
        """Finish a decided act for whoever began it; drop a claim that its author left. Whether the act stands."""
        if act.state == "claimed":
            await asyncio.sleep(_PATIENCE)
            await self._intakes.drop(act)
            return False
        if act.state == "decided":
            await self._intakes.finish(act)
        return True


def _done(received: Received[Any], act: Act) -> Outcome:
    result = Result(id=received.command.id, status="accepted")
    facts = tuple(
        replace(fact(received, "intake", record=record, approvers=act.signers), verb=act.result)
        for record in act.records
    )
    return Outcome(result, facts)


def _refused(received: Received[Any], refusal: Refusal) -> Outcome:
    # One event for the command: one for each of 256 records would let a bundle flood the stream.
    command = received.command
    verb = _VERBS.get(command.type) or ("pass" if command.result == "passed" else "return")
    record = command.records[0] if len(command.records) == 1 else None
    event = fact(received, "intake", record=record, allowed=False, code=refusal.code)
    return Outcome(refused(received, refusal), (replace(event, verb=verb),))
