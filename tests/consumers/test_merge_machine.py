"""Collects, merges, undoings, updates, destructions and crashes in any order: one active archive per identity, and no
value lost before its destruction (clause ARR-13)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import bson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from schemas.errors import Refusal
from tests.simulators.merging import Archive, link

pytestmark = pytest.mark.slow

T = TypeVar("T")
IDS = ("11010519491231002X", "110105194912310038", "110105194912310046")
FIELDS = ("city", "occupation", "interests")
VALUES = st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(("苏州", "无锡", "上海")), max_size=3)
NAMES = st.integers(0, 7)


class Crash(BaseException):
    """The worker was killed."""


@dataclass
class Known:
    """What the model knows of a record: plain values, and how it stands."""

    subject: str
    values: dict[str, str]
    active: bool
    version: int = 1
    part_of: str | None = None
    was_active: bool = False
    parts: list[str] = field(default_factory=list)
    hidden: set[tuple[str, str]] = field(default_factory=set)


class Merging(RuleBasedStateMachine):
    """The real repositories and appliers beside the model."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.archive = Archive()
        self.known: dict[str, Known] = {}
        self.destroyed: set[str] = set()
        self.numbers = iter(range(10_000))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def pick(self, number: int) -> str:
        return sorted(self.known)[number % len(self.known)]

    def holders(self, subject: str, values: dict[str, str]) -> set[str]:
        """The archives of that subject or identifier; a part's is the one it is part of."""
        found = set()
        for name, known in self.known.items():
            claims = known.active or known.was_active  # a duplicate claims nothing
            same = known.subject == subject or (
                "id_number" in values and known.values.get("id_number") == values["id_number"]
            )
            if claims and same:
                found.add(known.part_of or name)
        return found

    @initialize()
    def begin(self) -> None:
        self.collect({"city": "苏州"}, IDS[0], 2)
        self.collect({"city": "无锡", "occupation": "木工"}, IDS[0], 2)
        self.collect({"occupation": "教师", "interests": "钟表"}, IDS[1], 2)

    @rule(values=VALUES, identity=st.sampled_from((None, *IDS)), subject=st.integers(0, 3))
    def collect(self, values: dict[str, str], identity: str | None, subject: int) -> None:
        number = next(self.numbers)
        name, fields = f"rec-{number:04}", dict(values) | ({"id_number": identity} if identity else {}) or {"city": "x"}
        who = f"sub-{subject}" if subject < 2 else f"sub-own-{number}"
        expected = self.holders(who, fields)
        of = self.do(self.archive.collect(name, who, fields))
        assert of in expected if expected else of is None
        self.known[name] = Known(who, fields, active=of is None)

    @precondition(lambda self: len(self.known) > 1)
    @rule(into=NAMES, other=NAMES, stale=st.booleans(), crash=st.integers(0, 3), between=st.booleans())
    def merge_any(self, into: int, other: int, stale: bool, crash: int, between: bool) -> None:
        self.merge(self.pick(into), self.pick(other), int(stale), crash, between)

    @precondition(lambda self: self.mergeable())
    @rule(number=NAMES, into=NAMES, crash=st.integers(0, 3))
    def merge_rightly(self, number: int, into: int, crash: int) -> None:
        archives = sorted(name for name, known in self.known.items() if known.active)
        kept = archives[into % len(archives)]
        joins = [name for name in self.mergeable() if name != kept]
        if joins:
            self.merge(kept, joins[number % len(joins)], 0, crash, between=False)

    def mergeable(self) -> list[str]:
        free = (name for name, known in self.known.items() if known.part_of is None and not known.parts)
        return sorted(free) if any(known.active for known in self.known.values()) else []

    def merge(self, kept: str, name: str, stale: int, crash: int, between: bool) -> None:
        archive, joins = self.known[kept], self.known[name]
        command = link("merge", kept, name, (archive.version + stale, joins.version))
        self.apply(command, crash, archive if between else None)
        legal = kept != name and archive.active and not joins.parts and joins.part_of is None and not stale
        outcome = self.do(self.archive.link(command))
        interfered = archive.version != command.from_version and not stale
        assert (outcome.result.status == "accepted") == legal or interfered, outcome.result
        if outcome.result.status == "accepted":
            archive.version += 1
            joins.version += 1
            archive.parts.append(name)
            joins.part_of, joins.was_active, joins.active = kept, joins.active, False

    @precondition(lambda self: any(known.part_of for known in self.known.values()))
    @rule(number=NAMES, crash=st.integers(0, 3))
    def unmerge(self, number: int, crash: int) -> None:
        parts = sorted(name for name, known in self.known.items() if known.part_of)
        name = parts[number % len(parts)]
        part = self.known[name]
        kept = part.part_of or ""
        archive = self.known[kept]
        command = link("unmerge", kept, name, (archive.version, part.version))
        self.apply(command, crash, None)
        outcome = self.do(self.archive.link(command))
        assert outcome.result.status == "accepted", outcome.result
        archive.version += 1
        part.version += 1
        archive.parts.remove(name)
        archive.hidden = {(part_name, hidden) for part_name, hidden in archive.hidden if part_name != name}
        part.active, part.was_active, part.part_of = part.was_active, False, None

    def apply(self, command: Any, crash: int, interfering: Known | None) -> None:
        """Let a worker die at its n-th write of the command, and perhaps an update come before the redelivery."""
        left = crash

        def kill() -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Crash

        self.archive.rows.before_write = kill
        try:
            self.do(self.archive.link(command))
        except Crash:
            self.archive.rows.before_write = lambda: None
            if interfering is not None and command.record in self.known:
                stored = self.archive.rows.documents[command.record]["version"]
                outcome = self.do(self.archive.update(command.record, stored, {"city": "杭州"}))
                if outcome.result.status == "accepted":
                    interfering.version += 1
                    interfering.values["city"] = "杭州"
                    self.free(command.record)
        finally:
            self.archive.rows.before_write = lambda: None

    @precondition(lambda self: self.known)
    @rule(number=NAMES, name=st.sampled_from(FIELDS), value=st.sampled_from((None, "苏州", "南京")))
    def update(self, number: int, name: str, value: str | None) -> None:
        record = self.pick(number)
        known = self.known[record]
        outcome = self.do(self.archive.update(record, known.version, {name: value}))
        assert (outcome.result.status == "accepted") == (known.part_of is None), outcome.result
        if known.part_of is None:
            self.updated(record, name, value)

    @precondition(lambda self: self.known)
    @rule(number=NAMES, value=st.sampled_from((None, *IDS)))
    def correct(self, number: int, value: str | None) -> None:
        record = self.pick(number)
        known = self.known[record]
        corrects = value != known.values.get("id_number")
        wanted = known.values | {"id_number": value or "nobody's"}
        refused = known.part_of is not None or (corrects and self.rivals(record, wanted))
        outcome = self.do(self.archive.update(record, known.version, {"id_number": value}))
        assert (outcome.result.status == "refused") == bool(refused), outcome.result
        if not refused:
            self.updated(record, "id_number", value)

    def updated(self, record: str, name: str, value: str | None) -> None:
        known = self.known[record]
        known.version += 1
        if value is None:
            known.values.pop(name, None)
            known.hidden |= {(part, name) for part in known.parts}
        else:
            known.values[name] = value
        self.free(record)

    def free(self, record: str) -> None:
        """A duplicate that is changed is an archive from then on, if nobody has its identity."""
        known = self.known[record]
        known.active = known.active or not self.rivals(record, known.values)

    def rivals(self, record: str, values: dict[str, str]) -> set[str]:
        """The other records that claim the subject or identifier."""
        own = self.known.pop(record)
        found = self.holders(own.subject, values)
        self.known[record] = own
        return found

    def reached_from(self, record: str) -> set[str]:
        """The record, its parts, the duplicates that wait beside it, and so on from each of these."""
        reached, new = {record}, {record}
        while new:
            waiting = {
                name
                for name in self.known
                if self.archive.rows.documents[name].get("duplicate_of") in new
                and self.archive.rows.documents[name].get("stage") == "duplicate"
            }
            new = (waiting | {part for name in new for part in self.known[name].parts}) - reached
            reached |= new
        return reached

    @precondition(lambda self: self.known)
    @rule(number=NAMES, named=st.booleans())
    def destroy(self, number: int, named: bool) -> None:
        record = self.pick(number)
        belongs = self.reached_from(record) - {record}
        order = {record, *(belongs if named else ())}
        try:
            self.do(self.archive.destroy(sorted(order)))
        except Refusal as refusal:
            assert refusal.code == "DG-MRG-005"
            assert belongs
            assert not named
            return
        assert named or not belongs
        for name in order:
            self.destroyed.add(name)
            gone = self.known.pop(name)
            if gone.part_of in self.known:
                self.known[gone.part_of].parts.remove(name)

    # --- what must hold ---

    @invariant()
    def one_active_archive_per_identity(self) -> None:
        claimed: dict[str, str] = {}
        for name, known in self.known.items():
            stored = self.archive.rows.documents[name]
            stage = stored.get("stage", "archived")
            assert (stage == "archived") == known.active, (name, stage)
            assert stored.get("part_of") == known.part_of
            if known.active:
                keys = [known.subject, *([known.values["id_number"]] if "id_number" in known.values else [])]
                for key in keys:
                    assert claimed.setdefault(key, name) == name

    @invariant()
    def no_value_is_lost_and_archives_answer_with_their_parts(self) -> None:
        for name, known in self.known.items():
            assert self.do(self.archive.own(name)) == known.values
            expected = dict(known.values)
            for part in known.parts:
                for each, value in self.known[part].values.items():
                    if (part, each) not in known.hidden:
                        expected.setdefault(each, value)
            assert self.do(self.archive.read(name, [*FIELDS, "id_number"])) == expected

    @invariant()
    def versions_and_histories_agree(self) -> None:
        for name, known in self.known.items():
            stored = self.archive.rows.documents[name]
            history = stored.get("history", [])
            assert (stored["version"], len(history)) == (known.version, known.version - 1)
            assert stored.get("history_bytes", 0) == sum(len(bson.encode(entry)) for entry in history)

    @invariant()
    def nothing_of_what_is_destroyed_is_left(self) -> None:
        for name in self.destroyed:
            assert self.archive.rows.documents[name].keys() == {"_id", "state", "at"}
        for known in self.known.values():
            assert known.part_of not in self.destroyed

    def teardown(self) -> None:
        self.loop.close()


TestMerging = pytest.mark.clause("ARR-13")(Merging.TestCase)
TestMerging.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
