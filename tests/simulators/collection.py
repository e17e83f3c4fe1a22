"""A MongoDB collection in memory: as much of queries, updates and unique indexes as store/ uses, so that the real
repositories run on it. Whatever it does not know fails loudly."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from pymongo import ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

Document = dict[str, Any]
_GONE = object()


class SimulatedCollection:
    """One collection.

    Args:
        unique: fields with a unique, sparse index, besides ``_id``; the members of a list count one by one.

    Attributes:
        before_write: called before every write of a document, and may raise: a crash of the caller.
    """

    def __init__(self, *unique: str) -> None:
        self.documents: dict[str, Document] = {}
        self.before_write: Callable[[], None] = lambda: None
        self._unique = unique

    async def insert_many(self, documents: Sequence[Document], *, ordered: bool) -> None:
        assert not ordered
        problems = []
        for at, document in enumerate(documents):
            self.before_write()
            taken = "_id" if document["_id"] in self.documents else self._taken(document)
            if taken:
                problems.append({"index": at, "code": 11000, "keyPattern": {taken: 1}})
            else:
                self.documents[document["_id"]] = copy.deepcopy(document)
        if problems:
            raise BulkWriteError({"writeErrors": problems, "writeConcernErrors": []})

    async def insert_one(self, document: Document) -> None:
        try:
            await self.insert_many([document], ordered=False)
        except BulkWriteError as error:
            raise DuplicateKeyError("E11000", 11000, (error.details or {})["writeErrors"][0]) from None

    async def delete_one(self, query: Document) -> None:
        found = next(self._matching(query), None)
        if found is not None:
            self.before_write()
            del self.documents[found["_id"]]

    async def delete_many(self, query: Document) -> SimpleNamespace:
        found = list(self._matching(query))
        for document in found:
            self.before_write()
            del self.documents[document["_id"]]
        return SimpleNamespace(deleted_count=len(found))

    async def update_one(self, query: Document, update: Document) -> SimpleNamespace:
        found = next(self._matching(query), None)
        if found is None:
            return SimpleNamespace(modified_count=0)
        changed = copy.deepcopy(found)
        for operator, changes in update.items():
            for path, value in changes.items():
                _OPERATORS[operator](changed, path, copy.deepcopy(value))
        self.before_write()
        if taken := self._taken(changed):
            raise DuplicateKeyError("E11000", 11000, {"keyPattern": {taken: 1}})
        self.documents[found["_id"]] = changed
        return SimpleNamespace(modified_count=1)

    async def update_many(self, query: Document, update: Document) -> None:
        for found in list(self._matching(query)):
            await SimulatedCollection.update_one(self, {"_id": found["_id"]}, update)

    async def bulk_write(self, changes: Sequence[ReplaceOne[Any] | UpdateOne], *, ordered: bool) -> None:
        assert not ordered
        for change in changes:
            if isinstance(change, UpdateOne):
                await self.update_one(dict(change._filter), dict(change._doc))
                continue
            for found in list(self._matching(dict(change._filter))):
                self.before_write()
                self.documents[found["_id"]] = dict(change._doc)

    async def find_one(self, query: Document, _wanted: Document | None = None) -> Document | None:
        return next((copy.deepcopy(found) for found in self._matching(query)), None)

    async def find(self, query: Document, _wanted: Document | None = None, **_: Any) -> AsyncIterator[Document]:
        for found in list(self._matching(query)):
            yield copy.deepcopy(found)

    def _matching(self, query: Document) -> Iterator[Document]:
        conditions = query.items()
        return (doc for doc in self.documents.values() if all(_meets(doc, path, want) for path, want in conditions))

    def _taken(self, document: Document) -> str | None:
        """The unique field whose value another document has."""
        for field in self._unique:
            values = _members(document.get(field, _GONE))
            for other in self.documents.values():
                if other["_id"] != document["_id"] and set(values) & set(_members(other.get(field, _GONE))):
                    return field
        return None


def _members(value: Any) -> list[Any]:
    assert value != [], "an empty list is a value of its own to a unique index"
    return [] if value is _GONE else value if isinstance(value, list) else [value]


def _meets(document: Document, path: str, want: Any) -> bool:
    value = _at(document, path)
    if not isinstance(want, Mapping):
        return bool(value == want) or (isinstance(value, list) and want in value)
    for operator, operand in want.items():
        if operator == "$exists":
            met = (value is not _GONE) == operand
        elif operator == "$in":
            held = value if isinstance(value, list) else [None if value is _GONE else value]
            met = any(each in operand for each in held)
        elif operator == "$ne":
            met = operand not in value if isinstance(value, list) else (None if value is _GONE else value) != operand
        else:
            raise NotImplementedError(operator)
        if not met:
            return False
    return True


def _at(document: Document, path: str) -> Any:
    value: Any = document
    for step in path.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return _GONE
        value = value[step]
    return value


def _holder(document: Document, path: str) -> tuple[Document, str]:
    *steps, last = path.split(".")
    for step in steps:
        document = document.setdefault(step, {})
    return document, last


def _set(document: Document, path: str, value: Any) -> None:
    holder, last = _holder(document, path)
    holder[last] = value


def _unset(document: Document, path: str, _: Any) -> None:
    holder, last = _holder(document, path)
    holder.pop(last, None)


def _push(document: Document, path: str, value: Any) -> None:
    holder, last = _holder(document, path)
    holder.setdefault(last, []).append(value)


def _pop(document: Document, path: str, end: int) -> None:
    assert end == 1
    holder, last = _holder(document, path)
    holder[last].pop()


def _increase(document: Document, path: str, by: int) -> None:
    holder, last = _holder(document, path)
    holder[last] = holder.get(last, 0) + by


def _add(document: Document, path: str, value: Any) -> None:
    holder, last = _holder(document, path)
    held = holder.setdefault(last, [])
    held.extend(each for each in (value["$each"] if isinstance(value, Mapping) else [value]) if each not in held)


_OPERATORS: dict[str, Callable[[Document, str, Any], None]] = {
    "$set": _set, "$unset": _unset, "$push": _push, "$pop": _pop, "$inc": _increase, "$addToSet": _add,
}  # fmt: skip
