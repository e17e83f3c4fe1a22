"""What a detection looks at: the telling parts of one audit event, as plain attributes."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

import orjson

from ops.printable import printable
from streams.audit.checkpoint import VALUE_PREFIX

#: What a rule may group by, count or compare.
Attribute = Literal["actor", "record", "subject", "grant", "reader", "purpose", "level", "action", "code", "place"]
NOBODY: Final = "unknown"


class Seen(NamedTuple):
    """One event; what it does not say is the empty string. No text holds a control character.

    Attributes:
        uid: the event's id.
        at_ms: when, UNIX milliseconds.
        allowed: whether it was done.
        fields: the names of the fields.
        approvers: the principals whose signatures allowed it.
        version: the record's version after it; of a read, the one that was shown.
        digest: of what was stored, if the event says so.
        place: from which the actor's message says it came.
    """

    uid: str
    at_ms: int
    allowed: bool
    action: str
    verb: str
    actor: str
    record: str
    subject: str
    grant: str
    reader: str
    purpose: str
    level: str
    code: str
    fields: tuple[str, ...]
    approvers: tuple[str, ...] = ()
    version: int | None = None
    digest: str = ""
    place: str = ""

    def get(self, name: Attribute) -> str:
        """The value of an attribute that a rule names."""
        value: str = getattr(self, name)
        return value


def see(value: bytes) -> Seen | None:
    """The telling parts of a value of the audit topic, or None for what is no event."""
    if value.startswith(VALUE_PREFIX):
        return None
    try:
        event = orjson.loads(value)
        own: dict[str, Any] = event["unmapped"]["dangan"]
        text = {name: printable(own.get(name, "")) for name in _TEXTS}
        return Seen(
            uid=printable(event["metadata"]["uid"]),
            at_ms=int(event["time"]),
            allowed=event["status_id"] == 1,
            actor=printable(event["actor"]["user"].get("uid", NOBODY)),
            code=printable(event.get("status_code", "")),
            fields=tuple(printable(name) for name in own.get("fields", ())),
            approvers=tuple(printable(name) for name in own.get("approvers", ())),
            version=own["version"] if type(own.get("version")) is int else None,
            digest=printable(own.get("digest", "")),
            place=printable(event.get("src_endpoint", {}).get("instance_uid", "")),
            **text,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None


_TEXTS: Final = ("action", "verb", "record", "subject", "grant", "reader", "purpose", "level")
