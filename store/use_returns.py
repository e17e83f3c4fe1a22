"""What was said when a use was given back (归还, 使用记录; clauses USE-11, USE-12): one document for each grant."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass

from pymongo.errors import DuplicateKeyError

from store.database import Database, Document, in_parts


@dataclass(frozen=True, slots=True)
class Returned:
    """A use that was given back.

    Attributes:
        by: the grant's holder; ``command`` the give_back command's id.
        at_ms: when Kafka took it, UNIX milliseconds; ``first_ms`` when the use was given back first.
        usage: what was done, without personal data.
        copies: how many copies were made in all; so many are ``destroyed``, so many ``filed``.
    """

    grant: str
    by: str
    command: str
    at_ms: int
    first_ms: int
    usage: str
    copies: int
    destroyed: int
    filed: int

    @property
    def outstanding(self) -> int:
        """How many copies are neither destroyed nor filed."""
        return self.copies - self.destroyed - self.filed


class Returns:
    """The ``use_returns`` collection."""

    def __init__(self, database: Database) -> None:
        self._returns = database["use_returns"]

    async def get(self, grants: Collection[str]) -> dict[str, Returned]:
        """What was said of those grants that were given back."""
        found: dict[str, Returned] = {}
        for part in in_parts(grants):
            async for doc in self._returns.find({"_id": {"$in": part}}):
                found[doc["_id"]] = _returned(doc)
        return found

    async def put(self, returned: Returned, *, instead_of: Returned | None) -> bool:
        """Keep it; False when something else than ``instead_of`` is there."""
        doc = asdict(returned)
        doc["_id"] = doc.pop("grant")
        if instead_of is None:
            try:
                await self._returns.insert_one(doc)
            except DuplicateKeyError:
                return False
            return True
        result = await self._returns.replace_one({"_id": doc["_id"], "command": instead_of.command}, doc)
        return result.modified_count == 1


def _returned(doc: Document) -> Returned:
    return Returned(grant=doc["_id"], **{name: value for name, value in doc.items() if name != "_id"})
