"""The ids ahead of a bulk read: listed some thousand at a time, so that a page is fetched by its ids.

A store without an ordered index on ids looks at every document for a range of them (the embedded one does): once for
10,000 records instead of once for each page of 200. A record that comes meanwhile is read with the next bulk read; one
that goes meanwhile is not there any more when its page is fetched. Lists hold ids, of nobody in particular.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from store.database import Database, Document
from store.portions import Listed

#: How many pages behind the one that is asked for are told of.
PAGES: Final = 3
_AHEAD: Final = 10_000
_KEPT: Final = 64
_SECONDS: Final = 60.0

Key = tuple[str, str]


class Ahead:
    """Lists live records' ids in ascending order, and remembers those that come next.

    Args:
        database: where the records are.
        clock: seconds, monotonic: a list is used for a minute.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._collection = database["records"]
        self._clock = clock
        self._known: OrderedDict[Key, tuple[float, list[Listed], int, bool]] = OrderedDict()

    async def listed(self, condition: Document, after: str, limit: int) -> list[Listed]:
        """The next records behind an id, and those of the pages behind: ``limit`` and :data:`PAGES` times as many.

        Fewer only at the end.
        """
        name = repr(sorted(condition.items()))
        wanted = limit * (1 + PAGES)
        until, found, at, full = self._known.pop((name, after), (0.0, list[Listed](), 0, True))
        if self._clock() >= until or (full and len(found) - at < wanted):
            query: dict[str, Any] = {**condition, "_id": {"$gt": after}}
            most = max(_AHEAD, wanted)
            cursor = self._collection.find(query, {"version": 1}, batch_size=most, hint="_id_").sort("_id", 1)
            found = [Listed(doc["_id"], doc["version"] > 1) for doc in await cursor.limit(most).to_list()]
            until, at, full = self._clock() + _SECONDS, 0, len(found) == most
        for begin in range(at + limit, min(at + wanted + 1, len(found)), limit):
            self._known[name, found[begin - 1].id] = (until, found, begin, full)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return found[at : at + wanted]
