"""Where answers go: sealed replies to their readers, unreadable messages to the dead letters.

Both are durable (acks=all) when the calls return. A command's result may come twice after a crash. Nothing that a
sender wrote may hold up the others: what the broker refuses because of what it is, is not sent again.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidMessageError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RecordTooLargeError,
)

from schemas import wire
from schemas.errors import DanganError, Transient, UnreadableMessage
from schemas.locales import Locale
from schemas.principals import Principal
from schemas.replies import Reply, Result
from streams.dead_letters import dead_letter, without_value
from streams.pipeline import Message
from streams.reply_envelope import reply_headers, seal_reply
from streams.writer import WriterIdentity

log = structlog.get_logger(__name__)

#: JSON bytes of one message; more goes into further ones.
MAX_REPLY_JSON = 768 * 1024
#: JSON bytes of one command's result; sealing makes them 16/9 as long, which the topic still takes.
MAX_RESULT_JSON = 1_100_000
#: What Kafka says about a message itself. Anything else (authorization, brokers away) is said about the moment.
_REFUSED = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RecordTooLargeError,
    InvalidMessageError,
    InvalidTimestampError,
)
#: A message to send: topic, key, value, headers.
Sealed = tuple[str, bytes, bytes, list[tuple[str, bytes]]]


class KafkaOutbox:
    """Implements :class:`streams.pipeline.Outbox` over one Kafka producer.

    Args:
        producer: started, acks=all, not idempotent: one whose message was refused would have spent a sequence number
            and be refused from then on.
        writer: gives this process's identity, which signs replies.
        clock: UNIX seconds.
        send_timeout: seconds until a send counts as failed for now.
        max_value: bytes of an unreadable value that is put aside at most.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        writer: Callable[[], WriterIdentity],
        *,
        clock: Callable[[], float] = time.time,
        send_timeout: float = 30.0,
        max_value: int = wire.WireLimits().max_value,
    ) -> None:
        self._producer = producer
        self._writer = writer
        self._clock = clock
        self._send_timeout = send_timeout
        self._max_value = max_value

    def seal(self, replies: Sequence[tuple[Principal, Reply]]) -> list[Sealed]:
        """Seal each reply to its reader; a reader without a valid receiving key gets none."""
        now = self._clock()
        moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        writer = self._writer()
        sealed: list[Sealed] = []
        for recipient, theirs in _by_recipient(replies):
            key = recipient.receiving_key(now)
            if key is None:
                log.info("reply_skipped", principal=recipient.id, count=len(theirs))
                continue
            for payload in _payloads(theirs, recipient.locale):
                reply_id = str(uuid.uuid4())
                value = seal_reply(payload, writer=writer, recipient=key, reply_id=reply_id, iat=int(now))
                headers = reply_headers(recipient=recipient.id, reply_id=reply_id, time=moment)
                sealed.append((wire.TOPIC_REPLIES, recipient.id.encode(), value, headers))
        return sealed

    async def reply(self, sealed: Sequence[Sealed]) -> None:
        """Send sealed replies; return when all are durable.

        Raises:
            Transient: DG-KAF-001.
        """
        refused = await self._send(sealed)
        if refused:
            log.error("replies_refused", count=len(refused), largest=max(len(value) for _, _, value, _ in refused))

    async def dead_letters(self, letters: Sequence[tuple[Message, UnreadableMessage]]) -> None:
        """Put messages aside (streams/dead_letters.py), with code and place in the headers."""
        sends: list[Sealed] = []
        for message, error in letters:
            key, value, headers = dead_letter(message, error, max_value=self._max_value)
            log.warning("dead_letter", code=error.code, place=key.decode())
            sends.append((wire.TOPIC_DEAD_LETTERS, key, value, headers))
        refused = await self._send(sends)
        smaller = [(topic, *without_value((key, value, headers))) for topic, key, value, headers in refused]
        for _, key, _, _ in await self._send(smaller):
            log.error("dead_letter_refused", place=key.decode())

    async def _send(self, sends: Sequence[Sealed]) -> list[Sealed]:
        """Send; return those that the broker refuses for what they are.

        Raises:
            Transient: DG-KAF-001, when any of the others was not confirmed.
        """
        refused: list[Sealed] = []
        under_way: list[tuple[Sealed, asyncio.Future[Any]]] = []
        try:
            async with asyncio.timeout(self._send_timeout):
                for send in sends:
                    topic, key, value, headers = send
                    try:
                        under_way.append((send, await self._producer.send(topic, value, key=key, headers=headers)))
                    except _REFUSED:
                        refused.append(send)
                outcomes = await asyncio.gather(*(future for _, future in under_way), return_exceptions=True)
        except (KafkaError, TimeoutError) as error:
            raise Transient("DG-KAF-001", detail=type(error).__name__) from error
        for (send, _), outcome in zip(under_way, outcomes, strict=True):
            if isinstance(outcome, _REFUSED):
                refused.append(send)
            elif isinstance(outcome, KafkaError):
                raise Transient("DG-KAF-001", detail=type(outcome).__name__) from outcome
            elif isinstance(outcome, BaseException):
                raise outcome
        return refused


def _by_recipient(replies: Sequence[tuple[Principal, Reply]]) -> list[tuple[Principal, list[Reply]]]:
    """The replies of a batch by who gets them: sealing costs more than what is sealed."""
    found: dict[str, tuple[Principal, list[Reply]]] = {}
    for recipient, reply in replies:
        found.setdefault(recipient.id, (recipient, []))[1].append(reply)
    return list(found.values())


def _payloads(replies: Sequence[Reply], locale: Locale) -> Iterator[bytes]:
    """The replies' JSON, in as many parts as their size asks for; a large reply may be in several."""
    parts: list[bytes] = []
    size = 0
    for reply in replies:
        for part in _parts(reply, locale):
            if parts and size + len(part) > MAX_REPLY_JSON:
                yield b'{"replies":[' + b",".join(parts) + b"]}"
                parts, size = [], 0
            parts.append(part)
            size += len(part) + 1
    yield b'{"replies":[' + b",".join(parts) + b"]}"


def _parts(reply: Reply, locale: Locale) -> Iterator[bytes]:
    """One reply as JSON; several with some of its results each when it is large."""
    if reply.code is not None:
        yield orjson.dumps(_members(reply))
        return
    rows: list[bytes] = []
    size = 0
    for result in reply.results:
        row = _row(result, locale)
        if rows and size + len(row) > MAX_REPLY_JSON:
            yield _document(reply.bundle, rows)
            rows, size = [], 0
        rows.append(row)
        size += len(row) + 1
    yield _document(reply.bundle, rows)


def _row(result: Result, locale: Locale) -> bytes:
    """One result as JSON; without its values when these alone are more than a message may hold."""
    row = orjson.dumps(_members(result))
    if len(row) <= MAX_RESULT_JSON:
        return row
    error = DanganError("DG-KAF-002")
    sentence, next_step = error.told(locale)
    log.warning("answer_too_large", command=result.id, size=len(row))
    told = Result(result.id, "refused", error.code, message=sentence, next_step=next_step)
    return orjson.dumps(_members(told))


def _document(bundle: str, rows: Sequence[bytes]) -> bytes:
    return b'{"bundle":' + orjson.dumps(bundle) + b',"results":[' + b",".join(rows) + b"]}"


def _members(result: Result | Reply) -> dict[str, object]:
    return {name: value for name in type(result).__slots__ if (value := getattr(result, name)) is not None}
