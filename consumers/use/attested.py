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

from keys.roots import GRANTS_KEY
from keys.stored_signatures import APPLICATION, GRANT, SHARE, Kind, SigningVault, StoredSeal, sign_stored
from schemas.errors import Refusal, Transient
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
        self._seal = StoredSeal(vault, GRANTS_KEY, clock=clock)

    async def fresh(self) -> None:
        """Learn the public key: before a document is checked and then signed anew.

        A worker signs with the newest key. What it believed by an older one would get a signature by the new.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        if self._demanded:
            await self._seal.refresh(older_than=0)

    async def application(self, made: Application) -> Application:
        """The application with the archive's signature over what it asks for and who has signed it.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer, or the key was rotated since :meth:`fresh`.
        """
        return replace(made, signature=await self._signed(APPLICATION, application_said(made)))

    async def share(self, made: Shared) -> Shared:
        """The share with the archive's signature, likewise.

        Raises:
            Transient: as :meth:`application`.
        """
        return replace(made, signature=await self._signed(SHARE, share_said(made)))

    async def grant(self, made: Grant) -> Grant:
        """The grant with the archive's signature over what it gives.

        Raises:
            Transient: as :meth:`application`.
        """
        return replace(made, signature=await self._signed(GRANT, grant_terms(made)))

    async def check(self, application: Application) -> None:
        """Check that an application is as a worker left it.

        Raises:
            Refusal: DG-USE-046 when it is not.
            Transient: DG-KEY-001 when Vault does not answer.
        """
        if not await self._believed(APPLICATION, application_said, application):
            raise Refusal("DG-USE-046", detail="terms")

    async def check_share(self, share: Shared) -> None:
        """Check that a share is as a worker left it, as far as it asks for something.

        Raises:
            Refusal: DG-SHR-055 when it is not.
            Transient: DG-KEY-001 when Vault does not answer.
        """
        if not await self._believed(SHARE, share_said, share):
            raise Refusal("DG-SHR-055")

    async def looked_at(self, found: Mapping[str, Grant]) -> dict[str, Grant]:
        """The grants, barred where the archive did not make them.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        return {
            name: grant if await self._believed(GRANT, grant_terms, grant) else replace(grant, barred=NOT_OURS)
            for name, grant in found.items()
        }

    async def _signed(self, kind: Kind, said: Mapping[str, Any]) -> str:
        if self._demanded:
            await self._seal.refresh()
        signature = await sign_stored(self._vault, kind, said)
        if self._demanded and not self._seal.holds(kind, said, signature):
            raise Transient("DG-KEY-001", detail="the key was rotated meanwhile")
        return signature

    async def _believed(self, kind: Kind, said: Callable[[Any], Mapping[str, Any]], stored: Any) -> bool:
        if not self._demanded:
            return True
        try:
            document = said(stored)
        except (TypeError, ValueError, AttributeError):  # of other types than anything that the archive writes
            return False
        return await self._seal.believes(kind, document, stored.signature)
