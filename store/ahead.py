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

_AHEAD: Final = 10_000
_KEPT: Final = 32
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
        self._known: OrderedDict[Key, tuple[float, list[Listed], bool]] = OrderedDict()

    async def listed(self, condition: Document, after: str, limit: int) -> list[Listed]:
        """The next records behind an id, at most ``limit``; fewer only at the end."""
        name = repr(sorted(condition.items()))
        until, found, full = self._known.pop((name, after), (0.0, list[Listed](), True))
        if self._clock() >= until or (full and len(found) < limit):
            query: dict[str, Any] = {**condition, "_id": {"$gt": after}}
            cursor = (
                self._collection.find(query, {"version": 1}, batch_size=_AHEAD, hint="_id_")
                .sort("_id", 1)
                .limit(_AHEAD)
            )
            found = [Listed(doc["_id"], doc["version"] > 1) for doc in await cursor.to_list()]
            until, full = self._clock() + _SECONDS, len(found) == _AHEAD
        page, rest = found[:limit], found[limit:]
        if rest:
            self._known[name, page[-1].id] = (until, rest, full)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return page
