"""How a record's document names a key: ``[page, slot]``, and ``[page, slot, sealed page, shut]`` once it was sealed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keys.ports import KeyRef
from schemas.levels import LEVELS, Level
from store.database import Document

#: The condition that a record is not sealed (封存): keys are added to no other, and nothing of it is changed.
NOT_SEALED: Document = {"sealed": {"$exists": False}}


def to_list(ref: KeyRef) -> list[Any]:
    """The reference as MongoDB stores it."""
    if not ref.sealed:
        return [ref.page, ref.slot]
    return [ref.page, ref.slot, ref.sealed, ref.shut]


def keys_in(doc: Mapping[str, Any]) -> dict[Level, KeyRef]:
    """The key references in a record's document."""
    return {LEVELS[level]: KeyRef(*named) for level, named in doc["keys"].items()}


def naming(record: str, keys: Mapping[Level, KeyRef]) -> Document:
    """The condition that the record is live and names exactly those slots."""
    query: Document = {"_id": record, "state": "live"}
    for level in Level:
        ref = keys.get(level)
        query[f"keys.{level.value}"] = to_list(ref) if ref else {"$exists": False}
    return query
