"""Two-witness videos (双人见证视频, STO-15): each account opening has one in the store and one at headquarters."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Final

from schemas.custody import MEDIA
from schemas.registers import Entry
from schemas.rule_tables.storage import Storage
from store.custody import opening_records
from store.database import Database
from store.registers import Register, record_entries

Line = Mapping[str, str]
LACKING: Final = ("record", "lacks")
_PAGE: Final = 200


async def lacking(database: Database, rules: Storage) -> AsyncGenerator[Line]:
    """The account-opening files that lack a copy of their video, and what they lack.

    A file opens an account when its intake says so (``opens_business``) or when its item is one of
    ``storage.opening_items``.
    """
    if not rules.video_required:
        return
    page: list[str] = []
    async with aclosing(opening_records(database, rules.opening_items)) as ids:
        async for record in ids:
            page.append(record)
            if len(page) == _PAGE:
                for line in await _page(database, page, rules):
                    yield line
                page = []
    for line in await _page(database, page, rules):
        yield line


async def _page(database: Database, records: Sequence[str], rules: Storage) -> list[Line]:
    tied = await record_entries(database, MEDIA.name).of_many(records)
    media = await Register(database, MEDIA.name).get({each for named in tied.values() for each in named})
    lines: list[Line] = []
    for record in records:
        videos = [media[each] for each in tied.get(record, []) if each in media and media[each].kind == "video"]
        if missing := missing_copies(videos, rules):
            lines.append({"record": record, "lacks": ", ".join(missing)})
    return lines


def missing_copies(videos: Sequence[Entry], rules: Storage) -> list[str]:
    """The targets of which a file has no copy, or none that is encrypted and came encrypted as the rules demand."""
    good = {
        each.text("target")
        for each in videos
        if each.state in ("in_store", "on_loan")
        and (not rules.video_encrypted or (each.facts.get("encrypted") and _came_encrypted(each)))
    }
    return [target for target in rules.video_targets if target not in good]


def _came_encrypted(video: Entry) -> bool:
    """A disc is not transferred; what was uploaded says how."""
    return video.text("target") == "store_disc" or bool(video.facts.get("encrypted_transfer"))
