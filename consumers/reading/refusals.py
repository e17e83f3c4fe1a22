"""What a refused read leaves: the answer and the event, neither of which says more than the reader may know."""

from __future__ import annotations

from typing import Final, TypeVar

from consumers.received import Outcome, Received, fact, refused
from schemas.audit import Action
from schemas.catalogue import Catalogue
from schemas.commands import Access
from schemas.errors import DanganError
from schemas.use import Browse, Search
from store.record import Record

Read = Access | Browse | Search
R = TypeVar("R", bound=Read)
#: References that look like personal data: the event repeats none of them.
_PERSONAL: Final = "DG-COL-007"


def action_of(command: Read) -> Action:
    """What the audit stream calls it."""
    return "query" if isinstance(command, Search) else "access"


def fields_of(command: Read) -> tuple[str, ...]:
    """The fields that a read names."""
    return (command.field,) if isinstance(command, Search) else command.fields


def refusal_of(
    received: Received[R], error: DanganError, catalogue: Catalogue, record: Record | None = None
) -> Outcome:
    """The outcome of a refused read.

    Args:
        received: what was asked.
        error: why it is refused.
        catalogue: of words outside of it, which could be anything, the event says none.
        record: the live record that was asked for, if there is one.
    """
    command = received.command
    event = fact(
        received,
        action_of(command),
        record=command.record if isinstance(command, Access) else None,
        subject=record.subject if record else None,
        allowed=False,
        code=error.code,
        fields=tuple(name for name in fields_of(command) if name in catalogue.fields),
        purpose=command.purpose if command.purpose in catalogue.purposes else None,
        grant=None if error.code == _PERSONAL else command.grant,
    )
    return Outcome(refused(received, error), (event,))
