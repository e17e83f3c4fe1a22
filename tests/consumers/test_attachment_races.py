"""Parts that arrive while their record is destroyed, workers that die between two calls: nothing is left over, nothing lost.

The real consumer, repositories, key ring and forgetter run on simulated stores, one call at a time, in any order that
Hypothesis finds.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections import defaultdict
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumers.attachments import LAPSE_MS, MAX_ATTACHMENTS, Attacher
from consumers.collection_approvals import KnownApprovals
from consumers.reading.attachment_reads import AttachmentReader
from consumers.reading.grants import NamedGrants
from consumers.reading.purposes import Purposes
from consumers.received import Outcome, Received
from keys.chunks import ChunkCipher
from keys.forget import Forgetter
from keys.ledger import Order
from keys.pages import open_table
from keys.ring import KeyRing
from keys.roots import root_of
from schemas.commands import Access, Attach
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.members import PART_BYTES
from schemas.principals import Grant
from store.attachments import COLLECTIONS, Attachments
from store.record import to_document
from store.records import Records
from tests.consumers.samples import NOW, RULES, principal, received
from tests.consumers.test_attachments import CRM, PDF, RECORD, attach
from tests.consumers.test_collection_approvals import Given, People
from tests.simulators.attachments import GatedCollection
from tests.simulators.attested import unsigned
from tests.simulators.key_pages import SimulatedIngestKeys, SimulatedPages
from tests.simulators.store import Gated, Schedule, SimulatedLedger
from tests.simulators.vault import SimulatedVault

#: An actor, and by how many calls it gets on at once.
TURNS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([1, 2, 3, 5, 9, 30])), max_size=12)
CONTENT = PDF + bytes(PART_BYTES)
ORDER = Order(str(uuid.UUID(int=9)), "person:archivist", "subject_request", (), 1, records=(RECORD.id,))


async def no_pause(_seconds: float) -> None:
    return


class World:
    """One record, without a key of the attachments' level; two parts of an attachment; workers; who destroys it."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.database: Any = defaultdict(lambda: GatedCollection(schedule.gate))
        self.vault, self.pages = SimulatedVault(), SimulatedPages()
        self.records, self.attachments = Records(self.database), Attachments(self.database)
        self.approvals = KnownApprovals(Given(), People(), RULES.authorizer)
        digest = hashlib.sha256(CONTENT).hexdigest()
        cut = [CONTENT[:PART_BYTES], CONTENT[PART_BYTES:]]
        self.parts = [
            received(attach(data, part=number, parts=2, sha256=digest), CRM, offset=number)
            for number, data in enumerate(cut, start=1)
        ]

    async def begin(self) -> None:
        async with self.ring() as ring:
            (slots,) = await ring.allocate("cohort", [(RECORD.id, (Level.BASIC,))])
        keys = {level: slot.ref for level, slot in slots.items()}
        await self.database["records"].insert_many([to_document(replace(RECORD, keys=keys))], ordered=False)

    def ring(self) -> KeyRing:
        return KeyRing(self.vault, Gated(self.pages, self.schedule.gate), sleep=no_pause)

    def work(self, part: int) -> Coroutine[Any, Any, Outcome]:
        """What a worker does with a part of the attachment."""
        return self.take(self.parts[part])

    async def take(self, received_part: Received[Attach]) -> Outcome:
        """What a worker does with any part; a new process each time."""
        async with self.ring() as ring:
            attacher = Attacher(self.records, self.attachments, ring, RULES, self.approvals)
            (outcome,) = await attacher.apply([received_part], 0.0)
        return outcome

    async def forget(self) -> None:
        ledger = SimulatedLedger()
        ingest = SimulatedIngestKeys()

        async def live() -> set[str]:
            return {key.kid for key in await ingest.living()}

        pages = Gated(self.pages, self.schedule.gate)
        forgetter = Forgetter(self.vault, pages, self.records, ledger, live, clock=lambda: 1, pause=no_pause)
        await forgetter.forget([RECORD.id], ORDER, at=1)

    def stored(self) -> int:
        return sum(len(self.database[name].documents) for name in COLLECTIONS)

    async def still_open(self) -> list[str]:
        """Chunks that were ever stored and that a key of the live pages opens."""
        deks = []
        for page in self.pages.pages.values():
            (key,) = await self.vault.try_decrypt(root_of(page.level), [page.wrapped_key])
            assert isinstance(key, bytes)
            deks += open_table(page, key).values()
        found = []
        for chunk in self.database[COLLECTIONS[1]].ever:
            for dek in deks:
                with suppress(DanganError):
                    ChunkCipher(dek, RECORD.id, "scan-1", Level.CORE, 2).open(chunk["n"] + 1, chunk["data"])
                    found.append(chunk["_id"])
        return found

    def run(self, work: Any) -> Any:
        return self.schedule.finish(self.schedule.start(work))


@contextmanager
def world() -> Iterator[World]:
    schedule = Schedule()
    try:
        made = World(schedule)
        made.run(made.begin())
        yield made
    finally:
        schedule.close()


