"""The ingest keyring: a worker's unwrapped ingest keys, by kid.

Keys are dropped when the store says that they are destroyed, and all of them when the store was not asked for a
minute: a worker that nothing arrives at must not keep a destroyed key. Certificates state that bound.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from keys.ingest import IngestKey, IngestKeyStore
from keys.okp import thumbprint
from keys.page_keys import MAX_AGE_SECONDS, TICK_SECONDS
from keys.roots import INGEST_ROOT
from keys.vault import KeyRefused, Transit
from schemas.errors import Transient

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]

#: How soon a destroyed key is dropped while messages arrive.
_REFRESH_SECONDS: Final = 5.0
#: How long keys are used without asking the store; they are looked through every TICK_SECONDS.
_USED_FOR_SECONDS: Final = MAX_AGE_SECONDS - TICK_SECONDS
#: Unknown kids make the store be read at most this often: junk costs 20 reads a second, not one a message.
_MIN_GAP_SECONDS: Final = 0.05
#: Waits before keys that Vault refused are read again: a sweep has just moved them.
_READ_AGAIN: Final = (0.0, 0.05)


class IngestKeyring:
    """Holds the private keys of all living ingest keys, and drops those that were destroyed.

    Args:
        vault: unwraps under ``dangan-ingest``.
        store: holds the wrapped keys.
        clock: seconds, monotonic.
        sleep: waits.
    """

    def __init__(
        self,
        vault: Transit,
        store: IngestKeyStore,
        *,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._vault = vault
        self._store = store
        self._clock = clock
        self._sleep = sleep
        self._keys: dict[str, X25519PrivateKey] = {}
        self._loaded_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._refreshing = asyncio.Lock()
        self._wanted: set[str] = set()  # asked for, not here, not looked for in the store yet
        self._absent: set[str] = set()  # looked for in the store and not there

    async def refresh(self) -> None:
        """Take over what was made or destroyed since, at most 5 s late.

        After :meth:`private` has met a new unknown kid the store is read at once. One that is not there then
        will not be there later: a kid is a digest of the key, and keys are stored before they are announced.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer, or refuses a key that lives.
        """
        async with self._refreshing:  # two loads at once would undo each other's keys
            await self._refresh()

    async def _refresh(self) -> None:
        if self._loaded_at is not None:
            age = self._clock() - self._loaded_at
            if age < _REFRESH_SECONDS and not self._wanted:
                return
            if age < _MIN_GAP_SECONDS:
                await self._sleep(_MIN_GAP_SECONDS - age)
        self._arm()
        now, wanted = self._clock(), self._wanted
        self._wanted = set()  # what is asked for while this load waits is for the next one to find
        try:
            await self._load()
        except BaseException:
            self._wanted |= wanted
            raise
        self._loaded_at = now
        self._absent = wanted - self._keys.keys()

    def private(self, kid: str) -> X25519PrivateKey | None:
        """The key, or None when it is unknown or destroyed."""
        key = self._keys.get(kid)
        if key is None and kid not in self._absent:
            self._wanted.add(kid)
        return key

    def _arm(self) -> None:
        """Have keys dropped when they are too old, even if no message arrives any more."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._expire)

    def _expire(self) -> None:
        self._timer = None
        unasked = self._loaded_at is None or self._clock() - self._loaded_at >= _USED_FOR_SECONDS
        if unasked and not self._refreshing.locked():  # a load that is under way ends, and says what lives
            self._keys.clear()
            self._loaded_at = None
        if self._keys or self._refreshing.locked():
            self._arm()

    async def _load(self) -> None:
        for wait in (*_READ_AGAIN, None):
            living = {key.kid: key for key in await self._store.living()}
            for gone in self._keys.keys() - living.keys():
                del self._keys[gone]
            refused = await self._unwrap([key for kid, key in living.items() if kid not in self._keys])
            if not refused:
                return
            if wait is not None:
                await self._sleep(wait)
        # Not absent: a message sealed to it would be put to the dead letters, and the key lives.
        raise Transient("DG-KEY-001", detail="an ingest key that lives is refused")

    async def _unwrap(self, keys: list[IngestKey]) -> bool:
        """Unwrap keys that are new here; say whether Vault refused one."""
        wrapped = [(key.kid, key.wrapped_private) for key in keys if key.wrapped_private is not None]
        answers = await self._vault.try_decrypt(INGEST_ROOT, [text for _, text in wrapped])
        for (kid, _), raw in zip(wrapped, answers, strict=True):
            if isinstance(raw, KeyRefused):
                continue
            private = X25519PrivateKey.from_private_bytes(raw)
            if thumbprint("X25519", private.public_key().public_bytes_raw()) == kid:
                self._keys[kid] = private
        return any(isinstance(raw, KeyRefused) for raw in answers)
