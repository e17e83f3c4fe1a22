"""Lanes: what becomes one bundle, in which order, and what happens to receipts."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import DanganError
from schemas.replies import Reply, Result
from streams.bundle import parse_bundle
from streams.bundling import BundleLimits, Lane, Queued, payload_of, queued
from streams.receipts import Delivery, Receipt, Unanswered, receipt_for


def command(number: int, size: int = 0) -> dict[str, Any]:
    return {
        "type": "collect",
        "id": str(uuid.UUID(int=number)),
        "record": f"crm:{number:06d}",
        "subject": "party:1",
        "purpose": "service",
        "legal_basis": "contract",
        "fields": {"note": "x" * size},
    }


def item(number: int, limits: BundleLimits, size: int = 0) -> Queued:
    return queued(receipt_for(command(number, size), "collect"), limits)


def numbers(bundle: list[Queued]) -> list[int]:
    return [uuid.UUID(each.receipt.command_id).int for each in bundle]


class Sink:
    """Takes bundles; waits for ``gate`` before each if there is one."""

    def __init__(self, gate: asyncio.Event | None = None) -> None:
        self.bundles: list[list[Queued]] = []
        self.gate = gate

    async def __call__(self, bundle: list[Queued]) -> None:
        self.bundles.append(bundle)
        if self.gate is not None:
            await self.gate.wait()
        for each in bundle:
            each.receipt.delivered.set_result(Delivery("t", 0, len(self.bundles), "b"))


@given(st.lists(st.integers(0, 300), min_size=1, max_size=40), st.integers(1, 8), st.integers(600, 1500))
def test_bundles_keep_order_and_both_limits(sizes: list[int], most: int, size: int) -> None:
    async def run() -> None:
        limits = BundleLimits(most, size, linger=0.0)
        sink = Sink()
        lane = Lane(limits, sink)
        for number, extra in enumerate(sizes):
            lane.put(item(number, limits, extra))
            if number % 7 == 0:
                await asyncio.sleep(0)
        await lane.flush()
        await lane.close()
        assert [number for bundle in sink.bundles for number in numbers(bundle)] == list(range(len(sizes)))
        for bundle in sink.bundles:
            payload = payload_of(bundle)
            assert len(bundle) <= most
            assert len(payload) <= size
            assert len(parse_bundle(payload, "collect").commands) == len(bundle)
            assert orjson.dumps(orjson.loads(payload)) == payload  # the opener's quick path

    asyncio.run(run())


async def test_a_command_that_fits_no_bundle_is_refused_at_once() -> None:
    with pytest.raises(DanganError, match="DG-WIR-002"):
        item(1, BundleLimits(50, 1000, 0.0), size=1000)


async def test_a_quiet_lane_waits_for_company_no_longer_than_linger() -> None:
    limits = BundleLimits(50, 100_000, linger=0.03)
    sink = Sink()
    lane = Lane(limits, sink)
    started = asyncio.get_running_loop().time()
    lane_item = item(0, limits)
    lane.put(lane_item)
    await asyncio.sleep(0.01)
    lane.put(item(1, limits))
    assert not sink.bundles
    await lane_item.receipt.delivered
    assert 0.025 <= asyncio.get_running_loop().time() - started < 1
    assert [numbers(bundle) for bundle in sink.bundles] == [[0, 1]]
    await lane.close()


async def test_a_full_bundle_does_not_linger() -> None:
    limits = BundleLimits(3, 100_000, linger=60)
    sink = Sink()
    lane = Lane(limits, sink)
    for number in range(7):
        lane.put(item(number, limits))
    await asyncio.sleep(0.01)
    assert [numbers(bundle) for bundle in sink.bundles] == [[0, 1, 2], [3, 4, 5]]
    await lane.flush()
    assert [numbers(bundle) for bundle in sink.bundles][2:] == [[6]]
    await lane.close()


async def test_one_bundle_is_under_way_at_a_time() -> None:
    gate = asyncio.Event()
    limits = BundleLimits(2, 100_000, linger=0.0)
    sink = Sink(gate)
    lane = Lane(limits, sink)
    for number in range(6):
        lane.put(item(number, limits))
    await asyncio.sleep(0.01)
    assert len(sink.bundles) == 1
    gate.set()
    await lane.flush()
    assert len(sink.bundles) == 3
    await lane.close()


async def test_closing_fails_what_was_not_sent() -> None:
    limits = BundleLimits(1, 100_000, linger=0.0)
    lane = Lane(limits, Sink(asyncio.Event()))
    items = [item(number, limits) for number in range(3)]
    for each in items:
        lane.put(each)
    await asyncio.sleep(0.01)
    await lane.close()
    for each in items:
        with pytest.raises(DanganError, match="DG-WIR-021"):
            await each.receipt
        with pytest.raises(DanganError, match="DG-WIR-021"):
            await each.receipt.delivered


def receipts(count: int) -> list[Receipt]:
    return [receipt_for(command(number), "collect") for number in range(count)]


async def test_a_reply_answers_its_bundles_receipts_and_no_others() -> None:
    unanswered = Unanswered(timeout=60)
    mine, others = receipts(2), receipts(2)
    unanswered.expect("b1", mine)
    unanswered.expect("b2", others)
    results = tuple(Result(receipt.command_id, "accepted", version=n) for n, receipt in enumerate(mine))
    unanswered.resolve(Reply("b1", results))
    unanswered.resolve(Reply("b1", results))
    unanswered.resolve(Reply("unknown", results))
    assert [(await receipt).version for receipt in mine] == [0, 1]
    assert not any(receipt.answer.done() for receipt in others)
    assert not unanswered.knows("b1")
    unanswered.close()
    with pytest.raises(DanganError, match="DG-WIR-021"):
        await others[0]


async def test_a_bundle_without_a_reply_expires() -> None:
    unanswered = Unanswered(timeout=0.01)
    waiting = receipts(2)
    unanswered.expect("b1", waiting)
    await asyncio.sleep(0.02)  # still under way: the archive's time does not run yet
    assert unanswered.knows("b1")
    unanswered.delivered("b1")
    unanswered.resolve(Reply("b1", (Result(waiting[0].command_id, "refused", "DG-COL-001"),)))
    with pytest.raises(DanganError, match="DG-WIR-020"):
        await waiting[1]
    assert (await waiting[0]).code == "DG-COL-001"


async def test_giving_up_an_await_does_not_lose_the_answer() -> None:
    (receipt,) = receipts(1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.ensure_future(_of(receipt)), 0.01)
    receipt.answer.set_result(Result(receipt.command_id, "accepted"))
    assert (await receipt).status == "accepted"


async def _of(receipt: Receipt) -> Result:
    return await receipt


async def test_closing_a_lane_ends_even_if_a_driver_swallows_the_cancellation() -> None:
    begun = asyncio.Event()

    async def deaf(_bundle: list[Queued]) -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return  # as wait_for of Python 3.11 does when what it waited for has just come

    limits = BundleLimits(commands=1, size=10_000, linger=0.0)
    lane = Lane(limits, deaf)
    lane.put(item(1, limits))
    await begun.wait()
    done, _ = await asyncio.wait({asyncio.ensure_future(lane.close())}, timeout=3)
    assert done
