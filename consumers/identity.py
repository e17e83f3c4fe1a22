"""Which records have an identity that no other archive may have, and how it moves (唯一性, ARR-13)."""

from __future__ import annotations

from collections.abc import Mapping

from consumers import intake_rules
from consumers.rules import Rules
from schemas.identity import identity_keys
from schemas.rulebook import RuleBook
from store.records import Record, Stage


def identity_of(record: Record, tokens: Mapping[str, bytes], rules: Rules) -> tuple[bytes, ...]:
    """The identity keys that a record has with those tokens; none for an item of which a customer has many."""
    rule = rules.book.identity
    said = record.intake or {}
    form = rules.forms.forms.get(said.get("form", ""))
    item = said.get("item") or (form.item if form else None)
    if item is not None and item not in rule.items:
        return ()
    return identity_keys(record.purpose, record.subject, tokens, rule)


def moved_identity(
    record: Record, tokens: Mapping[str, bytes | None], rules: Rules
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
    keys = identity_of(record, after, rules)
    if not keys or keys == identity_of(record, record.tokens, rules):
        return None, None
    return keys, first_stage(rules.book) if record.stage == "duplicate" else None


def first_stage(book: RuleBook) -> Stage:
    """A new record's stage: archived at once only where nobody has to review, confirm or take over."""
    return "received" if intake_rules.waits(book) else "archived"
