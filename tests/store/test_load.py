"""Loading raw documents: all of them, in batches, and an error of any batch is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import bson
import pytest

from store.database import Database
from store.dump import load


class Target:
    """A collection that takes batches, and refuses the one with a number."""

    def __init__(self, refuse: int = -1) -> None:
        self.batches: list[list[Any]] = []
        self.refuse = refuse

    def __getitem__(self, _name: str) -> Target:
        return self

    async def insert_many(self, batch: list[Any], *, ordered: bool) -> None:
        assert not ordered
        if len(self.batches) == self.refuse:
            raise ValueError("refused")
        self.batches.append(batch)


def documents(count: int) -> Iterator[bytes]:
    return (bson.encode({"_id": at}) for at in range(count))


@pytest.mark.parametrize("count", [0, 1, 1000, 1001, 3500])
async def test_every_document_is_inserted_once(count: int) -> None:
    target = Target()
    assert await load(cast("Database", target), "x", documents(count)) == count
    assert [doc["_id"] for batch in target.batches for doc in batch] == list(range(count))
    assert all(len(batch) <= 1000 for batch in target.batches)


@pytest.mark.parametrize("refuse", [0, 1, 2, 3])
async def test_a_batch_that_is_refused_is_told(refuse: int) -> None:
    with pytest.raises(ValueError, match="refused"):
        await load(cast("Database", Target(refuse)), "x", documents(3500))


async def test_a_source_that_ends_in_an_error_leaves_nothing_running() -> None:
    def broken() -> Iterator[bytes]:
        yield from documents(1500)
        raise OSError("cut short")

    target = Target()
    with pytest.raises(OSError, match="cut short"):
        await load(cast("Database", target), "x", broken())
    assert len(target.batches) == 1
