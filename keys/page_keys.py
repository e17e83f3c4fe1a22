"""Page keys in a worker's memory: a small pool made ahead for new pages, a cache of those of stored pages.

Both are bounded in number and age, and wipe what they let go. Python copies bytes as it likes (a decoded JSON
body, an argument on its way into OpenSSL), so wiping shortens the life of a key in memory and proves nothing;
the certificate states the bound, :data:`MAX_AGE_SECONDS`, as a residual.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from keys.pages import KEY_BYTES
from keys.roots import root_of
from keys.vault import Transit
from schemas.levels import Level

#: The longest that an unwrapped page key stays in memory: what certificates state.
MAX_AGE_SECONDS: Final = 60.0
#: How often the key ring wipes what is too old, and so by how much sooner a key is no longer used.
TICK_SECONDS: Final = 10.0
_USED_FOR_SECONDS: Final = MAX_AGE_SECONDS - TICK_SECONDS
_AHEAD: Final = 16

Clock = Callable[[], float]


@dataclass(slots=True)
class NewPageKey:
    """A page key nobody has used yet, and what Vault made of it."""

    key: bytearray = field(repr=False)
    wrapped: str
    version: int
    made_at: float


class PageKeyPool:
    """Page keys made and wrapped ahead, 16 to a Vault call for each level; each is handed out once.

    A key that is handed out may be wrapped under a root version that has been rotated away since: the confirm
    step of the key ring sees it, as it would see any rotation.

    Args:
        vault: wraps the keys.
        clock: seconds, monotonic.
    """

    def __init__(self, vault: Transit, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock
        self._ready: dict[Level, deque[NewPageKey]] = {level: deque() for level in Level}
        self._filling = {level: asyncio.Lock() for level in Level}

    async def take(self, level: Level, count: int) -> list[NewPageKey]:
        """So many page keys that nobody else gets."""
        ready = self._ready[level]
        async with self._filling[level]:
            self.expire()
            if len(ready) < count:
                ready.extend(await self._make(level, max(_AHEAD, count)))
            return [ready.popleft() for _ in range(count)]

    def forget_below(self, level: Level, root_version: int) -> None:
        """Drop keys under older root versions: they would all have to be wrapped again."""
        self._drop(level, lambda key: key.version < root_version)

    def expire(self) -> None:
        """Drop and wipe keys that are too old."""
        oldest = self._clock() - _USED_FOR_SECONDS
        for level in Level:
            self._drop(level, lambda key: key.made_at <= oldest)

    def clear(self) -> None:
        """Drop and wipe all keys."""
        for level in Level:
            self._drop(level, lambda _: True)

    def __len__(self) -> int:
        """How many keys are ready, of all levels."""
        return sum(len(ready) for ready in self._ready.values())

    async def _make(self, level: Level, count: int) -> list[NewPageKey]:
        made_at = self._clock()
        keys = [bytearray(os.urandom(KEY_BYTES)) for _ in range(count)]
        wrapped = await self._vault.encrypt(root_of(level), [bytes(key) for key in keys])
        return [
            NewPageKey(key, item.ciphertext, item.version, made_at) for key, item in zip(keys, wrapped, strict=True)
        ]

    def _drop(self, level: Level, goes: Callable[[NewPageKey], bool]) -> None:
        ready = self._ready[level]
        for _ in range(len(ready)):
            key = ready.popleft()
            if goes(key):
                wipe(key.key)
            else:
                ready.append(key)


class PageKeyCache:
    """Unwrapped page keys by (page, generation), oldest out first. No I/O.

    Args:
        clock: seconds, monotonic.
        max_pages: how many keys at most.
        max_age: seconds that a key may stay, counted from its unwrapping; a hit does not prolong it.

    Attributes:
        hits: how often a key that was asked for was held.
        misses: how often it was not.
    """

    def __init__(self, clock: Clock, *, max_pages: int, max_age: float = _USED_FOR_SECONDS) -> None:
        self._clock = clock
        self._max_pages = max_pages
        self._max_age = max_age
        self.hits = self.misses = 0
        # by age: put() appends, nothing moves
        self._keys: OrderedDict[tuple[str, int], tuple[float, bytearray]] = OrderedDict()

    def get(self, page: str, generation: int) -> bytes | None:
        """The page key, or None when it is not held or too old."""
        held = self._keys.get((page, generation))
        if held is None or held[0] + self._max_age <= self._clock():
            self.misses += 1
            return None
        self.hits += 1
        return bytes(held[1])

    def put(self, page: str, generation: int, key: bytes) -> None:
        """Hold a page key; the oldest ones go when there are too many."""
        self._forget((page, generation))
        self._keys[page, generation] = (self._clock(), bytearray(key))
        while len(self._keys) > self._max_pages:
            self._forget(next(iter(self._keys)))

    def drop(self, page: str) -> None:
        """Forget the page's keys of all generations."""
        for name in [name for name in self._keys if name[0] == page]:
            self._forget(name)

    def expire(self) -> None:
        """Forget keys that are too old."""
        oldest = self._clock() - self._max_age
        while self._keys:
            name, (since, _) = next(iter(self._keys.items()))
            if since > oldest:
                return
            self._forget(name)

    def clear(self) -> None:
        """Forget all keys."""
        while self._keys:
            self._forget(next(iter(self._keys)))

    def __len__(self) -> int:
        """How many keys are held."""
        return len(self._keys)

    def _forget(self, name: tuple[str, int]) -> None:
        held = self._keys.pop(name, None)
        if held is not None:
            wipe(held[1])


def wipe(key: bytearray) -> None:
    """Overwrite a key with zeros."""
    key[:] = bytes(len(key))
