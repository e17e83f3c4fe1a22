"""The ids ahead of a bulk read: listed some thousand at a time, so that a page is fetched by its ids.

A store without an ordered index on ids looks at every document for a range of them (the embedded one does): once for
10,000 records instead of once for each page of 200. A record that comes meanwhile is read with the next bulk read; one
that goes meanwhile is not there any more when its page is fetched. Lists hold ids, of nobody in particular.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from store.database import Database, Document
from store.portions import Listed

#: How many pages behind the one that is asked for are told of.
PAGES: Final = 3
_AHEAD: Final = 10_000
_KEPT: Final = 16
_SECONDS: Final = 60.0


class _List(NamedTuple):
    """What was listed behind an id, until when it is used, and whether there may be more behind its end."""

    name: str
    begin: str
    until: float
    found: list[Listed]
    full: bool


class Ahead:
    """Lists live records' ids in ascending order, and remembers those that come next.

    Args:
        database: where the records are.
        clock: seconds, monotonic: a list is used for a minute.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._collection = database["records"]
        self._clock = clock
        self._known: list[_List] = []

    async def listed(self, condition: Document, after: str, limit: int) -> list[Listed]:
        """The next records behind an id, and those of the pages behind: ``limit`` and :data:`PAGES` times as many.

        Fewer only at the end. A reading that begins is listed anew.
        """
        name = repr(sorted(condition.items()))
        wanted = limit * (1 + PAGES)
        now = self._clock()
        self._known = [each for each in self._known if now < each.until]
        for each in reversed(self._known):
            if each.name == name and each.begin < after:  # pages end anywhere: some look further than others
                at = bisect_right(each.found, after, key=_id)
                if at < len(each.found) and (not each.full or len(each.found) - at >= wanted):
                    return each.found[at : at + wanted]
        query: dict[str, Any] = {**condition, "_id": {"$gt": after}}
        most = max(_AHEAD, wanted)
        cursor = self._collection.find(query, {"version": 1}, batch_size=most, hint="_id_").sort("_id", 1)
        found = [Listed(doc["_id"], doc["version"] > 1) for doc in await cursor.limit(most).to_list()]
        if len(found) > limit:  # all of a short list is answered at once
            listed = _List(name, after, self._clock() + _SECONDS, found, len(found) == most)
            self._known = [*self._known[1 - _KEPT :], listed]
        return found[:wanted]


def _id(listed: Listed) -> str:
    return listed.id
