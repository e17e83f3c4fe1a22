"""Whether a live record may be used at all, whoever asks: it is an archive, and nobody objects to it.

What is still under review is read by those who review it, and by nobody else (clause COL-10). An objection (异议) to
how a record was obtained blocks its use until compliance clears it (clause COL-07).
"""

from __future__ import annotations

from consumers.authorize import Authorizer
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Principal
from store.record import Record


def check_usable(record: Record, reader: Principal, authorizer: Authorizer) -> None:
    """Check a record whose use a grant covers.

    Raises:
        Refusal: DG-ACC-008 (no archive yet), 010 (objected to).
    """
    if record.stage != "archived" and not _reviews(reader, record.level, authorizer):
        raise Refusal("DG-ACC-008", detail=record.stage)
    if record.objected:
        raise Refusal("DG-ACC-010")


def _reviews(reader: Principal, level: Level, authorizer: Authorizer) -> bool:
    """Whether somebody reviews records of that level, or takes them over."""
    return any(authorizer.allows(reader, action, level, "intake") for action in ("review", "take-over"))
