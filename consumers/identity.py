"""An identity that a correction changes moves with it (唯一性, ARR-13)."""

from __future__ import annotations

from collections.abc import Mapping

from consumers.collect import first_stage
from schemas.identity import identity_keys
from schemas.rulebook import RuleBook
from store.records import Record, Stage


def moved_identity(
    record: Record, tokens: Mapping[str, bytes | None], book: RuleBook
) -> tuple[tuple[bytes, ...] | None, Stage | None]:
    """The record's identity keys and stage after a change of its identifiers.

    A duplicate whose identifier is corrected to one that nobody has is no duplicate any more: it begins as a new
    record does. If somebody has it, the store refuses the change (DG-MRG-003).

    Args:
        tokens: the changed fields' new blind index tokens, None where the field is removed.

    Returns:
        The new keys and the new stage, each None where it stays.
    """
    after = {name: token for name, token in {**record.tokens, **tokens}.items() if token is not None}
    keys = identity_keys(record.purpose, record.subject, after, book.identity)
    if not keys or keys == identity_keys(record.purpose, record.subject, record.tokens, book.identity):
        return None, None
    return keys, first_stage(book) if record.stage == "duplicate" else None
