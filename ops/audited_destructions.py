"""What the audit stream says was destroyed: a second ledger, for when the first was lost with the database.

The destruction ledger lives in the database. A backup from before a destruction, loaded because the database is lost,
brings back a ledger that does not know of it. The audit stream is kept for good, and each destruction is an event on
it before its sender is told: so a restore reads the stream, proves it whole, and destroys again.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ops.audit_files import feed_file, notes_of
from ops.commands.audit_view import read_event
from schemas.errors import DanganError, Transient
from schemas.settings import Settings
from schemas.topics import AUDIT
from schemas.trust import Trust, load_trust
from store.checkpoints import Checkpoints
from store.database import Database
from streams.audit.checkpoint import Checkpoint
from streams.audit.reader import open_topic
from streams.audit.verify import Verifier


class _Listening(Verifier):
    """A verifier that notes the destroyed records among what it is fed."""

    def __init__(self, trust: Trust, kept: Iterable[Checkpoint]) -> None:
        super().__init__(trust, kept)
        self.destroyed: set[str] = set()

    def feed(self, value: bytes, source: str, number: int) -> None:
        super().feed(value, source, number)
        if b'"destroy"' in value:
            event = read_event(value)
            if event is not None and event.action == "destroy" and event.allowed and event.record:
                self.destroyed.add(event.record)


async def destroyed_by_audit(settings: Settings, live: Database, export: Path | None) -> frozenset[str]:
    """Every record that the audit stream says was destroyed, once the stream is proved whole.

    Args:
        settings: where the stream and the trust file are.
        live: holds checkpoints; as old as the backup it was loaded from, they still must be in the stream.
        export: what ``dangan audit export`` wrote, read in place of the topic.

    Raises:
        DanganError: DG-BAK-007 when the stream cannot be read, or anything was altered, dropped or reordered in it.
    """
    try:
        trust = load_trust((settings.home / "trust.json").read_bytes())
        verifier = _Listening(trust, notes_of([one async for one in Checkpoints(live).all()]))
        if export is not None:
            feed_file(verifier, export, lambda _bytes: None)
        else:
            async with open_topic(settings.kafka_bootstrap, AUDIT) as topic:
                async for entries in topic.to_the_end():
                    for entry in entries:
                        verifier.feed(entry.value, f"partition {entry.partition}", entry.offset)
    except (OSError, Transient) as error:
        raise DanganError("DG-BAK-007", detail=getattr(error, "code", type(error).__name__)) from error
    report = verifier.finish()
    if report.findings:
        raise DanganError("DG-BAK-007", detail=f"{len(report.findings) + report.more_findings} findings")
    return frozenset(verifier.destroyed)
