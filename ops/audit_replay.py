"""What a restore takes from the audit stream: destructions, withdrawals of consent, objections and their clearing.

What it takes of legal holds, grants and registers is in ops/restored_holds.py.

The three live in the database: the first in the ledger, the second among the consents, the third on the record itself.
A backup from before them, loaded because the database is lost, brings back a state that does not know of them. The
audit stream is kept for good and has an event of each of them: so a restore reads the stream, proves it whole, and does
them again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from ops.audit_archive.reading import archive_of, feed_stream, without_pruned
from ops.audit_files import feed_file, notes_of
from ops.restored_holds import Deed, Deeds, Key
from schemas.errors import DanganError, Transient
from schemas.settings import Settings
from schemas.trust import Trust, load_trust
from store.checkpoints import Checkpoints
from store.database import Database
from streams.audit.checkpoint import VALUE_PREFIX, Checkpoint
from streams.audit.verify import Verifier
from streams.kafka import kafka_of

#: An event that is wanted holds one of these; looking for them costs far less than reading each event.
_TELLING: Final = (
    b'"destroy"', b'"withdraw"', b'"object"', b'"clear"',
    b'"hold"', b'"give"', b'"give_back"', b'"recall"', b'"register"',
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """An event of a withdrawal: of a consent, or of the use of one record that rested on it.

    Attributes:
        subject: whose consent.
        consent: its reference; None in events from before they named it.
        record: None in the event of the consent itself.
        command, by: the first command that said so, and its sender.
        at_ms: UNIX milliseconds.
    """

    subject: str
    consent: str | None
    record: str | None
    command: str
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class LastWord:
    """The newest event about an objection to a record: made, or cleared; ``at_ms`` UNIX milliseconds."""

    objected: bool
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Told:
    """What the stream tells: records destroyed, consents withdrawn, by record the last word on an objection, and the
    newest deed on each hold, grant and register entry.
    """

    destroyed: frozenset[str] = frozenset()
    withdrawn: tuple[Withdrawn, ...] = ()
    objections: Mapping[str, LastWord] = field(default_factory=dict)
    deeds: Mapping[Key, Deed] = field(default_factory=dict)


class _Listening(Verifier):
    """A verifier that notes what a restore needs of what it is fed."""

    def __init__(self, trust: Trust, kept: Iterable[Checkpoint]) -> None:
        super().__init__(trust, kept)
        self._destroyed: set[str] = set()
        self._withdrawn: dict[tuple[str, str | None, str | None], Withdrawn] = {}
        self._objections: dict[str, LastWord] = {}
        self._deeds = Deeds()

    def feed(self, value: bytes, source: str, number: int) -> None:
        super().feed(value, source, number)
        if value.startswith(VALUE_PREFIX) or not any(word in value for word in _TELLING):
            return
        try:
            event = orjson.loads(value)
            if event["status_id"] == 1:
                self._note(event, event["unmapped"]["dangan"])
        except (ValueError, KeyError, TypeError):  # no event: the verifier has found that
            return

    def told(self) -> Told:
        """What was noted; it counts if the stream turned out whole."""
        withdrawn = sorted(self._withdrawn.values(), key=lambda each: each.at_ms)
        return Told(frozenset(self._destroyed), tuple(withdrawn), self._objections, self._deeds.last)

    def _note(self, event: Mapping[str, Any], own: Mapping[str, Any]) -> None:
        action, record = own["action"], own.get("record")
        if action == "destroy" and record:
            self._destroyed.add(record)
        elif action == "withdraw":
            by, at = event["actor"]["user"]["uid"], event["time"]
            this = Withdrawn(own["subject"], own.get("consent"), record, own["command"], by, at)
            key = (this.subject, this.consent, record)
            # Partitions are read one after the other, and the first withdrawal is the one that stands.
            self._withdrawn[key] = min(self._withdrawn.get(key, this), this, key=lambda each: each.at_ms)
        elif action == "intake" and record and own.get("verb") in ("object", "clear"):
            word = LastWord(own["verb"] == "object", event["actor"]["user"]["uid"], event["time"])
            # Of two in one millisecond the one that blocks counts.
            newest = max(self._objections.get(record, word), word, key=lambda each: (each.at_ms, each.objected))
            self._objections[record] = newest
        else:
            self._deeds.take(event, own)


async def told_by_audit(settings: Settings, live: Database, export: Path | None) -> Told:
    """What the audit stream tells a restore, once the stream is proved whole.

    Args:
        settings: where the stream and the trust file are.
        live: holds checkpoints; as old as the backup it was loaded from, they still must be in the stream.
        export: what ``dangan audit export`` wrote, read in place of the topic.

    Raises:
        DanganError: DG-BAK-007 when the stream cannot be read, or anything was altered, dropped or reordered in it.
    """
    try:
        trust = load_trust((settings.home / "trust.json").read_bytes())
        kept = without_pruned(
            [one async for one in Checkpoints(live).all()], archive_of(settings), trust, now=time.time()
        )
        verifier = _Listening(trust, notes_of(kept))
        if export is not None:
            feed_file(verifier, export, lambda _bytes: None)
        elif await feed_stream(verifier, kafka_of(settings), archive_of(settings)):
            raise DanganError("DG-BAK-007", field="audit-archive")
    except (OSError, Transient) as error:
        raise DanganError("DG-BAK-007", detail=getattr(error, "code", type(error).__name__)) from error
    report = verifier.finish()
    if report.findings:
        raise DanganError("DG-BAK-007", detail=f"{len(report.findings) + report.more_findings} findings")
    return verifier.told()
