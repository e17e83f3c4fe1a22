"""Giving a use back with its usage record (归还, 使用记录; clauses USE-11, USE-12, STO-17). Pure."""

from __future__ import annotations

from consumers.received import Received
from schemas.errors import Refusal
from schemas.principals import Grant
from schemas.use import GiveBack
from schemas.values import looks_personal
from store.use_returns import Returned


def check_references(command: GiveBack) -> None:
    """Refuse what looks like personal data: it is kept in clear.

    Raises:
        Refusal: DG-COL-007.
    """
    if looks_personal(command.grant) or looks_personal(command.usage):
        raise Refusal("DG-COL-007")


def decide_give_back(received: Received[GiveBack], grant: Grant | None, before: Returned | None) -> Returned:
    """What is noted of a use that is given back.

    A use of which copies are neither destroyed nor filed (谁使用谁销毁) is over, but not settled: it is given back once
    more when they are.

    Args:
        grant: the one that is named, if there is one.
        before: what was said when it was given back before, if it was.

    Raises:
        Refusal: DG-USE-050 to 053.
    """
    command = received.command
    if grant is None or grant.principal != received.sender.id:
        raise Refusal("DG-USE-050", field="grant")
    if before is not None and before.command == command.id:
        return before
    if before is not None and not before.outstanding:
        raise Refusal("DG-USE-051", field="grant")
    if command.copies_destroyed + command.copies_filed > command.copies:
        raise Refusal("DG-USE-052", field="copies")
    if before is not None and command.copies < before.copies:
        raise Refusal("DG-USE-053", field="copies", detail=f"{before.copies}")
    return Returned(
        grant=grant.id,
        by=received.sender.id,
        command=command.id,
        at_ms=received.at_ms,
        first_ms=before.first_ms if before else received.at_ms,
        usage=command.usage,
        copies=command.copies,
        destroyed=command.copies_destroyed,
        filed=command.copies_filed,
    )
