"""Whom a watermark names (水印追溯): the reader in the audit stream whom the archive gave that answer to.

The token says which request it answered and when; reader and grant come from that request's events, and count only if
the token's MAC is over just them. So neither an altered extract nor an altered event accuses anybody falsely.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from keys.vault import transit_of
from keys.watermark import Mark, Marker, mark_of, marker_from
from ops.audit_files import values_in
from ops.detect.seen import Seen, see
from schemas.errors import Refusal
from schemas.settings import Settings
from schemas.topics import AUDIT
from streams.audit.reader import open_topic
from streams.kafka import kafka_of

#: An event is as old as its message; the topic is read from a little before.
_BEFORE_MS: Final = 600_000


@dataclass(frozen=True, slots=True)
class Resolved:
    """Who was given the answer, under which grant, when (UNIX seconds), and what was read."""

    request: str
    at: int
    reader: str
    grant: str
    purpose: str
    reads: tuple[Seen, ...]

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        reads = [{"record": each.record, "fields": list(each.fields), "event": each.uid} for each in self.reads]
        told = {"request": self.request, "time": self.at * 1000, "reader": self.reader, "grant": self.grant}
        return {**told, "purpose": self.purpose, "reads": reads}


def resolve(mark: Mark, values: Iterable[bytes], marker: Marker) -> Resolved:
    """Find the reader.

    Args:
        mark: what the token says.
        values: of the audit topic, of any order, others among them.
        marker: checks the token; of this installation.

    Raises:
        Refusal: DG-ACC-026 when no event belongs to it.
    """
    found: dict[str, Seen] = {}
    for value in values:
        if mark.request.encode() not in value or not _is_of(value, mark.request):
            continue
        event = see(value)
        if event is not None and event.allowed and marker.made(mark, event.actor, event.grant):
            found[event.uid] = event
    if not found:
        raise Refusal("DG-ACC-026")
    reads = tuple(sorted(found.values(), key=lambda event: (event.record, event.uid)))
    return Resolved(mark.request, mark.at, reads[0].actor, reads[0].grant, reads[0].purpose, reads)


async def resolve_token(token: str, settings: Settings, files: Sequence[Path] | None) -> Resolved:
    """Read the audit stream and find the reader.

    Args:
        token: as it stands in the extract.
        settings: of the installation; the auditor's token asks Vault for the watermarks' key.
        files: exports to read instead of the topic.

    Raises:
        Refusal: DG-ACC-025 for no watermark, 026 when no event belongs to it.
        DanganError: when Vault, the topic or a file cannot be read.
    """
    mark = mark_of(token)
    async with transit_of(settings, settings.token_file("auditor")) as vault:
        marker = await marker_from(vault)
    if files:
        return resolve(mark, values_in(files), marker)
    values: list[bytes] = []
    async with open_topic(kafka_of(settings), AUDIT, since_ms=max(mark.at * 1000 - _BEFORE_MS, 0)) as topic:
        async for entries in topic.to_the_end():
            values += [entry.value for entry in entries if entry.value and mark.request.encode() in entry.value]
    return resolve(mark, values, marker)


def _is_of(value: bytes, request: str) -> bool:
    """Whether the event is of that command: any other text in it may hold the id too."""
    try:
        event: Any = orjson.loads(value)
        return bool(event["unmapped"]["dangan"]["command"] == request)
    except (ValueError, KeyError, TypeError):
        return False
