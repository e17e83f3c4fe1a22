"""A worker's metrics and health: what is counted, that labels are words of ours, and what a log line says."""

from __future__ import annotations

import asyncio
import io
import json
import re
import string
from collections.abc import Sequence
from typing import Any

import aiohttp
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from consumers.received import Outcome, Received
from ops.logs import drop_unknown_keys
from schemas.audit import Fact
from schemas.errors import TEXTS, DanganError, Transient
from schemas.replies import Result
from schemas.wire import FAMILIES
from streams.observe.building import Watched, build_pipelines, processes
from streams.observe.correlation import CorrelatedOpener, named
from streams.observe.metered import MeteredApplier, MeteredAudit
from streams.observe.meters import OTHER, Meters, code_label
from streams.observe.serving import Readiness, served
from streams.observe.state import Behind, WorkerState, lag_of
from streams.pipeline import Message, Opened, Unread
from tests.harness.metric_labels import strange_labels

UUIDS = [f"00000000-0000-4000-8000-{at:012x}" for at in range(20)]


def value(registry: CollectorRegistry, name: str, **labels: str) -> float:
    return registry.get_sample_value(name, labels) or 0.0


class Ring:
    cache_hits, cache_misses, cached_pages = 7, 3, 2


def outcome(status: Any, code: str | None = None) -> Outcome:
    return Outcome(Result("id", status, code), ())


def test_commands_are_counted_by_outcome_and_code() -> None:
    meters = Meters()
    meters.decided("access", [outcome("accepted")] * 3 + [outcome("refused", "DG-ACC-001")] * 2)
    count = meters.registry.get_sample_value
    assert count("dangan_commands_total", {"family": "access", "outcome": "accepted", "code": ""}) == 3
    assert count("dangan_commands_total", {"family": "access", "outcome": "refused", "code": "DG-ACC-001"}) == 2
    assert count("dangan_batch_commands_sum", {"family": "access"}) == 5


@given(st.text())
def test_no_text_of_anybody_else_becomes_a_label(text: str) -> None:
    assert code_label(text) in {*TEXTS, OTHER}


class _Applier:
    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, list)
        return answer


async def test_an_attempt_that_fails_is_a_retry_and_a_command_that_breaks_the_code_a_refusal() -> None:
    meters = Meters()
    one: Any = [object()]
    broken = _Applier(Transient("DG-KEY-001"), KeyError("x"), KeyError("x"), [outcome("accepted")])
    applier = MeteredApplier(meters, "update", broken, clock=iter(range(100)).__next__)
    with pytest.raises(Transient):
        await applier.apply(one, 0)
    with pytest.raises(KeyError):
        await applier.apply(one * 2, 0)  # the pipeline tries one by one then
    with pytest.raises(KeyError):
        await applier.apply(one, 0)
    await applier.apply(one, 0)
    registry = meters.registry
    assert value(registry, "dangan_retries_total", family="update", stage="apply", code="DG-KEY-001") == 1
    assert value(registry, "dangan_commands_total", family="update", outcome="refused", code="DG-CMD-005") == 1
    assert value(registry, "dangan_commands_total", family="update", outcome="accepted", code="") == 1
    assert value(registry, "dangan_stage_seconds_sum", family="update", stage="apply") == 1


class _Log:
    def __init__(self, *answers: BaseException | None) -> None:
        self.answers = list(answers)

    async def publish(self, facts: Sequence[Fact]) -> None:
        if (answer := self.answers.pop(0)) is not None:
            raise answer


async def test_a_worker_is_not_ready_while_its_events_cannot_be_written() -> None:
    meters = Meters()
    audit = MeteredAudit(meters, _Log(Transient("DG-AUD-001"), None), clock=iter(range(100)).__next__)
    with pytest.raises(Transient):
        await audit.publish(())
    assert audit.failing
    await audit.publish([Fact("c", "access", True, None, "a", 0)])
    assert not audit.failing
    assert value(meters.registry, "dangan_audit_events_total") == 1


class _Silent:
    """Stands in for every part of a pipeline; answers nothing."""

    def __init__(self) -> None:
        self.letters = 0

    async def open(self, messages: Sequence[Message], family: str) -> list[Opened | Unread]:
        from schemas.errors import UnreadableMessage

        return [Unread(message, UnreadableMessage("DG-WIR-001")) for message in messages]

    async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
        return []

    async def publish(self, facts: Sequence[Fact]) -> None: ...

    def seal(self, replies: Sequence[Any]) -> list[Any]:
        return []

    async def reply(self, sealed: Sequence[Any]) -> None: ...

    async def dead_letters(self, letters: Sequence[Any]) -> None:
        self.letters += len(letters)


def message(offset: int, value: bytes = b"") -> Message:
    return Message("archive.collect", 0, offset, 0, (), value)


