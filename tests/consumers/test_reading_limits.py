"""How much one principal may read, whatever comes again; and that an answer's watermark is of that answer."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.reading.limits import Limited, mark_of, refusals
from consumers.reading.marks import Marked
from consumers.received import Outcome, Received
from keys.watermark import mark_of as read_token
from keys.watermark import marker_from
from ops.rules import load_rules
from schemas.replies import Result
from schemas.rule_tables.reading import Reading
from store.read_counts import Asked, _asked
from tests.consumers.samples import NOW, access, browse, grant, principal, received
from tests.consumers.test_reading_bounds import book
from tests.simulators.reading import Shelves, stored
from tests.simulators.vault import SimulatedVault

CLERK = principal("per:clerk-7", "reader", kind="person")


class Counts:
    """The counts of all workers, in memory."""

    def __init__(self) -> None:
        self.marks: dict[str, tuple[int, int]] = {}
        self.calls = 0

    async def add(self, principal: str, mark: str, *, requests: int, records: int, at_ms: int) -> Asked:
        self.calls += 1
        self.marks.setdefault(f"{principal} {mark}", (requests, records))
        theirs = [each for key, each in self.marks.items() if key.startswith(f"{principal} ")]
        return Asked(sum(each[0] for each in theirs), sum(each[1] for each in theirs))


class Answers:
    """Answers everything."""

    def __init__(self) -> None:
        self.answered = 0

    async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
        self.answered += len(batch)
        return [Outcome(Result(each.command.id, "accepted", values={"city": now}), ()) for each in batch]


def limited(counts: Counts, requests: int = 0, records: int = 0) -> Limited:
    limits = {"per_minute": {"person": requests}, "records_per_day": {"person": records}}
    return Limited(Answers(), counts, book(reading=limits))  # type: ignore[arg-type]


def codes(outcomes: list[Outcome]) -> list[str | None]:
    return [outcome.result.code for outcome in outcomes]


@pytest.mark.clause("USE-07")
async def test_requests_above_the_limit_are_refused_and_leave_an_event() -> None:
    counts = Counts()
    asked = [await limited(counts, 2).apply([received(access(), CLERK, offset=at)], NOW) for at in range(4)]
    assert [codes(each) for each in asked] == [[None], [None], ["DG-ACC-023"], ["DG-ACC-023"]]
    (event,) = asked[2][0].facts
    assert (event.action, event.allowed, event.code, event.actor) == ("access", False, "DG-ACC-023", CLERK.id)
    assert asked[2][0].result.values is None


@pytest.mark.clause("USE-07")
async def test_a_page_counts_as_many_records_as_it_asks_for() -> None:
    one = limited(Counts(), records=250)
    assert codes(await one.apply([received(browse(), CLERK)], NOW)) == [None]
    assert codes(await one.apply([received(browse(limit=50), CLERK, offset=8)], NOW)) == [None]
    assert codes(await one.apply([received(access(), CLERK, offset=9)], NOW)) == ["DG-ACC-024"]


async def test_what_comes_again_is_not_counted_again() -> None:
    counts = Counts()
    command = access()
    for place in (7, 7, 8):  # delivered, delivered again after a crash, and copied by somebody to another place
        await limited(counts, 1).apply([received(command, CLERK, offset=place)], NOW)
    assert codes(await limited(counts, 2).apply([received(access(), CLERK, offset=9)], NOW)) == [None]
    assert codes(await limited(counts, 2).apply([received(access(), CLERK, offset=10)], NOW)) == ["DG-ACC-023"]


async def test_the_same_request_is_answered_once_and_is_no_second_use() -> None:
    """Redelivered it is answered again; replayed it is refused, and neither is another use."""
    counts, shelves = Counts(), Shelves(stored("rec-0001", {"name": "张三", "phone": "x"}), grants=[grant(CLERK.id)])

    class Asking:
        async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
            return [await shelves.ask(each.command, each.sender, now=now, offset=each.offset) for each in batch]

    limits = book(reading={"per_minute": {"person": 2}})
    one, command = Limited(Asking(), counts, limits), access()  # type: ignore[arg-type]
    (first,) = await one.apply([received(command, CLERK, offset=7)], NOW)
    (again,) = await one.apply([received(command, CLERK, offset=7)], NOW)
    (replay,) = await one.apply([received(command, CLERK, offset=8)], NOW)
    assert first == again
    assert first.result.values is not None
    assert (replay.result.code, replay.result.values) == ("DG-CMD-003", None)
    assert await counts.add(CLERK.id, "next", requests=0, records=0, at_ms=0) == Asked(1, 1)


async def test_without_limits_nothing_is_counted_and_above_them_nothing_is_asked() -> None:
    counts = Counts()
    free = limited(counts)
    assert codes(await free.apply([received(access(), CLERK)], NOW)) == [None]
    assert counts.calls == 0
    tight = limited(counts, 1)
    for at in range(5):
        await tight.apply([received(access(), CLERK, offset=at)], NOW)
    assert counts.calls == 2  # the second one was too much: from then on it is known
    later = [received(access(), CLERK, offset=9, at_ms=(NOW + 60) * 1000)]
    await tight.apply(later, NOW + 60)
    assert counts.calls == 3


@pytest.mark.clause("USE-07")
@given(st.lists(st.integers(1, 200), min_size=1, max_size=20), st.integers(0, 30), st.integers(0, 500), st.data())
def test_no_message_ever_gets_more_than_the_limits_leave(
    sizes: list[int], before: int, records_before: int, data: st.DataObject
) -> None:
    most_requests, most_records = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 800))
    reading = Reading(per_minute={"person": most_requests}, records_per_day={"person": most_records})
    asked = Asked(before + len(sizes), records_before + sum(sizes))
    found = refusals(reading, "person", asked, sizes)
    passed = [size for size, refusal in zip(sizes, found, strict=True) if refusal is None]
    assert before + len(passed) <= max(most_requests, before)
    assert records_before + sum(passed) <= max(most_records, records_before)
    assert found == sorted(found, key=lambda each: each is not None)  # from the first refusal on, nothing passes


def test_a_senders_own_message_ids_do_not_hide_its_requests() -> None:
    first, second = received(access(), CLERK), received(access(), CLERK)
    assert first.bundle == second.bundle
    assert mark_of([first]) != mark_of([second])


def test_the_strict_rule_book_has_limits_and_the_trial_none() -> None:
    strict, trial = load_rules().book.reading, load_rules(profile="trial").book.reading
    assert all(strict.per_minute.values())
    assert all(strict.records_per_day.values())
    assert not any(trial.per_minute.values())
    assert not any(trial.records_per_day.values())


async def test_each_answer_with_values_has_a_watermark_and_no_other_has() -> None:
    vault = SimulatedVault()
    held = grant(CLERK.id)
    shelves = Shelves(stored("rec-0001", {"name": "张三", "phone": "x"}), grants=[held])

    class Asking:
        async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
            return [await shelves.ask(each.command, each.sender, now=now) for each in batch]

    good, bad = access(), access(grant="grant-9")
    answers = await Marked(Asking(), vault).apply([received(good, CLERK), received(bad, CLERK)], NOW)
    token = answers[0].result.watermark or ""
    assert answers[1].result.watermark is None
    assert read_token(token).request == good.id == str(uuid.UUID(good.id))
    assert (await marker_from(vault)).made(read_token(token), CLERK.id, held.id)


class Replays(Answers):
    """Refuses what was asked before."""

    def __init__(self) -> None:
        super().__init__()
        self.known: set[str] = set()

    async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
        outcomes = await super().apply(batch, now)
        for at, each in enumerate(batch):
            if each.command.id in self.known:
                outcomes[at] = Outcome(Result(each.command.id, "refused", code="DG-CMD-003"), ())
        self.known |= {each.command.id for each in batch}
        return outcomes


@pytest.mark.clause("USE-07")
async def test_a_replay_of_yesterdays_messages_is_not_counted_and_locks_nobody_out() -> None:
    counts = Counts()
    door = Limited(Replays(), counts, book(reading={"records_per_day": {"person": 3}}))  # type: ignore[arg-type]
    first = [received(access(), CLERK, offset=1)]
    assert codes(await door.apply(first, NOW)) == [None]
    for offset in range(2, 9):
        again = [received(first[0].command, CLERK, offset=offset)]
        assert codes(await door.apply(again, NOW)) == ["DG-CMD-003"]
    assert codes(await door.apply([received(access(), CLERK, offset=20)], NOW)) == [None]


@pytest.mark.clause("USE-07")
async def test_what_a_message_alone_brings_above_the_limit_is_not_even_read() -> None:
    counts, answers = Counts(), Answers()
    door = Limited(answers, counts, book(reading={"per_minute": {"person": 10}}))  # type: ignore[arg-type]
    for offset in (1, 2, 3):
        batch = [received(access(), CLERK, offset=offset) for _ in range(64)]
        found = codes(await door.apply(batch, NOW))
        assert found.count(None) == (10 if offset == 1 else 0)
    assert answers.answered <= 20


def test_a_message_counted_in_another_minute_stands_for_nothing_in_this_one() -> None:
    assert _asked({"records": 7, "minutes": {}}, "minutes.1017") == Asked(0, 7)
    assert _asked({}, "minutes.1017") == Asked(0, 0)
