"""What happens to every batch of messages, whatever the family: open, apply, audit, reply.

The order is the promise: effects are durable before the audit event is, the audit event before the reply
goes out, the reply before the message is acknowledged. A crash between any two of them is mended by the
redelivery, which finds the effect and repeats the rest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import structlog

from consumers.by_type import Applier
from consumers.received import Outcome, Received, fact, refused
from schemas.audit import Fact
from schemas.errors import DanganError, Transient, UnreadableMessage
from schemas.principals import Principal
from schemas.replies import Reply
from schemas.wire import Family
from store.database import TRANSIENT, DriverError

log = structlog.get_logger(__name__)
T = TypeVar("T")

#: First and longest wait between two tries, seconds.
FIRST_WAIT, LONGEST_WAIT = 0.05, 5.0
#: Turns of the event loop that an idle audit publisher takes to hand a batch to the network.
_STEPS_TO_THE_LOG = 8


@dataclass(frozen=True, slots=True)
class Message:
    """A Kafka message, as far as the pipeline looks at it.

    Attributes:
        at_ms: the broker's append time, UNIX milliseconds; never a time that the sender chose.
    """

    topic: str
    partition: int
    offset: int
    at_ms: int
    headers: tuple[tuple[str, bytes], ...]
    value: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """A message that opened: its verified sender and its commands."""

    message: Message
    sender: Principal
    commands: tuple[Received[Any], ...]
    bundle: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A message that cannot be read, and its sender if the signature holds all the same."""

    message: Message
    error: UnreadableMessage
    sender: Principal | None = None
    bundle: str = ""


class Opener(Protocol):
    """Opens sealed bundles (streams/opening.py)."""

    async def open(self, messages: Sequence[Message], family: Family) -> list[Opened | Unread]:
        """For each message its commands, or why it cannot be read."""


class Audit(Protocol):
    """The audit stream (streams/audit/publisher.py)."""

    async def publish(self, facts: Sequence[Fact]) -> None:
        """Return when all events are durable."""


class Outbox(Protocol):
    """Where answers go (streams/outbox.py)."""

    def seal(self, replies: Sequence[tuple[Principal, Reply]]) -> list[Any]:
        """Seal each reply to its reader; nothing leaves."""

    async def reply(self, sealed: Sequence[Any]) -> None:
        """Send what was sealed; return when all is durable."""

    async def dead_letters(self, letters: Sequence[tuple[Message, UnreadableMessage]]) -> None:
        """Put the messages aside, sealed as they came; return when all are durable."""