def told(outcome: Outcome) -> tuple[str, str | None]:
    return outcome.result.status, outcome.result.code


@pytest.mark.slow
@pytest.mark.clause("DES-02")
@settings(max_examples=150, deadline=None)
@given(TURNS, st.permutations(range(3)), st.booleans())
@example(turns=[(1, 2), (1, 5)], last=[0, 2, 1], first_is_there=True)
def test_whatever_the_order_no_part_outlives_its_record(
    turns: list[tuple[int, int]], last: list[int], first_is_there: bool
) -> None:
    with world() as at:
        if first_is_there:
            assert told(at.run(at.work(0))) == ("accepted", None)
        actors = [at.schedule.start(work) for work in (at.work(0), at.work(1), at.forget())]
        for actor, calls in turns:
            for _ in range(calls):
                at.schedule.step(actors[actor])
        ended = {actor: at.schedule.finish(actors[actor]) for actor in last}
        answers = [ended[0], ended[1]]
        assert at.database["records"].documents[RECORD.id]["state"] == "destroyed"
        assert at.stored() == 0
        assert at.run(at.still_open()) == []  # and no key is left for what was stored meanwhile
        assert all(told(answer)[0] == "accepted" or told(answer)[1] in LATE for answer in answers)
        again = at.run(at.work(0))
        assert told(again) == ("refused", "DG-ATT-001")
        assert at.stored() == 0


#: What a part that comes too late, or before part 1, is told.
LATE = {"DG-ATT-001", "DG-ATT-006", "DG-ATT-007", "DG-KEY-005"}


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 1), max_size=60), st.integers(0, 40), st.integers(0, 1))
def test_workers_that_die_and_parts_that_come_twice_lose_and_double_nothing(
    turns: list[int], crash_after: int, victim: int
) -> None:
    with world() as at:
        assert told(at.run(at.work(0))) == ("accepted", None)
        actors = {0: at.schedule.start(at.work(0)), 1: at.schedule.start(at.work(1))}
        for number, turn in enumerate(turns):
            if number == crash_after and victim in actors:
                at.schedule.crash(actors[victim])
                actors[victim] = at.schedule.start(at.work(victim))  # redelivered
            at.schedule.step(actors[turn])
        answers = [at.schedule.finish(actor) for actor in actors.values()]
        assert {told(answer) for answer in answers} == {("accepted", None)}
        assert told(at.run(at.work(1))) == ("accepted", None)
        assert at.run(at.still_open())  # the control of the test above: while the record lives they do open
        file = at.database[COLLECTIONS[0]].documents[f"{RECORD.id}|scan-1"]
        assert file["metadata"]["state"] == "complete"
        assert file["metadata"]["size"] == len(CONTENT)
        assert len(at.database[COLLECTIONS[1]].documents) == 2


def test_a_part_of_a_failed_attachment_that_comes_again_hears_why_its_chunk_is_gone() -> None:
    cut = [CONTENT[:PART_BYTES], bytes(PART_BYTES), b"end"]
    with world() as at:
        at.parts = [
            received(attach(data, part=number, parts=3, sha256="0" * 64), CRM, offset=number)
            for number, data in enumerate(cut, start=1)
        ]
        answers = [told(at.run(at.work(part))) for part in range(3)]
        assert answers == [("accepted", None), ("accepted", None), ("refused", "DG-ATT-009")]
        # Part 1 was committed; the others come again.
        assert [told(at.run(at.work(part))) for part in (1, 2)] == [("refused", "DG-ATT-009")] * 2
        other = attach(b"end", part=2, parts=2, sha256="1" * 64)
        at.parts = [received(other, CRM)]  # nothing of the failed one: its part 1 is missing
        assert told(at.run(at.work(0))) == ("refused", "DG-ATT-006")
        assert len(at.database[COLLECTIONS[1]].documents) == 0


KEEPER = principal("person:keeper", "collector", kind="person")
LATER = NOW * 1000 + LAPSE_MS + 1


def sent(at: World, content: bytes, who: Any = CRM, *, at_ms: int = NOW * 1000, **changes: Any) -> str | None:
    """The code that a part is answered with."""
    return told(at.run(at.take(received(attach(content, **changes), who, at_ms=at_ms))))[1]


def kept_by_both(at: World) -> None:
    """Let the record have a custodian besides its sender."""
    at.database["records"].documents[RECORD.id]["intake"] = {"custodian": KEEPER.id}


def test_who_sends_what_another_sent_is_not_told_whether_it_is_the_same() -> None:
    scan, guess = PDF + b"what it says", PDF + b"what it may say"
    with world() as at:
        kept_by_both(at)
        assert sent(at, scan) is None
        assert sent(at, scan) == "DG-CMD-002"
        assert sent(at, scan, KEEPER) == sent(at, guess, KEEPER) == "DG-ATT-007"
        assert sent(at, scan, principal("sys:guess", "collector")) == "DG-ATT-001"
        assert sent(at, guess, principal("sys:guess", "collector")) == "DG-ATT-001"


