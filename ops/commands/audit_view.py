"""How audit events look in a terminal, and which of them a person wants to see. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from rich.text import Text

from ops.printable import printable
from schemas.errors import DanganError
from streams.audit.checkpoint import VALUE_PREFIX

_SPAN = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Shown:
    """What is read out of an event for people. Every text is free of control characters."""

    at: datetime
    allowed: bool
    action: str
    actor: str
    record: str
    fields: tuple[str, ...]
    purpose: str
    grant: str
    code: str
    verb: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are wanted; None wants all."""

    actor: str | None = None
    record: str | None = None
    action: str | None = None
    allowed: bool | None = None
    verb: str | None = None
    purpose: str | None = None
    grant: str | None = None
    code: str | None = None

    def __call__(self, event: Shown) -> bool:
        """Whether the event is one of them."""
        return (
            self.actor in (None, event.actor)
            and self.record in (None, event.record)
            and self.action in (None, event.action)
            and self.allowed in (None, event.allowed)
            and self.verb in (None, event.verb)
            and self.purpose in (None, event.purpose)
            and self.grant in (None, event.grant)
            and self.code in (None, event.code)
        )


def read_event(value: bytes) -> Shown | None:
    """An event's telling parts, or None for what is no event."""
    if value.startswith(VALUE_PREFIX):
        return None
    try:
        event = orjson.loads(value)
        own: dict[str, Any] = event["unmapped"]["dangan"]
        return Shown(
            at=datetime.fromtimestamp(event["time"] / 1000, UTC),
            allowed=event["status_id"] == 1,
            action=printable(own["action"]),
            actor=printable(event["actor"]["user"].get("uid", "unknown")),
            record=printable(own.get("record", "")),
            fields=tuple(printable(name) for name in own.get("fields", ())),
            purpose=printable(own.get("purpose", "")),
            grant=printable(own.get("grant", "")),
            code=printable(event.get("status_code", "")),
            verb=printable(own.get("verb", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
        return None


def line_of(event: Shown) -> Text:
    """One line: time, outcome, action, who, which record, which fields, what for, why not."""
    colour = "green" if event.allowed else "red"
    line = Text(event.at.astimezone().strftime("%Y-%m-%d %H:%M:%S"), style="dim")
    line.append(f"  {'allowed' if event.allowed else 'REFUSED':7}  ", style=colour)
    line.append(f"{' '.join(filter(None, (event.action, event.verb))):9} ", style="bold")
    line.append(event.actor, style="cyan")
    if event.record:
        line.append(" → ", style="dim").append(event.record, style="magenta")
    if event.fields:
        line.append(f" [{', '.join(event.fields)}]")
    if event.purpose:
        line.append(f" for {event.purpose}", style="dim")
    if event.grant:
        line.append(f" under {event.grant}", style="dim")
    if event.code:
        line.append(f"  {event.code}", style=colour)
    return line


def since_ms(text: str, now: float) -> int | None:
    """When ``--since`` means: ``10m``, ``2h``, ``3d``, an ISO 8601 time, or ``start``.

    Returns:
        UNIX milliseconds; None for the beginning.

    Raises:
        DanganError: DG-AUD-006 for anything else.
    """
    if text == "start":
        return None
    if span := _SPAN.fullmatch(text):
        past = timedelta(seconds=int(span[1]) * _SECONDS[span[2]])
        return max(0, int((now - past.total_seconds()) * 1000))
    try:
        return max(0, int(datetime.fromisoformat(text).timestamp() * 1000))
    except (ValueError, OverflowError) as error:
        raise DanganError("DG-AUD-006", field="--since") from error
