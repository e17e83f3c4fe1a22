"""The sender's side of replies: finds its own on ``archive.replies``, opens them, hands out the results."""

from __future__ import annotations

from typing import Final

import structlog
from aiokafka import ConsumerRecord
from pydantic import TypeAdapter, ValidationError

from keys.okp import ReceivingKey
from schemas import wire
from schemas.errors import DanganError
from schemas.replies import Reply
from schemas.trust import Trust
from streams.receipts import Unanswered
from streams.reply_envelope import open_reply

log = structlog.get_logger(__name__)
_REPLY: Final = TypeAdapter(Reply)


def parse_reply(payload: bytes, bundle_id: str) -> Reply:
    """A verified reply's results; ``bundle_id`` is the one that was signed.

    Raises:
        DanganError: DG-WIR-016 when the JSON is not a reply's, or another bundle's.
    """
    try:
        reply = _REPLY.validate_json(payload)
    except ValidationError:
        raise DanganError("DG-WIR-016", detail="content") from None
    if reply.bundle != bundle_id:
        raise DanganError("DG-WIR-016", detail="another bundle's")
    return reply


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
            if not self._unanswered.knows(opened.bundle_id):
                return  # another process of the same principal waits for it, or it is too late
            reply = parse_reply(opened.payload, opened.bundle_id)
        except DanganError as error:
            self.rejected += 1
            log.warning("reply_rejected", code=error.code, partition=message.partition, offset=message.offset)
            return
        self._unanswered.resolve(reply)
