"""The archive's signature on applications, shares and grants: made when they are, demanded before they count.

A grant is what a reader reads under, an application what a grant is made of, a share what leaves the house. Where every
grant comes of an application (``use.direct_grants`` is off), workers alone make any of them. So a grant that somebody
wrote into the database counts for nothing, and neither does an application or a share in which somebody changed what is
asked for, shortened the list of posts, or wrote in a signature that was never counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from keys.stored_signatures import APPLICATION, GRANT, SHARE, SigningVault, StoredSeal, sign_stored
from schemas.errors import Refusal
from schemas.principals import Grant
from store.applications import Application, application_said
from store.principals import grant_terms
from store.shares import Shared, share_said

NOT_OURS: Final = "DG-ACC-030"


class Attested:
    """Signs applications, shares and grants, and believes none without.

    Args:
        vault: signs, and knows the public key.
        demanded: whether an unsigned one counts for nothing.
        clock: monotonic seconds.
    """

    def __init__(self, vault: SigningVault, *, demanded: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._vault = vault
        self._demanded = demanded
        self._grants = StoredSeal(vault, GRANT, clock=clock)
        self._applications = StoredSeal(vault, APPLICATION, clock=clock)
        self._shares = StoredSeal(vault, SHARE, clock=clock)

    async def application(self, made: Application) -> Application:
        """The application with the archive's signature over what it asks for and who has signed it.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        return replace(made, signature=await sign_stored(self._vault, APPLICATION, application_said(made)))

    async def share(self, made: Shared) -> Shared:
        """The share with the archive's signature, likewise.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        return replace(made, signature=await sign_stored(self._vault, SHARE, share_said(made)))

    async def grant(self, made: Grant) -> Grant:
        """The grant with the archive's signature over what it gives.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        return replace(made, signature=await sign_stored(self._vault, GRANT, grant_terms(made)))

    async def check(self, application: Application) -> None:
        """Check that an application is as a worker left it.

        Raises:
            Refusal: DG-USE-046 when it is not.
            Transient: DG-KEY-001 when Vault does not answer.
        """
        if not await self._believed(self._applications, application_said, application):
            raise Refusal("DG-USE-046", detail="terms")

    async def check_share(self, share: Shared) -> None:
        """Check that a share is as a worker left it, as far as it asks for something.

        Raises:
            Refusal: DG-SHR-055 when it is not.
            Transient: DG-KEY-001 when Vault does not answer.
        """
        if not await self._believed(self._shares, share_said, share):
            raise Refusal("DG-SHR-055")

    async def looked_at(self, found: Mapping[str, Grant]) -> dict[str, Grant]:
        """The grants, barred where the archive did not make them.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        return {
            name: grant if await self._believed(self._grants, grant_terms, grant) else replace(grant, barred=NOT_OURS)
            for name, grant in found.items()
        }

    async def _believed(self, seal: StoredSeal, said: Callable[[Any], Mapping[str, Any]], stored: Any) -> bool:
        if not self._demanded:
            return True
        await seal.refresh()
        try:
            return seal.holds(said(stored), stored.signature)
        except (TypeError, ValueError, AttributeError):  # of other types than anything that the archive writes
            return False
