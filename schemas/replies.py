"""What a sender gets back: a reply for each bundle, a result for each command, several replies in one message."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

Status = Literal["accepted", "duplicate", "refused"]


@dataclass(slots=True)  # not frozen: that costs each command 1 us
class Result:
    """The answer to one command.

    ``values`` (masked unless the grant says clear) only ever stands in the answer to an access command,
    and only leaves the process after its audit event is durable. ``of`` names the customer's archive in the answer
    to a collect that was kept as a duplicate (DG-MRG-001). ``clear`` names the fields above ``basic`` that ``values``
    shows unmasked; ``watermark`` (keys/watermark.py) says which answer to which reader it is.
    """

    id: str
    status: Status
    code: str | None = None
    field: str | None = None
    message: str | None = None
    next_step: str | None = None
    version: int | None = None
    values: dict[str, object] | None = dataclasses.field(default=None, repr=False)
    of: str | None = None
    clear: tuple[str, ...] | None = None
    watermark: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to one bundle; ``bundle`` is the bundle's ``ce_id``.

    A bundle whose signature holds but whose commands cannot be read has a ``code`` and no results: nothing of
    it was applied.
    """

    bundle: str
    results: tuple[Result, ...]
    code: str | None = None
    message: str | None = None
    next_step: str | None = None


@dataclass(frozen=True, slots=True)
class Replies:
    """The payload of one sealed message: what one sender is answered at one time."""

    replies: tuple[Reply, ...]
