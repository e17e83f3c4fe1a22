"""Times on the wire (RFC 3339) as numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Final

#: A sender's clock may be ahead of the broker's by so much, milliseconds (docs/wire.md section 7).
AHEAD_MS: Final = 300_000


def unix_ms(text: str) -> int:
    """An RFC 3339 date and time with offset as UNIX milliseconds.

    Raises:
        ValueError: when there is no such time, as on the 30th of February; leap seconds are not counted.
    """
    return int(datetime.fromisoformat(text).timestamp() * 1000)
