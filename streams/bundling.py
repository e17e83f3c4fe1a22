"""How single commands become bundles: by count, by bytes, and by how long the first one may wait.

A lane carries the commands of one family to one partition, one bundle at a time and in order. While a bundle
is on its way the next one fills, so a busy lane needs no lingering and a quiet one waits at most ``linger``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import orjson

from schemas.errors import DanganError
from streams.receipts import Receipt

_FRAME = len(b'{"commands":[]}')


@dataclass(frozen=True, slots=True)
class BundleLimits:
    """When a bundle is full: commands, bytes of JSON, seconds since its first command."""

    commands: int
    size: int
    linger: float


@dataclass(frozen=True, slots=True)
class Queued:
    """A command on its way: its JSON and its receipt."""

    text: bytes
    receipt: Receipt


def queued(receipt: Receipt, limits: BundleLimits) -> Queued:
    """Write the command down.

    Raises:
        DanganError: DG-WIR-002 when it would not even fit a bundle of its own; DG-WIR-011 when it holds what
            JSON cannot.
    """
    try:
        text = orjson.dumps(receipt.command, option=orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError:
        raise DanganError("DG-WIR-011", detail="not JSON") from None
    if len(text) + _FRAME > limits.size:
        raise DanganError("DG-WIR-002", detail=f"one command of {len(text)} bytes")
    return Queued(text, receipt)


def payload_of(commands: Sequence[Queued]) -> bytes:
    """The bundle's JSON."""
    return b'{"commands":[' + b",".join(command.text for command in commands) + b"]}"


class Lane:
    """Fills and sends bundles, one after the other.

    Args:
        limits: when a bundle is full.
        send: carries one bundle to Kafka; it settles the receipts and never raises DanganError.
    """

    def __init__(self, limits: BundleLimits, send: Callable[[list[Queued]], Awaitable[None]]) -> None:
        self._limits = limits
        self._send = send
        self._waiting: deque[Queued] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task = asyncio.create_task(self._run())

    def put(self, command: Queued) -> None:
        """Append a command. Never waits; the publisher bounds how many are under way."""
        self._waiting.append(command)
        self._bytes += len(command.text) + 1
        self._idle.clear()
        self._arrived.set()
        if len(self._waiting) >= self._limits.commands or self._bytes + _FRAME > self._limits.size:
            self._full.set()

    async def flush(self) -> None:
        """Send what waits without lingering; return when all of it is settled."""
        if self._waiting:
            self._full.set()
        await self._idle.wait()

    async def close(self) -> None:
        """Stop. What still waits fails with DG-WIR-021."""
        # Again and again: Python 3.11's wait_for, and drivers, may swallow one cancellation.
        while not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=0.2)
        while self._waiting:
            self._waiting.popleft().receipt.fail(DanganError("DG-WIR-021"))
        self._idle.set()

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), self._limits.linger)
            bundle = self._take()
            try:
                await self._send(bundle)
            except BaseException:
                for command in bundle:
                    command.receipt.fail(DanganError("DG-WIR-021"))
                raise
            if not self._waiting:
                self._idle.set()

    def _take(self) -> list[Queued]:
        bundle: list[Queued] = []
        size = _FRAME
        while self._waiting and len(bundle) < self._limits.commands:
            size += len(self._waiting[0].text) + 1
            if bundle and size > self._limits.size:
                break
            bundle.append(self._waiting.popleft())
        self._bytes -= sum(len(command.text) + 1 for command in bundle)
        if not self._waiting:
            self._arrived.clear()
        if len(self._waiting) < self._limits.commands and self._bytes + _FRAME <= self._limits.size:
            self._full.clear()
        return bundle
