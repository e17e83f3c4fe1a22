"""The publisher against a log that fails in every way: nothing is released early, the chain always verifies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.audit import Fact, KeptCheckpoint, event_id
from schemas.errors import Fatal, Transient
from streams.audit import publisher as module
from streams.audit.checkpoint import VALUE_PREFIX, from_value, parse_checkpoint
from streams.audit.publisher import AuditPublisher, Record
from streams.writer import renewed
from tests.streams.audit_records import NOW, Archive, some_facts, verified

ARCHIVE = Archive()
Outcome = Literal["lands", "fails", "fails but landed"]


@dataclass
class FlakyLog:
    """A log whose writes go as ``outcomes`` say, then well; ``gate`` holds them while it is clear."""

    outcomes: list[Outcome] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    batches: int = 0
    closed: bool = False

    def __post_init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()

    async def append(self, records: Sequence[Record]) -> None:
        await self.gate.wait()
        await asyncio.sleep(0)
        outcome = self.outcomes.pop(0) if self.outcomes else "lands"
        if outcome != "fails":
            self.values += [record.value for record in records]
            self.batches += 1
        if outcome != "lands":
            raise ConnectionError

    async def close(self) -> None:
        self.closed = True


@dataclass
class Saved:
    all: list[KeptCheckpoint] = field(default_factory=list)

    async def __call__(self, signed: KeptCheckpoint) -> None:
        self.all.append(signed)


def publisher(log: FlakyLog, saved: Saved | None = None, timeout_s: float = 5.0) -> AuditPublisher:
    return AuditPublisher(log, WRITER, saved or Saved(), clock=lambda: NOW, timeout_s=timeout_s)


WRITER = ARCHIVE.writer()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BACKOFF_S", (0.0,))


def ids_in(values: Sequence[bytes]) -> list[str]:
    return [str(value.split(b'"metadata":{"uid":"')[1][:36], "ascii") for value in values if b'"uid"' in value]


@given(
    st.lists(st.lists(st.integers(1, 3), max_size=4), min_size=1, max_size=3),
    st.lists(st.sampled_from(["lands", "fails", "fails but landed"]), max_size=8),
)
@settings(max_examples=80, deadline=None)
def test_whatever_the_log_does_the_chain_verifies_and_holds_every_event(
    callers: list[list[int]], outcomes: list[Outcome]
) -> None:
    async def run() -> tuple[FlakyLog, list[str], Saved]:
        log, saved, published = FlakyLog(list(outcomes)), Saved(), []

        async def call(caller: int, sizes: list[int]) -> None:
            first = caller * 1000
            for size in sizes:
                facts = some_facts(size, first)
                first += size
                await target.publish(facts)
                published.extend(event_id(fact) for fact in facts)
                # released only now: so it must be in the log already
                assert {event_id(fact) for fact in facts} <= set(ids_in(log.values))

        async with publisher(log, saved) as target:
            await asyncio.gather(*(call(caller, sizes) for caller, sizes in enumerate(callers)))
        return log, published, saved

    log, published, saved = asyncio.run(run())
    report = verified(ARCHIVE.trust, log.values, [note for kept in saved.all if (note := parse_checkpoint(kept.text))])
    assert report.findings == []
    assert set(published) <= set(ids_in(log.values))
    if published:
        assert log.values[-1].startswith(VALUE_PREFIX)
        assert parse_checkpoint(saved.all[-1].text) == from_value(log.values[-1])


async def test_a_caller_s_facts_keep_their_order_in_the_log() -> None:
    log = FlakyLog()
    facts = some_facts(20)
    async with publisher(log) as target:
        await target.publish(facts)
    assert ids_in(log.values)[1:] == [event_id(fact) for fact in facts]


async def test_nothing_durable_in_time_is_a_transient_refusal() -> None:
    log = FlakyLog()
    log.gate.clear()
    async with publisher(log, timeout_s=0.02) as target:
        with pytest.raises(Transient, match="DG-AUD-001"):
            await target.publish(some_facts(1))
        log.gate.set()


async def test_asking_again_waits_for_the_write_under_way_and_adds_nothing() -> None:
    log = FlakyLog()
    log.gate.clear()
    facts = some_facts(3)
    async with publisher(log, timeout_s=0.02) as target:
        with pytest.raises(Transient):
            await target.publish(facts)
        again = asyncio.create_task(target.publish(facts))
        await asyncio.sleep(0)
        log.gate.set()
        await again
    assert ids_in(log.values)[1:] == [event_id(fact) for fact in facts]
    assert verified(ARCHIVE.trust, log.values).findings == []


async def test_what_was_given_up_before_it_was_chained_never_happens() -> None:
    log = FlakyLog()
    log.gate.clear()
    async with publisher(log, timeout_s=0.05) as target:
        first = asyncio.create_task(target.publish(some_facts(1)))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(target.publish(some_facts(1, 50)))
        with pytest.raises(Transient):
            await first
        with pytest.raises(Transient):
            await second
        log.gate.set()
    assert event_id(some_facts(1)[0]) in ids_in(log.values)
    assert event_id(some_facts(1, 50)[0]) not in ids_in(log.values)
    assert verified(ARCHIVE.trust, log.values).findings == []


async def test_what_is_asked_for_during_a_write_goes_together_into_the_next() -> None:
    log = FlakyLog()
    log.gate.clear()
    async with publisher(log) as target:
        calls = [asyncio.create_task(target.publish(some_facts(2, at * 10))) for at in range(4)]
        await asyncio.sleep(0.01)
        late = [asyncio.create_task(target.publish(some_facts(2, at * 10))) for at in range(5, 9)]
        await asyncio.sleep(0.01)
        log.gate.set()
        await asyncio.gather(*calls, *late)
    assert log.batches == 2


async def test_too_much_for_one_record_batch_is_several_each_with_its_checkpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", 2000)
    log = FlakyLog(["fails but landed", "lands", "fails"])
    async with publisher(log) as target:
        await target.publish(some_facts(12))
    assert log.batches > 3
    assert verified(ARCHIVE.trust, log.values).findings == []


async def test_a_full_queue_refuses_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    log = FlakyLog()
    log.gate.clear()
    async with publisher(log) as target:
        first = asyncio.create_task(target.publish(some_facts(2)))
        await asyncio.sleep(0)
        with pytest.raises(Transient, match="too many"):
            await target.publish(some_facts(2, 10))
        log.gate.set()
        await first


async def test_closing_with_the_log_away_refuses_those_who_wait() -> None:
    log = FlakyLog()
    log.gate.clear()
    target = publisher(log, timeout_s=0.05)
    await target.__aenter__()
    waiting = asyncio.create_task(target.publish(some_facts(1)))
    await asyncio.sleep(0)
    await target.__aexit__()
    with pytest.raises(Transient):
        await waiting
    assert log.closed
    with pytest.raises(Fatal):
        await target.publish(some_facts(1))


async def test_the_checkpoint_kept_outside_is_the_newest_although_it_is_saved_rarely() -> None:
    log, saved = FlakyLog(), Saved()
    async with publisher(log, saved) as target:
        for at in range(30):
            await target.publish(some_facts(1, at))
    assert len(saved.all) <= 3
    assert saved.all[-1].size == 31
    assert saved.all[-1].cert == WRITER.cert


async def test_a_checkpoint_that_cannot_be_saved_stops_nothing() -> None:
    async def fails(_: KeptCheckpoint) -> None:
        raise ConnectionError

    log = FlakyLog()
    async with AuditPublisher(log, WRITER, fails, clock=lambda: NOW) as target:
        await target.publish(some_facts(1))
    assert verified(ARCHIVE.trust, log.values).findings == []


async def test_a_renewed_certificate_goes_on_the_same_chain() -> None:
    log = FlakyLog()
    later = await renewed(ARCHIVE, WRITER, NOW + 60)
    async with publisher(log) as target:
        await target.publish(some_facts(1))
        target.renew(later)
        await target.publish(some_facts(1, 5))
        with pytest.raises(ValueError, match="one writer"):
            target.renew(await renewed(ARCHIVE, OTHER, NOW))
    assert sum(b'"cert":"' in value for value in log.values) == 2
    assert verified(ARCHIVE.trust, log.values).findings == []


OTHER = ARCHIVE.writer()


async def test_an_action_that_does_not_exist_fails_its_caller_alone() -> None:
    log = FlakyLog()
    async with publisher(log) as target:
        with pytest.raises(KeyError):
            await target.publish([Fact("c", "nonsense", True, None, "a", 1)])  # type: ignore[arg-type]
        await target.publish(some_facts(1))
    assert verified(ARCHIVE.trust, log.values).findings == []


async def test_closing_ends_although_a_driver_swallows_the_cancellation() -> None:
    """pymongo turns the cancellation of a write into an error of its own; the saving went on for ever then."""
    saving = asyncio.Event()

    async def swallows(_: KeptCheckpoint) -> None:
        if saving.is_set():
            return
        saving.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise OSError from None

    async with asyncio.timeout(5):
        async with AuditPublisher(FlakyLog(), WRITER, swallows, clock=lambda: NOW) as target:
            await target.publish(some_facts(1))
            await saving.wait()
