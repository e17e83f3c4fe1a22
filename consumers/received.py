"""A command with the facts of its delivery, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from schemas.audit import Action, Fact
from schemas.commands import Command
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.principals import Principal
from schemas.replies import Result

C = TypeVar("C", bound=Command)
#: Errors that concern one record's keys, and so refuse one command; others of their kind concern all.
OF_THE_RECORD = frozenset(("DG-KEY-003", "DG-KEY-004", "DG-KEY-005"))


@dataclass(slots=True)  # not frozen: that costs each command 1 us
class Received(Generic[C]):
    """One command of an opened bundle.

    Attributes:
        sender: the verified signer.
        bundle: the bundle's id.
        topic, partition, offset: the message's place in Kafka: the same at a redelivery, another at a replay.
        at: the command's place in its bundle, from 0.
        ingest_key: the key the bundle was sealed to.
        instance: the place that the message says it comes from, or None.
        at_ms: when Kafka took the message, UNIX milliseconds; the same at a redelivery.
    """

    command: C
    sender: Principal
    bundle: str
    topic: str
    partition: int
    offset: int
    ingest_key: str
    at_ms: int
    at: int = 0
    instance: str | None = None

    @property
    def place(self) -> str:
        """The message's place as one text."""
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(slots=True)  # not frozen: that costs each command 1 us
class Outcome:
    """What a command led to: the answer to its sender and the events for the audit stream."""

    result: Result
    facts: tuple[Fact, ...]


def fact(
    received: Received[C],
    action: Action,
    *,
    record: str | None = None,
    allowed: bool = True,
    code: str | None = None,
    fields: tuple[str, ...] = (),
    level: Level | None = None,
    subject: str | None = None,
    purpose: str | None = None,
    grant: str | None = None,
    version: int | None = None,
    approvers: tuple[str, ...] = (),
) -> Fact:
    """The audit fact of a received command."""
    return Fact(
        command_id=received.command.id,
        action=action,
        allowed=allowed,
        code=code,
        actor=received.sender.id,
        record=record,
        subject=subject,
        fields=fields,
        level=level,
        purpose=purpose,
        grant=grant,
        bundle=received.bundle,
        version=version,
        approvers=approvers,
        at_ms=received.at_ms,
        topic=received.topic,
        partition=received.partition,
        offset=received.offset,
        instance=received.instance,
    )


def refused(received: Received[C], error: DanganError) -> Result:
    """The answer to a command that is refused, in its sender's language."""
    told = error.told(received.sender.locale)
    return Result(
        id=received.command.id,
        status="refused",
        code=error.code,
        field=error.field,
        message=told.sentence,
        next_step=told.next_step,
    )
