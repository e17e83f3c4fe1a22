"""What is put aside of a message that cannot be read: never more than is known to be sealed or a plain reference.

An unreadable message may be anything, also somebody's personal data sent in clear by mistake. Kafka keeps a dead
letter for a week and shows it to whoever may read the topic, so a value is kept only when it has the form of a sealed
bundle that a worker would have opened, and of any other value its size and digest: enough to find it at its sender.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from schemas import wire
from schemas.errors import UnreadableMessage
from schemas.values import looks_personal
from streams import compact
from streams.pipeline import Message

#: CloudEvents headers that are kept, if their whole value is of this form.
_KEPT: Final = {
    wire.HEADER_CONTENT_TYPE: re.compile(re.escape(wire.CONTENT_TYPE)),
    wire.HEADER_SPECVERSION: re.compile(re.escape(wire.SPECVERSION)),
    wire.HEADER_ID: wire.UUID,
    wire.HEADER_TYPE: re.compile("|".join(re.escape(wire.type_of(family)) for family in wire.FAMILIES)),
    wire.HEADER_SOURCE: wire.PRINCIPAL,
    wire.HEADER_TIME: wire.RFC3339,
}

Letter = tuple[bytes, bytes, list[tuple[str, bytes]]]


def dead_letter(message: Message, error: UnreadableMessage, *, max_value: int) -> Letter:
    """What stands for a message in the dead letters.

    Args:
        message: as it came.
        error: why it cannot be read.
        max_value: bytes of a value that is kept at most.

    Returns:
        Kafka key (the message's place), value, headers. Without a value there are ``dg_size`` (bytes) and
        ``dg_sha256`` (hex).
    """
    place = f"{message.topic}/{message.partition}/{message.offset}".encode()
    headers = [*_kept_headers(message), (wire.HEADER_CODE, error.code.encode()), (wire.HEADER_PLACE, place)]
    if len(message.value) <= max_value and _is_sealed(message.value):
        return place, message.value, headers
    return place, b"", headers + _digest(message.value)


def without_value(letter: Letter) -> Letter:
    """The same letter without its value, for a broker that refused it."""
    place, value, headers = letter
    return place, b"", headers + _digest(value) if value else headers


def _digest(value: bytes) -> list[tuple[str, bytes]]:
    return [
        (wire.HEADER_SIZE, str(len(value)).encode()),
        (wire.HEADER_SHA256, sha256(value).hexdigest().encode()),
    ]


def _is_sealed(value: bytes) -> bool:
    try:
        compact.parse_sealed(value, typ=wire.TYP_BUNDLE_JWE, max_protected=wire.MAX_PROTECTED)
    except compact.Malformed:
        return False
    return True


def _kept_headers(message: Message) -> list[tuple[str, bytes]]:
    kept = {name: raw for name, raw in message.headers if name in _KEPT and _is_plain(name, raw)}
    return list(kept.items())


def _is_plain(name: str, raw: bytes | None) -> bool:
    if raw is None or len(raw) > wire.MAX_HEADER_BYTES or not raw.isascii():
        return False
    text = raw.decode("ascii")
    return bool(_KEPT[name].fullmatch(text)) and not (name == wire.HEADER_SOURCE and looks_personal(text))
