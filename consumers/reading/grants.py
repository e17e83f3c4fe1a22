"""The grant that a read names: one that was given, or the standing scope of a role (常设权限, clause USE-01)."""

from __future__ import annotations

from collections.abc import Sequence

from consumers.reading.refusals import R
from consumers.received import Received
from consumers.use.attested import Attested
from consumers.use.standing import is_standing, standing_grant
from schemas.principals import Grant
from schemas.rule_tables.use import Use
from store.principals import Grants


class NamedGrants:
    """Finds grants.

    Args:
        grants: those that were given.
        use: the rule book's table of standing scopes.
        attested: bars those that the archive did not make.
    """

    def __init__(self, grants: Grants, use: Use, attested: Attested) -> None:
        self._grants = grants
        self._use = use
        self._attested = attested

    async def of(self, batch: Sequence[Received[R]], now: float) -> list[Grant | None]:
        """For each command the grant that it names, or None when there is none; in one look-up."""
        named = {received.command.grant for received in batch}
        given = await self._attested.looked_at(
            await self._grants.get({each for each in named if not is_standing(each)})
        )
        return [
            standing_grant(command.grant, received.sender, command.purpose, self._use, now)
            if is_standing(command.grant)
            else given.get(command.grant)
            for received, command in ((received, received.command) for received in batch)
        ]

    async def one(self, received: Received[R], now: float) -> Grant | None:
        """As :meth:`of`, for one command."""
        return (await self.of([received], now))[0]