def test_nobody_else_takes_a_name_or_adds_to_what_another_began() -> None:
    half = {"parts": 2, "sha256": "0" * 64}
    full = CONTENT[:PART_BYTES]
    with world() as at:
        kept_by_both(at)
        assert sent(at, full, principal("sys:squatter", "collector"), **half) == "DG-ATT-001"
        assert at.stored() == 0
        assert told(at.run(at.work(0))) == ("accepted", None)
        digest = at.parts[1].command.sha256
        assert sent(at, CONTENT[PART_BYTES:], KEEPER, part=2, parts=2, sha256=digest) == "DG-ATT-007"
        assert told(at.run(at.work(1))) == ("accepted", None)


def test_what_was_begun_and_left_gives_its_name_up_after_a_day() -> None:
    full, half = CONTENT[:PART_BYTES], {"parts": 2, "sha256": "0" * 64}
    with world() as at:
        kept_by_both(at)
        assert sent(at, full, KEEPER, **half) is None
        assert sent(at, PDF, at_ms=LATER - 1) == "DG-ATT-007"
        assert sent(at, PDF, at_ms=LATER) is None
        assert sent(at, PDF, KEEPER, at_ms=LATER * 2) == "DG-ATT-007"  # what is complete never lapses
        assert sent(at, PDF, at_ms=LATER * 2) == "DG-CMD-002"
        assert at.stored() == 2


def test_who_goes_on_after_a_day_finds_his_parts_unless_another_was_begun() -> None:
    with world() as at:
        assert told(at.run(at.work(0))) == ("accepted", None)
        again = replace(at.parts[0], at_ms=LATER)
        assert told(at.run(at.take(again))) == ("duplicate", "DG-CMD-002")
        assert sent(at, PDF, attachment="scan-2", at_ms=LATER) is None
        assert told(at.run(at.take(replace(at.parts[1], at_ms=LATER)))) == ("refused", "DG-ATT-006")
        assert told(at.run(at.take(again))) == ("accepted", None)
        assert told(at.run(at.take(replace(at.parts[1], at_ms=LATER)))) == ("accepted", None)


def test_what_was_begun_and_left_takes_no_place_after_a_day() -> None:
    full, half = CONTENT[:PART_BYTES], {"parts": 2, "sha256": "0" * 64}
    with world() as at:
        for number in range(MAX_ATTACHMENTS):
            assert sent(at, full, attachment=f"begun-{number}", **half) is None
        assert sent(at, PDF, attachment="one-more") == "DG-ATT-008"
        assert sent(at, PDF, attachment="one-more", at_ms=LATER) is None
        assert [doc["files_id"] for doc in at.database[COLLECTIONS[1]].documents.values()] == ["rec-0001|one-more"]


class Always:
    """Grants that cover everything; requests that never came before."""

    async def get(self, names: Any) -> dict[str, Grant]:
        every = frozenset("*")
        return {name: Grant(name, CRM.id, every, every, every, "account_service", NOW - 9, NOW + 9) for name in names}

    async def replayed(self, _seen: Any, *, now: float) -> set[str]:
        assert now
        return set()


@pytest.mark.clause("ARR-13")
@pytest.mark.parametrize(
    ("of_part", "code"),
    [
        ({"part_of": "rec-main"}, None),
        ({"part_of": "rec-other"}, "DG-ATT-010"),
        ({"part_of": "rec-main", "objection": {"at": 1}}, "DG-ATT-010"),
    ],
)
def test_a_merged_archive_answers_with_its_parts_scans_and_names_the_part(
    of_part: dict[str, Any], code: str | None
) -> None:
    with world() as at:
        for number in (0, 1):
            assert told(at.run(at.work(number))) == ("accepted", None)
        stored = at.database["records"].documents
        stored[RECORD.id] |= {"stage": "merged", **of_part}
        stored["rec-main"] = {**to_document(replace(RECORD, id="rec-main")), "parts": [RECORD.id]}

        async def read() -> Outcome:
            members = {"record": "rec-main", "grant": "grant-1", "purpose": "account_service"}
            command = {"type": "access", "id": str(uuid.uuid4()), "attachment": "scan-1", "part": 2, **members}
            everything: Any = Always()
            async with at.ring() as ring:
                parts = (at.records, at.attachments, NamedGrants(everything, RULES.book.use, unsigned()), everything)
                reader = AttachmentReader(*parts, Purposes(everything, RULES.book.reading), ring, RULES)
                (outcome,) = await reader.apply([received(Access.model_validate(command), CRM)], NOW)
            return outcome

        outcome = at.run(read())
        assert outcome.result.code == code
        if code is None:
            assert base64.b64decode(str((outcome.result.values or {})["data"])) == CONTENT[PART_BYTES:]
            assert [event.record for event in outcome.facts] == ["rec-main", RECORD.id]
