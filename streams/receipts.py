"""What a sender holds for a command it handed over: when it was delivered, and what the archive answered."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from schemas.errors import TEXTS, DanganError
from schemas.replies import Reply, Result
from schemas.wire import Family

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where Kafka holds the bundle that carries a command, durable on all in-sync replicas."""

    topic: str
    partition: int
    offset: int
    bundle_id: str


@dataclass(frozen=True, slots=True, eq=False)
class Receipt:
    """For one command. ``await receipt`` gives the archive's answer, ``await receipt.delivered`` the place.

    Either raises DanganError: DG-WIR-019 (not delivered in time), DG-WIR-020 (no answer in time), DG-WIR-021
    (the publisher was closed first), or why the bundle could not be sealed. A refusal by the archive is no
    exception: it is a result with a code.
    """

    command_id: str
    family: Family
    command: Mapping[str, Any] = field(repr=False)
    delivered: asyncio.Future[Delivery] = field(repr=False)
    answer: asyncio.Future[Result] = field(repr=False)

    def __await__(self) -> Generator[Any, None, Result]:
        """Wait for the archive's answer; cancelling the wait does not cancel the command."""
        return asyncio.shield(self.answer).__await__()

    @property
    def partition_key(self) -> str:
        """What decides the partition: an opaque reference, the record's or else the subject's, or what it is about.

        Pages of a bulk read need no order among themselves: each goes its own way, so that several workers read.
        """
        command = self.command
        if command["type"] == "browse":
            return self.command_id
        named = (command.get(name) for name in ("record", "subject", "application", "grant"))
        return str(next(filter(None, (*named, *command.get("records", ())[:1])), self.command_id))

    def fail(self, error: DanganError) -> None:
        """End whatever has not happened yet."""
        for future in (self.delivered, self.answer):
            if not future.done():
                future.set_exception(error)


def receipt_for(command: Mapping[str, Any], family: Family) -> Receipt:
    """A receipt for a command that is about to be handed over; needs a running event loop."""
    loop = asyncio.get_running_loop()
    receipt = Receipt(command["id"], family, command, loop.create_future(), loop.create_future())
    # A caller may look at either future, both or none: an error that nobody awaits is not a programming error.
    receipt.delivered.add_done_callback(_seen)
    receipt.answer.add_done_callback(_seen)
    return receipt


def _seen(future: asyncio.Future[T]) -> None:
    if not future.cancelled():
        future.exception()


@dataclass(slots=True)
class _Waiting:
    receipts: dict[str, Receipt]
    timer: asyncio.TimerHandle | None = None


class Unanswered:
    """The bundles whose replies are awaited.

    Args:
        timeout: seconds from delivery to the reply, after which its receipts fail with DG-WIR-020.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._bundles: dict[str, _Waiting] = {}

    def expect(self, bundle_id: str, receipts: Sequence[Receipt]) -> None:
        """Await the reply to a bundle: before it is sent, since a reply can be quick."""
        self._bundles[bundle_id] = _Waiting({receipt.command_id: receipt for receipt in receipts})

    def delivered(self, bundle_id: str) -> None:
        """From now on the archive has the bundle: its time to answer runs."""
        waiting = self._bundles.get(bundle_id)
        if waiting is not None:
            waiting.timer = asyncio.get_running_loop().call_later(self._timeout, self._expire, bundle_id)

    def knows(self, bundle_id: str) -> bool:
        """Whether a reply to that bundle is awaited."""
        return bundle_id in self._bundles

    def resolve(self, reply: Reply) -> None:
        """Hand the results to their receipts; those without one go on waiting. A refused bundle ends them all."""
        waiting = self._bundles.get(reply.bundle)
        if waiting is None:
            return
        if reply.code is not None:
            code = reply.code if reply.code in TEXTS else "DG-WIR-011"
            self._end(reply.bundle, DanganError(code, detail="the archive's answer to the whole bundle"))
            return
        for result in reply.results:
            receipt = waiting.receipts.pop(result.id, None)
            if receipt is not None and not receipt.answer.done():
                receipt.answer.set_result(result)
        if not waiting.receipts:
            self.forget(reply.bundle)

    def forget(self, bundle_id: str) -> None:
        """Stop waiting, without ending the receipts."""
        waiting = self._bundles.pop(bundle_id, None)
        if waiting is not None and waiting.timer is not None:
            waiting.timer.cancel()

    def close(self) -> None:
        """End every receipt that still waits (DG-WIR-021)."""
        for bundle_id in list(self._bundles):
            self._end(bundle_id, DanganError("DG-WIR-021"))

    def _expire(self, bundle_id: str) -> None:
        self._end(bundle_id, DanganError("DG-WIR-020"))

    def _end(self, bundle_id: str, error: DanganError) -> None:
        waiting = self._bundles[bundle_id]
        self.forget(bundle_id)
        for receipt in waiting.receipts.values():
            receipt.fail(error)
