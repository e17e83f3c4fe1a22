"""The archive's signature on applications and grants: made when they are, demanded before they count.

A grant is what a reader reads under, an application what a grant is made of. Where every grant comes of an application
(``use.direct_grants`` is off), workers alone make either, after the last signature: so a grant that somebody wrote into
the database, or an application whose list of posts somebody shortened there, counts for nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from keys.stored_signatures import APPLICATION, GRANT, SigningVault, StoredSeal, sign_stored
from schemas.errors import Refusal
from schemas.principals import Grant
from store.applications import Application, application_terms
from store.principals import grant_terms

#: Seconds between two looks at Vault for a newer public key, because a signature did not hold.
_PATIENCE: Final = 60.0
NOT_OURS: Final = "DG-ACC-030"


class Attested:
    """Signs applications and grants, and believes none without.

    Args:
        vault: signs, and knows the public key.
        demanded: whether an unsigned one counts for nothing.
        clock: monotonic seconds.
    """

    def __init__(self, vault: SigningVault, *, demanded: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._vault = vault
        self._demanded = demanded
        self._clock = clock
        self._grants = StoredSeal(vault, GRANT)
        self._applications = StoredSeal(vault, APPLICATION)
        self._looked_at = float("-inf")

    async def application(self, made: Application) -> Application:
        """The application with the archive's signature over what does not change in it.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        return replace(made, signature=await sign_stored(self._vault, APPLICATION, application_terms(made)))

    async def grant(self, made: Grant) -> Grant:
        """The grant with the archive's signature over what it gives.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        return replace(made, signature=await sign_stored(self._vault, GRANT, grant_terms(made)))

    async def check(self, application: Application) -> None:
        """Check that an application is the one that was made, whoever signed it since.

        Raises:
            Refusal: DG-USE-046 when it is not.
            Transient: DG-KEY-001 when Vault does not answer.
        """
        if not self._demanded:
            return
        await self._applications.refresh()
        terms = application_terms(application)
        if self._applications.holds(terms, application.signature):
            return
        if await self._newer(self._applications) and self._applications.holds(terms, application.signature):
            return
        raise Refusal("DG-USE-046", detail="terms")

    async def looked_at(self, found: Mapping[str, Grant]) -> dict[str, Grant]:
        """The grants, barred where the archive did not make them.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        if not self._demanded or not found:
            return dict(found)
        await self._grants.refresh()
        if not all(self._holds(grant) for grant in found.values()):
            await self._newer(self._grants)
        return {name: grant if self._holds(grant) else replace(grant, barred=NOT_OURS) for name, grant in found.items()}

    def _holds(self, grant: Grant) -> bool:
        return self._grants.holds(grant_terms(grant), grant.signature)

    async def _newer(self, seal: StoredSeal) -> bool:
        """Learn the key anew, in case somebody rotated it; not for each forged document."""
        now = self._clock()
        if now - self._looked_at < _PATIENCE:
            return False
        self._looked_at = now
        await seal.refresh(anew=True)
        return True
