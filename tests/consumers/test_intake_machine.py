"""Any order of intake commands, redeliveries and crashes: nothing is archived without review, two signatures, posts."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from consumers.intake import IntakeDesk
from schemas.approvals import ApprovalAction
from store.intakes import Act, Filed, Move
from tests.consumers.intakes import (
    PEOPLE,
    POSTS,
    SENDER,
    SIDES,
    STRICT,
    code_of,
    confirm,
    filed,
    hand_over,
    returning,
    review,
    signed,
)
from tests.consumers.samples import NOW, received

pytestmark = pytest.mark.slow

NAMES = ("rec-0001", "rec-0002", "rec-0003")
SOME = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)
SIGNS = st.lists(st.sampled_from(SIDES + POSTS), max_size=4, unique=True)


class Killed(Exception):
    """The worker is gone."""


class Shelf:
    """store/intakes.py's promises in memory; ``fuse`` calls later the worker is killed, before or after the write."""

    def __init__(self) -> None:
        self.records = {name: filed(id=name) for name in NAMES}
        self.acts: dict[str, Act] = {}
        self.fuse = 10**9
        self.proofs: dict[str, set[str]] = {name: set() for name in NAMES}

    def _burn(self) -> None:
        self.fuse -= 1
        if self.fuse < 0:
            raise Killed

    async def act(self, act: str) -> Act | None:
        return self.acts.get(act)

    async def filed(self, records: Any) -> dict[str, Filed]:
        return {name: self.records[name] for name in records if name in self.records}

    async def claim(self, act: Act) -> bool:
        self._burn()
        if act.id in self.acts or await self.rivals(act.records):
            return False
        self.acts[act.id] = act
        self._burn()
        return True

    async def rivals(self, records: Any) -> list[Act]:
        return [a for a in self.acts.values() if a.state != "done" and set(a.records) & set(records)]

    async def drop(self, act: Act) -> None:
        if self.acts.get(act.id) == act:
            del self.acts[act.id]

    async def decide(self, act: Act) -> bool:
        self._burn()
        if self.acts.get(act.id) != act:
            return False
        self.acts[act.id] = replace(act, state="decided")
        self._note(act)
        self._burn()
        return True

    async def finish(self, act: Act) -> None:
        for move in act.moves:
            self._burn()
            self._move(move)
        self._burn()
        assert all(self.records[move.record].moves > move.moves for move in act.moves), "moved together"
        self.acts[act.id] = replace(self.acts[act.id], state="done", moves=())

    def _note(self, act: Act) -> None:
        for name in act.records:
            if act.kind == "review":
                self.proofs[name] = {"review"} if act.result == "pass" else set()
            else:
                self.proofs[name].add(act.kind)

    def _move(self, move: Move) -> None:
        known = self.records[move.record]
        if (known.stage, known.moves) == (move.seen, move.moves):
            review_of = move.review or known.review
            self.records[move.record] = replace(known, stage=move.stage, moves=known.moves + 1, review=review_of)


class Intaking(RuleBasedStateMachine):
    """Commands of everybody, in any order; the truth is what was accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf()
        self.sent: list[tuple[Any, str, Any]] = []
        self.unanswered: list[tuple[Any, str]] = []

    async def _codes(self, records: Any) -> dict[str, str]:
        return {name: code_of(name) for name in records}

    def _apply(self, command: Any, sender: str) -> Any:
        who = PEOPLE.principal(sender)
        assert who is not None
        desk = IntakeDesk(self.shelf, self._codes, PEOPLE, STRICT)  # type: ignore[arg-type]
        (outcome,) = asyncio.run(desk.apply([received(command, who)], NOW))
        return outcome

    def _versions(self, records: list[str]) -> list[int]:
        return [self.shelf.records[name].version for name in records]

    def _send(self, command: Any, sender: str) -> None:
        outcome = self._apply(command, sender)
        if outcome.result.status == "accepted":
            self.sent.append((command, sender, outcome))

    @rule(records=SOME, sender=st.sampled_from(("per:reviewer", "per:collector", SENDER)), passes=st.booleans())
    def reviews(self, records: list[str], sender: str, passes: bool) -> None:
        self._send((review if passes else returning)(*records, versions=self._versions(records)), sender)

    @rule(records=SOME, by=SIGNS)
    def hands_over(self, records: list[str], by: list[tuple[str, ApprovalAction]]) -> None:
        command = hand_over(*(self.shelf.records[name] for name in records))
        self._send(signed(command, tuple(by)), "per:archivist")

    @rule(records=SOME, by=st.sampled_from((SIDES, SIDES, POSTS, SIDES[:1])), passes=st.booleans())
    def goes_the_usual_way(self, records: list[str], by: Any, passes: bool) -> None:
        self._send((review if passes else returning)(*records, versions=self._versions(records)), "per:reviewer")
        command = hand_over(*(self.shelf.records[name] for name in records))
        self._send(signed(command, by), "per:archivist")

    @rule(records=SOME, by=st.one_of(SIGNS, st.just(list(POSTS))))
    def confirms(self, records: list[str], by: list[tuple[str, ApprovalAction]]) -> None:
        command = confirm(*records, versions=self._versions(records))
        self._send(signed(command, tuple(by)), "per:archivist")

    @rule(record=st.sampled_from(NAMES), by=st.sampled_from((SENDER, "sys:other")))
    def is_updated(self, record: str, by: str) -> None:
        known = self.shelf.records[record]
        revisers = {**known.revisers, known.version: by}
        self.shelf.records[record] = replace(known, version=known.version + 1, revisers=revisers)
        if known.stage != "archived":
            self.shelf.proofs[record].discard("review")

    @rule(which=st.integers(0, 30))
    def a_command_comes_again(self, which: int) -> None:
        if not self.sent:
            return
        command, sender, outcome = self.sent[which % len(self.sent)]
        before = dict(self.shelf.records)
        assert self._apply(command, sender) == outcome
        assert self.shelf.records == before

    @rule(records=SOME, fuse=st.integers(0, 7), kind=st.sampled_from(("review", "hand_over", "confirm")))
    def a_worker_is_killed(self, records: list[str], fuse: int, kind: str) -> None:
        command = {
            "review": lambda: review(*records, versions=self._versions(records)),
            "hand_over": lambda: signed(hand_over(*(self.shelf.records[n] for n in records)), SIDES),
            "confirm": lambda: signed(confirm(*records, versions=self._versions(records)), POSTS),
        }[kind]()
        sender = "per:reviewer" if kind == "review" else "per:archivist"
        self.shelf.fuse = fuse
        with suppress(Killed):
            self._apply(command, sender)
        self.shelf.fuse = 10**9
        self.unanswered.append((command, sender))

    @rule()
    def what_a_killed_worker_had_comes_again(self) -> None:
        for command, sender in self.unanswered:
            self._send(command, sender)
        self.unanswered.clear()
        assert all(act.state == "done" for act in self.shelf.acts.values())

    @invariant()
    def nothing_is_archived_without_every_step(self) -> None:
        for name, known in self.shelf.records.items():
            if known.stage == "archived":
                assert self.shelf.proofs[name] >= {"review", "hand_over", "confirm"}


Intaking.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestIntaking = pytest.mark.clause("COL-10", "COL-11", "COL-18")(Intaking.TestCase)
