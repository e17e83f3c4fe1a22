"""Where answers go: sealed replies to their readers, unreadable messages to the dead letters.

Both are durable (acks=all) when the calls return. A command's result may come twice after a crash.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import orjson
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas import wire
from schemas.errors import Transient, UnreadableMessage
from schemas.principals import Principal
from schemas.replies import Reply, Result
from streams.pipeline import Message
from streams.reply_envelope import reply_headers, seal_reply
from streams.writer import WriterIdentity

log = structlog.get_logger(__name__)

#: JSON bytes of one message; more goes into further ones.
MAX_REPLY_JSON = 768 * 1024
#: Headers of a dead letter that are copied from the message (they carry no personal data).
_COPIED = (
    wire.HEADER_CONTENT_TYPE,
    wire.HEADER_SPECVERSION,
    wire.HEADER_ID,
    wire.HEADER_TYPE,
    wire.HEADER_SOURCE,
    wire.HEADER_TIME,
)


class KafkaOutbox:
    """Implements :class:`streams.pipeline.Outbox` over one Kafka producer.

    Args:
        producer: started, acks=all.
        writer: gives this process's identity, which signs replies.
        clock: UNIX seconds.
        send_timeout: seconds until a send counts as failed for now.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        writer: Callable[[], WriterIdentity],
        *,
        clock: Callable[[], float] = time.time,
        send_timeout: float = 30.0,
    ) -> None:
        self._producer = producer
        self._writer = writer
        self._clock = clock
        self._send_timeout = send_timeout

    async def reply(self, replies: Sequence[tuple[Principal, Reply]]) -> None:
        """Seal each reply to its reader; a reader without a valid receiving key gets none."""
        now = self._clock()
        moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        writer = self._writer()
        sends = []
        for recipient, theirs in _by_recipient(replies):
            key = recipient.receiving_key(now)
            if key is None:
                log.info("reply_skipped", principal=recipient.id, count=len(theirs))
                continue
            for payload in _payloads(theirs):
                reply_id = str(uuid.uuid4())
                value = seal_reply(payload, writer=writer, recipient=key, reply_id=reply_id, iat=int(now))
                headers = reply_headers(recipient=recipient.id, reply_id=reply_id, time=moment)
                sends.append((wire.TOPIC_REPLIES, recipient.id.encode(), value, headers))
        await self._send(sends)

    async def dead_letters(self, letters: Sequence[tuple[Message, UnreadableMessage]]) -> None:
        """Put messages aside as they came, with code and place in the headers."""
        sends = []
        for message, error in letters:
            kept = {name: raw for name, raw in message.headers if name in _COPIED and raw is not None}
            headers = [(name, raw[: wire.MAX_HEADER_BYTES]) for name, raw in kept.items()]
            place = f"{message.topic}/{message.partition}/{message.offset}"
            headers += [("dg_code", error.code.encode()), ("dg_place", place.encode())]
            log.warning("dead_letter", code=error.code, place=place)
            sends.append((wire.TOPIC_DEAD_LETTERS, place.encode(), message.value, headers))
        await self._send(sends)

    async def _send(self, sends: Sequence[tuple[str, bytes, bytes, list[tuple[str, bytes]]]]) -> None:
        if not sends:
            return
        try:
            async with asyncio.timeout(self._send_timeout):
                futures = [
                    await self._producer.send(topic, value, key=key, headers=headers)
                    for topic, key, value, headers in sends
                ]
                await asyncio.gather(*futures)
        except (KafkaError, TimeoutError) as error:
            raise Transient("DG-KAF-001", detail=type(error).__name__) from error


def _by_recipient(replies: Sequence[tuple[Principal, Reply]]) -> list[tuple[Principal, list[Reply]]]:
    """The replies of a batch by who gets them: sealing costs more than what is sealed."""
    found: dict[str, tuple[Principal, list[Reply]]] = {}
    for recipient, reply in replies:
        found.setdefault(recipient.id, (recipient, []))[1].append(reply)
    return list(found.values())


def _payloads(replies: Sequence[Reply]) -> Iterator[bytes]:
    """The replies' JSON, in as many parts as their size asks for; a large reply may be in several."""
    parts: list[bytes] = []
    size = 0
    for reply in replies:
        for part in _parts(reply):
            if parts and size + len(part) > MAX_REPLY_JSON:
                yield b'{"replies":[' + b",".join(parts) + b"]}"
                parts, size = [], 0
            parts.append(part)
            size += len(part) + 1
    yield b'{"replies":[' + b",".join(parts) + b"]}"


def _parts(reply: Reply) -> Iterator[bytes]:
    """One reply as JSON; several with some of its results each when it is large."""
    if reply.code is not None:
        yield orjson.dumps(_members(reply))
        return
    rows: list[bytes] = []
    size = 0
    for result in reply.results:
        row = orjson.dumps(_members(result))
        if rows and size + len(row) > MAX_REPLY_JSON:
            yield _document(reply.bundle, rows)
            rows, size = [], 0
        rows.append(row)
        size += len(row) + 1
    yield _document(reply.bundle, rows)


def _document(bundle: str, rows: Sequence[bytes]) -> bytes:
    return b'{"bundle":' + orjson.dumps(bundle) + b',"results":[' + b",".join(rows) + b"]}"


def _members(result: Result | Reply) -> dict[str, object]:
    everything = {name: getattr(result, name) for name in type(result).__slots__}
    return {name: value for name, value in everything.items() if value is not None}