class Pipeline:
    """Carries batches of one family from Kafka to durable effects, events and replies."""

    def __init__(
        self,
        family: Family,
        *,
        opener: Opener,
        applier: Applier,
        audit: Audit,
        outbox: Outbox,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._family = family
        self._opener = opener
        self._applier = applier
        self._audit = audit
        self._outbox = outbox
        self._clock = clock

    async def process(self, messages: Sequence[Message]) -> None:
        """Handle one batch; return when every effect, event and answer is durable.

        Transient failures are retried here for as long as they last: nothing is acknowledged meanwhile.
        """
        results = await persistently(lambda: self._opener.open(messages, self._family))
        opened = [result for result in results if isinstance(result, Opened)]
        unread = [result for result in results if isinstance(result, Unread)]
        commands = [command for bundle in opened for command in bundle.commands]
        outcomes = await self._apply(commands)
        facts = [event for outcome in outcomes for event in outcome.facts]
        facts += self._unreadable(unread)
        try:
            sealed = await self._audited(facts, [*_replies(opened, outcomes), *_complaints(unread)])
        except Transient as unavailable:
            outcomes, late = _withheld(commands, outcomes)
            log.warning("audit_unavailable", code=unavailable.code, withheld=len(late))
            if late:  # readers are told at once, the events follow when they can
                refusals = self._outbox.seal(_replies(opened, outcomes))
                await persistently(lambda: self._outbox.reply(refusals))
                opened = []
            await persistently(lambda: self._audit.publish([*facts, *late]))
            sealed = self._outbox.seal([*_replies(opened, outcomes), *_complaints(unread)])
        await persistently(
            lambda: _both(
                self._outbox.reply(sealed),
                self._outbox.dead_letters([(each.message, each.error) for each in unread]),
            )
        )

    async def _audited(self, facts: list[Fact], replies: Sequence[tuple[Principal, Reply]]) -> list[Any]:
        """The sealed replies, once the events are durable: they are sealed while the log is being written.

        Raises:
            Transient: DG-AUD-001; what was sealed is then never sent.
        """
        publishing = asyncio.ensure_future(self._audit.publish(facts))
        try:
            for _ in range(_STEPS_TO_THE_LOG):
                await asyncio.sleep(0)
            return self._outbox.seal(replies)
        finally:
            await publishing

    async def _apply(self, commands: list[Received[Any]]) -> list[Outcome]:
        """Apply a batch. A command that breaks the code is refused alone, so that it cannot stop the others.

        A dependency that fails for good is another matter: it would refuse everything, and ends the process.
        """
        try:
            return await persistently(lambda: self._applier.apply(commands, self._clock()))
        except (DanganError, DriverError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a command can provoke must not come again for ever
            if len(commands) > 1:
                return [outcome for command in commands for outcome in await self._apply([command])]
            received = commands[0]
            log.error(  # noqa: TRY400 - a traceback could quote a value
                "command_failed",
                error=type(error).__name__,
                place=received.place,
                bundle=received.bundle,
                command=received.command.id,
            )
            failure = DanganError("DG-CMD-005")
            event = fact(received, self._family, allowed=False, code=failure.code)
            return [Outcome(refused(received, failure), (event,))]

    def _unreadable(self, unread: Sequence[Unread]) -> list[Fact]:
        """One fact for each message whose sender is known; of all others one for each partition and code.

        Anybody who may write to the topic can send what nobody can read, as much as they like: the audit stream,
        which is kept for ever, must not grow with it. The dead letters still hold each.
        """
        alike: dict[tuple[str, int, str], list[Unread]] = {}
        facts = []
        for each in unread:
            if each.sender is not None:
                facts.append(self._unreadable_fact([each]))
            else:
                key = (each.message.topic, each.message.partition, each.error.code)
                alike.setdefault(key, []).append(each)
        return facts + [self._unreadable_fact(several) for several in alike.values()]

    def _unreadable_fact(self, several: Sequence[Unread]) -> Fact:
        first, last = several[0], several[-1]
        message = first.message
        through = f"-{last.message.offset}" if len(several) > 1 else ""
        return Fact(
            command_id=f"{message.topic}/{message.partition}/{message.offset}{through}",
            action=self._family,
            allowed=False,
            code=first.error.code,
            actor=first.sender.id if first.sender else None,
            at_ms=message.at_ms,
            bundle=first.bundle or None,
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            count=len(several),
        )


def _withheld(commands: Sequence[Received[Any]], outcomes: Sequence[Outcome]) -> tuple[list[Outcome], list[Fact]]:
    """The outcomes without anything that was read, and the events that say so (clause AUD-01)."""
    held: list[Outcome] = []
    late: list[Fact] = []
    for received, outcome in zip(commands, outcomes, strict=True):
        if outcome.result.values is None:
            held.append(outcome)
            continue
        # Both are told: that the read was made ready, and that it was not released.
        events = tuple(replace(event, allowed=False, code="DG-ACC-005") for event in outcome.facts)
        held.append(Outcome(refused(received, DanganError("DG-ACC-005")), events))
        late.extend(events)
    return held, late


async def persistently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Try until it works or fails for good, waiting longer each time."""
    wait = FIRST_WAIT
    while True:
        try:
            return await attempt()
        except Transient as error:
            log.warning("retrying", code=error.code, wait=round(wait, 2))
        except TRANSIENT as error:
            log.warning("retrying", code="DG-STO-001", error=type(error).__name__, wait=round(wait, 2))
        await asyncio.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT)


async def _both(first: Awaitable[None], second: Awaitable[None]) -> None:
    await asyncio.gather(first, second)


def _replies(opened: Sequence[Opened], outcomes: Sequence[Outcome]) -> list[tuple[Principal, Reply]]:
    replies = []
    at = 0
    for bundle in opened:
        results = tuple(outcome.result for outcome in outcomes[at : at + len(bundle.commands)])
        at += len(bundle.commands)
        replies.append((bundle.sender, Reply(bundle.bundle, results)))
    return replies


def _complaints(unread: Sequence[Unread]) -> list[tuple[Principal, Reply]]:
    """Replies to senders whose signature holds but whose bundle cannot be used, in their languages."""
    return [
        (each.sender, Reply(each.bundle, (), each.error.code, *each.error.told(each.sender.locale)))
        for each in unread
        if each.sender is not None
    ]
