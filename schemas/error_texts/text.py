"""The two sentences of an error."""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    """What a person reads: what happened, and what to do about it."""

    sentence: str
    next_step: str
