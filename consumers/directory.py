"""Who is who: the registered principals, held in memory for a few seconds.

A key that is revoked stops being accepted within ``max_age`` seconds everywhere; one that is not known yet
is looked up at once, though not more than ten times a second, so that unknown keys cannot flood the database.
A key id that is registered twice belongs to nobody: which of the two signed cannot be told, and a revocation of
one must not be undone by the other.

What stands against a registration at the moment (consumers/standing.py) is looked at each time they are read: whoever
is barred is found, so that he can be told why, and may do nothing. Where registrations must carry the archive's
signature, one without it is barred too, as is an older one than was seen before.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from consumers.standing import UNSIGNED, as_it_stands, barred
from keys.stored_signatures import REGISTRATION, StoredSeal
from schemas.principals import Principal, PublicKey
from schemas.rule_tables.people import People
from store.principals import Principals, Registration, principal_document

#: The registrations are read this often at most, seconds.
MIN_GAP = 0.1


class Directory:
    """Looks principals up by id and by signing key.

    Args:
        principals: where they are registered.
        people: what the organisation demands of people; None: only what their registrations themselves say.
        seal: verifies the archive's signature on registrations; None where they need none.
        max_age: seconds after which the registrations are read again.
        clock: monotonic seconds.
        sleep: waits.
        wall: UNIX seconds.
    """

    def __init__(
        self,
        principals: Principals,
        *,
        people: People | None = None,
        seal: StoredSeal | None = None,
        max_age: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._principals = principals
        self._people = people
        self._seal = seal
        self._wall = wall
        self._good: dict[str, Registration] = {}
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
        found = await (self._principals.all() if self._seal is None else self._sealed(self._seal))
        now = self._wall()
        everyone = [as_it_stands(principal, self._people, now) for principal in found]
        self._read_at = self._clock()
        self._by_id = {principal.id: principal for principal in everyone}
        owners = Counter(key.kid for principal in everyone for key in principal.signing_keys)
        self._by_kid = {
            key.kid: principal for principal in everyone for key in principal.signing_keys if owners[key.kid] == 1
        }

    def principal(self, principal: str) -> Principal | None:
        """The principal of that id."""
        return self._by_id.get(principal)

    def holders(self, role: str) -> list[Principal]:
        """Those who hold a role and whose registrations count at the moment, in the order of their ids."""
        return [self._by_id[each] for each in sorted(self._by_id) if self._holds_now(each, role)]

    def _holds_now(self, principal: str, role: str) -> bool:
        known = self._by_id[principal]
        return known.active and role in known.roles

    def signer(self, kid: str) -> tuple[str, PublicKey] | None:
        """The principal id and signing key registered under a key id."""
        principal = self._by_kid.get(kid)
        key = principal.signing_key(kid) if principal else None
        return (principal.id, key) if principal and key else None

    async def _sealed(self, seal: StoredSeal) -> list[Principal]:
        """The registrations, barred where the signature does not hold; one that has not changed is verified once."""
        await seal.refresh()
        found = await self._principals.registrations()
        if not all(self._holds(each, seal) for each in found):
            await seal.refresh(older_than=0)
        return [each.principal if self._holds(each, seal) else barred(each.principal, UNSIGNED) for each in found]

    def _holds(self, each: Registration, seal: StoredSeal) -> bool:
        known = self._good.get(each.principal.id)
        if known == each:
            return True
        if known is not None and each.version <= known.version:
            return False  # a signed registration of before, put back
        if not seal.holds(REGISTRATION, principal_document(each.principal, each.version), each.signature):
            return False
        self._good[each.principal.id] = each
        return True
