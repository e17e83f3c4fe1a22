"""The last reads of records from the audit stream: none is passed over, interrupted or archived. No server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ops.custody import retrievals
from schemas.audit import Fact
from store.retrievals import Retrieval
from streams.audit.reader import Entry
from tests.ops.test_audit_archive import Topic, archived, known
from tests.streams.audit_records import NOW, Archive, some_facts, write

__all__ = ["known"]


class Kept:
    """What the database keeps, in memory."""

    def __init__(self, _database: object = None) -> None:
        self.at_ms: int | None = None
        self.found: dict[str, Retrieval] = {}

    async def read_up_to(self) -> int | None:
        return self.at_ms

    async def went_up_to(self, at_ms: int) -> None:
        self.at_ms = at_ms

    async def note(self, found: Mapping[str, Retrieval]) -> None:
        self.found |= found


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    one = Kept()
    monkeypatch.setattr(retrievals, "Retrievals", lambda _database: one)
    return one


def read(record: str, at_ms: int) -> Fact:
    return Fact(f"cmd-{record}", "access", True, None, "reader-1", at_ms, record=record)


@pytest.mark.clause("STO-13")
async def test_an_interrupted_pass_passes_no_partition_over(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    late, early = NOW * 1000, (NOW - 86400) * 1000
    keys = Archive()
    partitions = [
        [
            Entry(at, number, value, when)
            for number, value in enumerate(write(await keys.new_writer(), [[read(record, when)]]).values)
        ]
        for at, (record, when) in enumerate((("rec-a", late), ("rec-b", early)))
    ]
    dies = [True]

    class Reader:
        def __init__(self, since_ms: int | None) -> None:
            self._since = since_ms

        async def to_the_end(self) -> AsyncIterator[list[Entry]]:
            yield [one for one in partitions[0] if self._since is None or one.at_ms >= self._since]
            if dies.pop():
                raise KeyboardInterrupt
            yield [one for one in partitions[1] if self._since is None or one.at_ms >= self._since]

    @asynccontextmanager
    async def opened(*_: Any, since_ms: int | None = None) -> AsyncIterator[Reader]:
        yield Reader(since_ms)

    monkeypatch.setattr(retrievals, "open_topic", opened)
    with pytest.raises(KeyboardInterrupt):
        await retrievals.refresh(None, "")  # type: ignore[arg-type]
    dies.append(False)
    await retrievals.refresh(None, "")  # type: ignore[arg-type]
    assert set(kept.found) == {"rec-a", "rec-b"}
    assert kept.at_ms == late


@pytest.mark.clause("STO-13")
async def test_what_was_trimmed_from_the_topic_is_read_from_the_archive(
    known: tuple[Archive, Topic], kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, topic = known

    @asynccontextmanager
    async def opened(*_: Any, **__: Any) -> AsyncIterator[Topic]:
        yield topic

    monkeypatch.setattr(retrievals, "open_topic", opened)
    done = await archived(keys, tmp_path, 25)
    topic.trim(done.manifest.next_offsets())
    await retrievals.refresh(None, "", tmp_path)  # type: ignore[arg-type]
    everything = {fact.record for first in (0, 100) for fact in some_facts(30, first)}
    assert set(kept.found) == everything
    assert list(retrievals.archived_since(tmp_path, max(one.last_ms for one in done.new) + 1)) == []
