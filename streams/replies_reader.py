"""The sender's side of replies: finds its own on ``archive.replies``, opens them, hands out the results."""

from __future__ import annotations

from typing import Final

import structlog
from aiokafka import ConsumerRecord
from pydantic import TypeAdapter, ValidationError

from keys.okp import ReceivingKey
from schemas import wire
from schemas.errors import DanganError
from schemas.replies import Replies, Reply
from schemas.trust import Trust
from streams.receipts import Unanswered
from streams.reply_envelope import open_reply

log = structlog.get_logger(__name__)
_REPLIES: Final = TypeAdapter(Replies)


def parse_replies(payload: bytes) -> tuple[Reply, ...]:
    """The replies in a verified payload, one for each bundle.

    Raises:
        DanganError: DG-WIR-016 when the JSON is something else.
    """
    try:
        return _REPLIES.validate_json(payload).replies
    except ValidationError:
        raise DanganError("DG-WIR-016", detail="content") from None


class RepliesReader:
    """Resolves receipts from the messages of ``archive.replies``; give :meth:`hear` to a Tail.

    Args:
        principal: whose replies to take; others pass by unopened.
        key: the principal's receiving key.
        trust: holds the public keys of ``dangan-writers``.
        unanswered: the receipts that wait.

    Attributes:
        rejected: how many messages were addressed to this principal but could not be trusted.
    """

    def __init__(self, principal: str, key: ReceivingKey, trust: Trust, unanswered: Unanswered) -> None:
        self._principal = principal.encode()
        self._key = key
        self._trust = trust
        self._unanswered = unanswered
        self.rejected = 0

    def hear(self, message: ConsumerRecord) -> None:
        """Take one message of the topic; never raises."""
        headers = dict(message.headers)
        if headers.get(wire.HEADER_SUBJECT) != self._principal or not message.value:
            return
        try:
            opened = open_reply(message.value, key=self._key, trust=self._trust)
            replies = parse_replies(opened.payload)
        except DanganError as error:
            self.rejected += 1
            log.warning("reply_rejected", code=error.code, partition=message.partition, offset=message.offset)
            return
        for reply in replies:  # those that nobody here waits for are another process's, or too late
            self._unanswered.resolve(reply)
