"""Standing scopes (常设权限; clause USE-01): what a role reads without an application each time. Pure.

An access command names such a grant as ``standing:ROLE``. It exists nowhere: it follows from the rule book and the
reader's registration at every read, so that a change of either takes effect at once.
"""

from __future__ import annotations

from typing import Final

from schemas.principals import Grant, Principal
from schemas.rule_tables.use import Use

PREFIX: Final = "standing:"


def is_standing(grant: str) -> bool:
    """Whether an access command names a standing scope instead of a grant."""
    return grant.startswith(PREFIX)


def standing_grant(name: str, reader: Principal, purpose: str, use: Use, now: float) -> Grant | None:
    """The grant that a standing scope amounts to.

    Args:
        name: as the command has it: ``standing:ROLE``.
        reader: who reads.
        purpose: what for.
        use: the rule book's table.
        now: UNIX seconds.

    Returns:
        A grant over all records; where the scope has an attribute, over those that have one of the values of the
        reader's own scope (consumers/use/scope.py). None when the reader has not the role, the role no standing scope
        for the purpose, or the reader's scope no value of the attribute.
    """
    role = name.removeprefix(PREFIX)
    scope = use.standing_scopes.get(role)
    if not is_standing(name) or scope is None or role not in reader.roles or purpose not in scope.purposes:
        return None
    selection = frozenset(pair for pair in reader.scope if pair[0] == scope.attribute)
    if scope.attribute is not None and not selection:
        return None
    return Grant(
        id=name,
        principal=reader.id,
        records=frozenset("*"),
        fields=frozenset(scope.fields),
        clear=frozenset(scope.clear),
        purpose=purpose,
        not_before=int(now),
        not_after=int(now) + 1,
        selection=selection,
    )
