"""Who is who: the registered principals, held in memory for a few seconds.

A key that is revoked stops being accepted within ``max_age`` seconds everywhere; one that is not known yet
is looked up at once, though not more than ten times a second, so that unknown keys cannot flood the database.
A key id that is registered twice belongs to nobody: which of the two signed cannot be told, and a revocation of
one must not be undone by the other.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from schemas.principals import Principal, PublicKey
from store.principals import Principals

#: The registrations are read this often at most, seconds.
MIN_GAP = 0.1


class Directory:
    """Looks principals up by id and by signing key.

    Args:
        principals: where they are registered.
        max_age: seconds after which the registrations are read again.
        clock: monotonic seconds.
        sleep: waits.
    """

    def __init__(
        self,
        principals: Principals,
        *,
        max_age: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._principals = principals
        self._max_age = max_age
        self._clock = clock
        self._sleep = sleep
        self._read_at = float("-inf")
        self._by_id: dict[str, Principal] = {}
        self._by_kid: dict[str, Principal] = {}

    async def refresh(self, *, anew: bool = False) -> None:
        """Read the registrations when they are old; with ``anew`` in any case, for a key that was not known.

        A key registered before its first message was sent is known after reading anew.
        """
        age = self._clock() - self._read_at
        if not anew and age < self._max_age:
            return
        if age < MIN_GAP:
            await self._sleep(MIN_GAP - age)
        everyone = await self._principals.all()
        self._read_at = self._clock()
        self._by_id = {principal.id: principal for principal in everyone}
        owners = Counter(key.kid for principal in everyone for key in principal.signing_keys)
        self._by_kid = {
            key.kid: principal for principal in everyone for key in principal.signing_keys if owners[key.kid] == 1
        }

    def principal(self, principal: str) -> Principal | None:
        """The principal of that id."""
        return self._by_id.get(principal)

    def signer(self, kid: str) -> tuple[str, PublicKey] | None:
        """The principal id and signing key registered under a key id."""
        principal = self._by_kid.get(kid)
        key = principal.signing_key(kid) if principal else None
        return (principal.id, key) if principal and key else None
