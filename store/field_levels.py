"""The level under which each field was first archived: what stands in ciphertexts and cannot be changed in a file."""

from __future__ import annotations

from collections.abc import Mapping

from pymongo.errors import BulkWriteError

from schemas.levels import Level
from store.database import Database, taken


async def keep_levels(database: Database, levels: Mapping[str, Level]) -> list[str]:
    """Note the levels of new fields; return the fields, sorted, whose level differs from the one noted before.

    A field's ciphertexts are bound to its level and lie under keys of its level: under another level nothing
    stored so far would open.
    """
    noted = database["field_levels"]
    known = {doc["_id"]: doc["level"] async for doc in noted.find({})}
    fresh = [{"_id": name, "level": level.value} for name, level in levels.items() if name not in known]
    if fresh:
        try:
            await noted.insert_many(fresh, ordered=False)
        except BulkWriteError as error:  # another worker starts at the same time
            taken(error)
    return sorted(name for name, level in levels.items() if known.get(name, level.value) != level.value)
