"""Announcements of ingest keys: how a sender learns, from Kafka alone, which key to seal to.

The compacted topic ``archive.keys`` holds the newest word on each ingest key. Each word is a compact JWS by
the transit key ``dangan-announcements``, whose public half senders pin in their trust file: who may write to
the topic cannot make senders seal to a key of their own. A key's state only moves forward, so an old word
that is replayed changes nothing for a sender that has heard a later one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import structlog
from aiokafka import ConsumerRecord

from keys.okp import PublicIngestKey, thumbprint
from keys.roots import ANNOUNCEMENTS_KEY
from schemas.errors import DanganError
from schemas.trust import Trust
from schemas.wire import MAX_PROTECTED, TYP_ANNOUNCEMENT
from streams import compact
from streams.writer import Signer

log = structlog.get_logger(__name__)
MAX_ANNOUNCEMENT: Final = 2048

State = Literal["active", "retiring", "destroyed"]
_ORDER: Final[dict[State, int]] = {"active": 0, "retiring": 1, "destroyed": 2}


@dataclass(frozen=True, slots=True)
class Announcement:
    """The archive's word on one ingest key.

    Attributes:
        key: the public key.
        state: ``active`` keys may be sealed to until ``seal_until``, others never.
        seal_until: UNIX seconds.
        announced_at: UNIX seconds; the newer of two active keys is the one to use.
    """

    key: PublicIngestKey
    state: State
    seal_until: int
    announced_at: int


async def announce(
    transit: Signer, key: PublicIngestKey, *, state: State, seal_until: int, announced_at: int
) -> tuple[bytes, bytes]:
    """Sign an announcement: message key and value for ``archive.keys``.

    Args:
        transit: signs with ``dangan-announcements``.
        key: the ingest key.
        state: its state from now on.
        seal_until: senders refuse to seal to it from then on, UNIX seconds.
        announced_at: now, UNIX seconds.
    """
    claims = {
        "kid": key.kid,
        "x": compact.b64(key.x).decode(),
        "state": state,
        "seal_until": seal_until,
        "announced_at": announced_at,
    }
    signer = thumbprint("Ed25519", await transit.public_key(ANNOUNCEMENTS_KEY))
    payload = json.dumps(claims, separators=(",", ":")).encode()
    signing_input = compact.signing_input_of(payload, {"kid": signer, "typ": TYP_ANNOUNCEMENT})
    signature = await transit.sign(ANNOUNCEMENTS_KEY, signing_input)
    return key.kid.encode(), signing_input + b"." + compact.b64(signature)


def read_announcement(value: bytes, *, trust: Trust) -> Announcement | None:
    """What an announcement says, or None if it cannot be trusted.

    Args:
        value: the Kafka value.
        trust: holds the public keys of ``dangan-announcements``.
    """
    if len(value) > MAX_ANNOUNCEMENT:
        return None
    try:
        signed = compact.parse_signed(value, typ=TYP_ANNOUNCEMENT, max_protected=MAX_PROTECTED)
        signer = trust.key("announcements", signed.kid)
        if signer is None or not compact.verify(signed, signer):
            return None
        return _announcement(json.loads(signed.payload()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _announcement(claims: dict[str, Any]) -> Announcement | None:
    x = compact.unb64(claims["x"].encode())
    times = (claims["seal_until"], claims["announced_at"])
    if len(x) != 32 or claims["kid"] != thumbprint("X25519", x) or claims["state"] not in get_args(State):
        return None
    if any(type(time) is not int for time in times):
        return None
    return Announcement(PublicIngestKey(claims["kid"], x), claims["state"], *times)


class KnownIngestKeys:
    """What a sender has heard so far; pure, fed with announcements in any order."""

    def __init__(self, announcements: Iterable[Announcement] = ()) -> None:
        self._by_kid: dict[str, Announcement] = {}
        for announcement in announcements:
            self.hear(announcement)

    def hear(self, announcement: Announcement) -> None:
        """Take an announcement in; one that is older or of an earlier state than what is known is ignored."""
        known = self._by_kid.get(announcement.key.kid)
        if known is None or _later(announcement, known):
            self._by_kid[announcement.key.kid] = announcement

    def current(self, now: float) -> PublicIngestKey:
        """The key to seal to: the most recently announced active one, before its ``seal_until``.

        Raises:
            DanganError: DG-WIR-017 when there is none.
        """
        usable = [each for each in self._by_kid.values() if each.state == "active" and now < each.seal_until]
        if not usable:
            raise DanganError("DG-WIR-017")
        return max(usable, key=lambda each: (each.announced_at, each.key.kid)).key


def _later(new: Announcement, known: Announcement) -> bool:
    if new.state != known.state:
        return _ORDER[new.state] > _ORDER[known.state]
    return new.announced_at > known.announced_at


class IngestKeyListener:
    """Feeds messages of ``archive.keys`` into what is known; give :meth:`hear` to a Tail.

    Attributes:
        rejected: how many messages could not be trusted.
    """

    def __init__(self, known: KnownIngestKeys, trust: Trust) -> None:
        self._known = known
        self._trust = trust
        self.rejected = 0

    def hear(self, message: ConsumerRecord) -> None:
        """Take one message of the topic; never raises."""
        if message.value is None:
            return  # a tombstone: what a sender has heard of the key still holds
        announcement = read_announcement(message.value, trust=self._trust)
        if announcement is None:
            self.rejected += 1
            log.warning("announcement_rejected", code="DG-WIR-017", offset=message.offset)
            return
        self._known.hear(announcement)
