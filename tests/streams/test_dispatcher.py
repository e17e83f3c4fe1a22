"""The dispatcher: nothing is acknowledged before it is done, nor out of order, nor after a failure."""

from __future__ import annotations

import asyncio
import gc
import random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.dispatcher import Dispatcher


class Events:
    """Events that note the order of their acknowledgements."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []

    def make(self, number: int, size: int = 10) -> Any:
        def ack() -> bool:
            self.acknowledged.append(number)
            return True

        return SimpleNamespace(message=SimpleNamespace(value=b"x" * size, number=number), ack=ack)


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


@given(
    count=st.integers(1, 60),
    in_flight=st.integers(1, 4),
    max_messages=st.integers(1, 20),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_acknowledgements_are_complete_and_in_order(count: int, in_flight: int, max_messages: int, seed: int) -> None:
    async def scenario() -> None:
        events, chance, done = Events(), random.Random(seed), []

        async def process(batch: Any) -> None:
            assert len(batch) <= max_messages
            for _ in range(chance.randrange(8)):
                await asyncio.sleep(0)
            assert not {message.number for message in batch} & set(events.acknowledged)
            done.extend(message.number for message in batch)

        async with Dispatcher(process, max_messages=max_messages, in_flight=in_flight) as dispatcher:
            for number in range(count):
                await dispatcher.put(events.make(number))
            await until(lambda: len(events.acknowledged) == count)
        assert events.acknowledged == list(range(count))
        assert sorted(done) == list(range(count))

    asyncio.run(scenario())


async def test_a_failed_batch_ends_the_process_and_nothing_after_it_is_acknowledged() -> None:
    events = Events()
    ended: list[BaseException] = []
    first_may_fail = asyncio.Event()

    async def process(batch: Any) -> None:
        if batch[0].number == 0:
            await first_may_fail.wait()
            raise RuntimeError

    async with Dispatcher(process, max_messages=1, in_flight=3, on_failure=ended.append) as dispatcher:
        for number in range(3):
            await dispatcher.put(events.make(number))
        await asyncio.sleep(0.01)
        assert events.acknowledged == []  # 1 and 2 are done, but wait for 0
        first_may_fail.set()
        await until(lambda: ended)
        await asyncio.sleep(0.01)
    assert isinstance(ended[0], RuntimeError)
    assert events.acknowledged == []


async def test_a_failure_is_told_once_and_not_again_when_its_task_is_collected(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Python's own report comes at any moment, in the middle of whatever else is at work then."""
    events = Events()
    ended: list[BaseException] = []

    async def process(_batch: Any) -> None:
        raise RuntimeError

    async with Dispatcher(process, on_failure=ended.append) as dispatcher:
        await dispatcher.put(events.make(0))
        await until(lambda: ended)
        await asyncio.sleep(0.01)
    del dispatcher
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


async def test_a_batch_is_bounded_in_bytes_but_a_large_message_still_goes() -> None:
    events, sizes = Events(), []

    async def process(batch: Any) -> None:
        sizes.append(sum(len(message.value) for message in batch))

    dispatcher = Dispatcher(process, max_bytes=100, in_flight=1)
    for number, size in enumerate([60, 60, 500, 10, 10]):
        await dispatcher.put(events.make(number, size))
    async with dispatcher:
        await until(lambda: len(events.acknowledged) == 5)
    assert sizes == [60, 60, 500, 20]


async def test_leaving_finishes_what_is_at_work_and_leaves_the_rest() -> None:
    events = Events()
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def process(_batch: Any) -> None:
        begun.set()
        await go_on.wait()

    dispatcher = Dispatcher(process, max_messages=1, in_flight=1)
    async with dispatcher:
        for number in range(3):
            await dispatcher.put(events.make(number))
        await begun.wait()
        asyncio.get_running_loop().call_later(0.01, go_on.set)
    assert events.acknowledged == [0]


async def test_put_waits_while_enough_is_waiting() -> None:
    events = Events()

    async def process(_batch: Any) -> None: ...

    dispatcher = Dispatcher(process, max_messages=2)
    for number in range(8):
        await dispatcher.put(events.make(number))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await dispatcher.put(events.make(8))


async def test_what_waits_is_bounded_by_its_bytes() -> None:
    events, free = Events(), asyncio.Event()

    async def process(_batch: Any) -> None:
        await free.wait()

    async with Dispatcher(process, in_flight=1, max_bytes=100, max_waiting_bytes=300) as dispatcher:
        taken = 0

        async def feed() -> None:
            nonlocal taken
            for number in range(20):
                await dispatcher.put(events.make(number, size=100))
                taken += 1

        feeding = asyncio.create_task(feed())
        for _ in range(200):
            await asyncio.sleep(0)
        assert taken <= 5  # one at work, three waiting, one that had just found room
        free.set()
        await until(lambda: len(events.acknowledged) == 20)
        await feeding
