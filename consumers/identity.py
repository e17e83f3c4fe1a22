"""Which records have an identity that no other archive may have, and how it moves (唯一性, ARR-13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consumers import intake_rules
from consumers.rules import Rules
from schemas.identity import identity_keys
from schemas.rulebook import RuleBook
from store.record import Record, Stage


def identity_of(record: Record, tokens: Mapping[str, bytes], rules: Rules) -> tuple[bytes, ...]:
    """The identity keys that a record has with those tokens; none for an item of which a customer has many."""
    rule = rules.book.identity
    said = record.intake or {}
    form = rules.forms.forms.get(said.get("form", ""))
    item = said.get("item") or (form.item if form else None)
    if item is not None and item not in rule.items:
        return ()
    return identity_keys(record.purpose, record.subject, tokens, rule)


@dataclass(frozen=True, slots=True)
class Moved:
    """What a change of a record does to its identity.

    Attributes:
        keys: its identity keys from now on; None leaves them.
        stage: its stage from now on; None leaves it.
        if_free: whether keys and stage stay as they are where another archive has that identity, and the change is
            made all the same; otherwise the store refuses it then (DG-MRG-003).
    """

    keys: tuple[bytes, ...] | None = None
    stage: Stage | None = None
    if_free: bool = False


def moved_identity(record: Record, tokens: Mapping[str, bytes | None], rules: Rules) -> Moved:
    """The record's identity and stage after a change.

    A duplicate whose identity nobody has is no duplicate any more, and begins as a new record does: because its own
    identifier was corrected, or because that of the archive was which had come with it by mistake. Of the latter a
    duplicate learns nothing, so each change of it tries; one that does not touch its identity is made in any case.

    Args:
        tokens: the changed fields' new blind index tokens, None where the field is removed.
    """
    after = {name: token for name, token in {**record.tokens, **tokens}.items() if token is not None}
    keys, before = identity_of(record, after, rules), identity_of(record, record.tokens, rules)
    if keys and record.stage == "duplicate":
        return Moved(keys, first_stage(rules.book), if_free=keys == before)
    return Moved(keys) if keys and keys != before else Moved()


def first_stage(book: RuleBook) -> Stage:
    """A new record's stage: archived at once only where nobody has to review, confirm or take over."""
    return "received" if intake_rules.waits(book) else "archived"
