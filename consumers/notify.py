"""Notices (保持更新状态, clause UPD-06): who holds or reads a record is told of its new version without delay.

A notice is durable before the update is answered; it names record, version and fields, never a value. Nothing of a
record is cached, so a read after the answer shows the new values in any case; the notice is for those who read before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from store.notices import Notice
from store.record import Record


@dataclass(frozen=True, slots=True)
class Updated:
    """A new version of a record.

    Attributes:
        record: as it was read before or after the update.
        version: the new version.
        fields: the names of the fields that changed.
        by: who updated it.
        at_ms: when, UNIX milliseconds.
    """

    record: Record
    version: int
    fields: tuple[str, ...]
    by: str
    at_ms: int


class NoticeStore(Protocol):
    """Where notices are kept (store/notices.py)."""

    async def readers_of(self, records: Collection[str], *, now: float) -> Mapping[str, frozenset[str]]:
        """Record id -> the principals who may read it now by some grant."""

    async def add(self, notices: Sequence[Notice]) -> None:
        """Keep notices; those that are there already stay as they are."""


class Told:
    """Tells of updates."""

    def __init__(self, notices: NoticeStore) -> None:
        self._notices = notices

    async def tell(self, updated: Sequence[Updated], now: float) -> None:
        """Keep a notice of each update for everybody concerned but who made it; repeatable.

        Args:
            updated: what was updated.
            now: UNIX seconds.
        """
        if not updated:
            return
        readers = await self._notices.readers_of({each.record.id for each in updated}, now=now)
        notices = [
            Notice(each.record.id, each.version, each.fields, each.by, each.at_ms, concerned)
            for each in updated
            if (concerned := (readers.get(each.record.id, frozenset()) | holders(each.record)) - {each.by})
        ]
        if notices:
            await self._notices.add(notices)


def holders(record: Record) -> frozenset[str]:
    """Who holds the record: the system that collected it, and its custodian (专人)."""
    custodian = (record.intake or {}).get("custodian")
    return frozenset(name for name in (record.sender, custodian) if name)
