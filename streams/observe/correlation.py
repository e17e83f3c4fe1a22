"""Log lines say which bundles and commands they are about.

The ids are bound to the context of the task that works on a batch, so every line that is logged while it lasts has
them, wherever in the code it arises. Only ids of our own form (UUIDs) are bound: what else a sender may have written
into their place could be anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from structlog.contextvars import bind_contextvars

from schemas.wire import UUID, Family
from streams.pipeline import Message, Opened, Opener, Unread

#: So many ids of a batch are named; of the others, how many there are.
NAMED: Final = 8


class CorrelatedOpener:
    """An opener that binds the ids of what it has opened to the log lines of the batch."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener

    async def open(self, messages: Sequence[Message], family: Family) -> list[Opened | Unread]:
        """See :class:`streams.pipeline.Opener`."""
        bind_contextvars(batch=_places(messages), messages=len(messages))
        opened = await self._opener.open(messages, family)
        commands = [command.command.id for one in opened if isinstance(one, Opened) for command in one.commands]
        bind_contextvars(bundle=named(one.bundle for one in opened), command=named(commands))
        return opened


def named(ids: Iterable[str]) -> str:
    """The first ids, separated by spaces, and how many more there are; what is no id of ours is left out."""
    known = list(ids)
    shown = " ".join(one for one in known[:NAMED] if UUID.fullmatch(one))
    return f"{shown} and {len(known) - NAMED} more" if len(known) > NAMED else shown


def _places(messages: Sequence[Message]) -> str:
    first, last = messages[0], messages[-1]
    begin = f"{first.topic}/{first.partition}/{first.offset}"
    return begin if len(messages) == 1 else f"{begin} to {last.partition}/{last.offset}"
