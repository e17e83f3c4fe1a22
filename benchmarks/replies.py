"""How far the worker is, told from its replies: they come when records and audit event are durable.

Each message is opened and its results counted, so that a refusal would show. There is one message for each batch
and sender, whatever the batch holds: opening them costs this process next to nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import orjson
from aiokafka import ConsumerRecord

from benchmarks.scene import SENDER, Scene
from schemas import wire
from schemas.topics import REPLIES
from streams.reply_envelope import open_reply
from streams.tail import Tail

_CHECK_SECONDS: Final = 1.0


class Replies:
    """Counts the results that the sender was answered.

    Attributes:
        count: results so far.
        last_at: when the newest message was seen, monotonic seconds.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._refusals: list[str] = []
        self._heard = asyncio.Event()
        self.count = 0
        self.last_at = 0.0
        self._deaf = False

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """Open nothing meanwhile: somebody else does, and is timed."""
        self._deaf = True
        try:
            yield
        finally:
            self._deaf = False

    def hear(self, message: ConsumerRecord) -> None:
        """Take one message of the topic."""
        if self._deaf or dict(message.headers).get(wire.HEADER_SUBJECT) != SENDER.encode():
            return
        self.last_at = time.monotonic()
        opened = open_reply(message.value, key=self._scene.receiving_key, trust=self._scene.trust)
        for reply in orjson.loads(opened.payload)["replies"]:
            results = reply.get("results", [])
            self.count += len(results)
            self._refusals += [result["code"] for result in results if result["status"] != "accepted"]
            if "code" in reply:
                self._refusals.append(reply["code"])
        self._heard.set()

    async def until(self, total: int, *, check: Callable[[], None], within: float = 600.0) -> float:
        """Wait until there are that many; the monotonic time when the last of them was seen.

        Raises:
            TimeoutError: after ``within`` seconds.
            RuntimeError: when one of them is not an acceptance, or ``check`` says so.
        """
        deadline = time.monotonic() + within
        while self.count < total:
            check()
            if self._refusals:
                raise RuntimeError(f"refused: {self._refusals[0]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.count} results of {total}")
            self._heard.clear()
            try:
                await asyncio.wait_for(self._heard.wait(), _CHECK_SECONDS)
            except TimeoutError:
                continue
        return self.last_at

    def forget_refusals(self) -> None:
        """Refusals so far were meant."""
        self._refusals.clear()


@asynccontextmanager
async def replies(scene: Scene) -> AsyncIterator[Replies]:
    """Follow the replies topic from now on."""
    counted = Replies(scene)
    bootstrap = scene.settings.kafka_bootstrap
    async with Tail(bootstrap, REPLIES, from_start=False, on_message=counted.hear, kafka={}):
        yield counted