@pytest.mark.parametrize("with_meters", [True, False])
async def test_metered_or_not_a_pipeline_does_the_same(with_meters: bool) -> None:
    parts, meters = _Silent(), Meters()
    watched = Watched(meters, MeteredAudit(meters, parts)) if with_meters else None
    pipelines = build_pipelines(
        dict.fromkeys(FAMILIES, parts), opener=parts, audit=parts, outbox=parts, watched=watched
    )
    await processes(pipelines, watched)["collect"]([message(1), message(2)])
    assert parts.letters == 2
    dead = value(meters.registry, "dangan_dead_letters_total", family="collect", code="DG-WIR-001")
    assert dead == (2 if with_meters else 0)
    whole = value(meters.registry, "dangan_stage_seconds_count", family="collect", stage="whole")
    assert whole == (1 if with_meters else 0)
    for stage in ("open", "apply", "audit", "reply", "dead_letters"):
        assert value(meters.registry, "dangan_stage_seconds_count", family="collect", stage=stage) == whole
    assert strange_labels(meters.registry) == []


@pytest.mark.parametrize("label", ["person:1042", "rec-17", "张三", "11010519491231002X", "13800138000"])
def test_the_walk_over_labels_finds_what_is_no_word_of_ours(label: str) -> None:
    meters = Meters()
    meters._commands.labels("collect", label, "").inc()
    assert strange_labels(meters.registry) != []


def test_what_the_parts_count_is_read_when_asked() -> None:
    registry = CollectorRegistry()
    registry.register(WorkerState({"decrypt": 4}, Ring(), lambda: [Behind("archive.access", 2, 9)]))
    assert value(registry, "dangan_vault_calls_total", operation="decrypt") == 4
    assert value(registry, "dangan_key_cache_total", result="hit") == 7
    assert value(registry, "dangan_key_cache_total", result="miss") == 3
    assert value(registry, "dangan_consumer_lag", topic="archive.access", partition="2") == 9


class _Place(tuple[str, int]):
    topic = property(lambda self: self[0])
    partition = property(lambda self: self[1])


class _Consumer:
    """Faust's consumer as far as the lag looks at it."""

    def __init__(self) -> None:
        self._committed_offset = {_Place(("archive.access", 0)): 5}

    def assignment(self) -> set[_Place]:
        return {_Place(("archive.access", at)) for at in range(3)} | {_Place(("somebody.elses", 0))}

    def highwater(self, tp: _Place) -> int | None:
        return {0: 9, 1: 4, 2: None}[tp.partition]


def test_the_lag_is_what_is_not_acknowledged_of_our_topics() -> None:
    assert lag_of(_Consumer()) == [Behind("archive.access", 0, 4), Behind("archive.access", 1, 4)]


async def test_health_is_told_over_http_and_a_check_that_hangs_is_cut_off() -> None:
    hanging = asyncio.Event()
    good = True

    async def steady() -> bool:
        return good

    async def slow() -> bool:
        await hanging.wait()
        return True

    now = 0.0
    ready = Readiness({"store": steady, "vault": slow}, clock=lambda: now, within=0.05)
    meters = Meters()
    async with served(meters.registry, ready, host="127.0.0.1", port=0) as port, aiohttp.ClientSession() as client:
        base = f"http://127.0.0.1:{port}"
        async with client.get(f"{base}/live") as answer:
            assert answer.status == 200
        async with client.get(f"{base}/ready") as answer:
            assert answer.status == 503
            assert await answer.json() == {"ready": False, "checks": {"store": True, "vault": False}}
        hanging.set()
        async with client.get(f"{base}/ready") as answer:
            assert answer.status == 503  # an answer is good for a second
        now = 2.0
        async with client.get(f"{base}/ready") as answer:
            assert answer.status == 200
        good, now = False, 4.0
        async with client.get(f"{base}/ready") as answer:
            assert (await answer.json())["checks"] == {"store": False, "vault": True}
        async with client.get(f"{base}/metrics") as answer:
            text = await answer.text()
            assert "dangan_build_info" in text
            assert "text/plain" in answer.headers["Content-Type"]
        with pytest.raises(DanganError, match="DG-AUD-060"):
            async with served(meters.registry, ready, host="127.0.0.1", port=port):
                pass


@given(st.lists(st.one_of(st.sampled_from(UUIDS), st.text(alphabet=string.printable, max_size=40)), max_size=20))
def test_a_log_line_names_ids_of_our_form_and_nothing_else(ids: list[str]) -> None:
    shown = re.sub(r" ?and \d+ more$", "", named(ids))
    assert set(shown.split()) <= set(UUIDS)
    assert len(shown.split()) <= 8


class _Opens:
    async def open(self, messages: Sequence[Message], family: str) -> list[Opened | Unread]:
        class Command:
            id = UUIDS[0]

        class Received:
            command = Command()

        several: Any = (Received(),)
        sender: Any = None
        return [Opened(each, sender, several, UUIDS[1]) for each in messages]


async def test_every_line_of_a_batch_says_bundle_and_command() -> None:
    out = io.StringIO()
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, drop_unknown_keys, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(out),
    )

    async def batch(offset: int) -> None:
        await CorrelatedOpener(_Opens()).open([message(offset)], "collect")
        await asyncio.sleep(0)
        structlog.get_logger("x").warning("retrying")

    await asyncio.gather(asyncio.create_task(batch(1)), asyncio.create_task(batch(2)))
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert {line["batch"] for line in lines} == {"archive.collect/0/1", "archive.collect/0/2"}
    assert {(line["bundle"], line["command"]) for line in lines} == {(UUIDS[1], UUIDS[0])}
