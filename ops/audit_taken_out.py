"""What the audit stream says stands, and the database does not hold: a legal hold, a recall, a return taken out. Pure.

No signature tells of what is missing. The stream does: each of these has an event that was durable before it was done,
and stands in the database until another event ends it. Whoever takes one out of the database would else have a record
destroyed that a court holds, or read on under a grant that was taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

from ops.detect.seen import Seen
from ops.restored_holds import HOLDER, REFERENCE
from schemas.digests import stored_digest
from schemas.principals import Grant
from store.holds import Hold, hold_document
from store.shares import Shared

What = Literal["hold", "recall", "return", "recall of a share"]
#: How long after its event a deed may take; and clocks differ.
SETTLED_MS: Final = 300_000


class TakenOut(NamedTuple):
    """What is missing: of which record or grant, the newest event about it, and what is there instead."""

    what: What
    name: str
    event: Seen
    reason: str

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {"what": self.what, "name": self.name, "event": self.event.uid, "time": self.event.at_ms,
                "actor": self.event.actor, "reason": self.reason}  # fmt: skip


def concerns(event: Seen) -> bool:
    """Whether the comparison needs the event."""
    return event.allowed and _about(event) is not None


def taken_out(
    events: Iterable[Seen],
    holds: Mapping[str, Hold],
    grants: Mapping[str, Grant],
    shares: Mapping[str, Shared],
    *,
    now_ms: int,
) -> list[TakenOut]:
    """Compare.

    Args:
        events: in the order of time, from the beginning of the stream.
        holds: what the database holds, by record; read before the stream, in which a hold may be lifted meanwhile.
        grants: the same, by id.
        shares: the same, by what their events name them by.
        now_ms: when the database was read, UNIX milliseconds: what is younger than five minutes is not judged.
    """
    newest: dict[tuple[What, str], Seen] = {}
    for event in events:
        if event.allowed and (about := _about(event)) is not None:
            newest[about] = event
    found = []
    for (what, name), event in newest.items():
        if what == "hold":
            reason = _missing_hold(event, holds.get(name))
        elif what == "recall of a share":
            reason = _missing_recall(shares.get(name))
        else:
            reason = _missing_end(what, grants.get(name))
        if reason is not None and event.at_ms < now_ms - SETTLED_MS:
            found.append(TakenOut(what, name, event, reason))
    return found


def _about(event: Seen) -> tuple[What, str] | None:
    if (event.action, event.verb) == ("share", "recall"):
        return "recall of a share", event.grant
    if event.action == "hold":
        return "hold", event.record
    if event.action == "recall":
        return "recall", event.grant
    return ("return", event.grant) if (event.action, event.verb) == ("use", "give_back") else None


def _missing_hold(event: Seen, standing: Hold | None) -> str | None:
    if event.verb == "lift":
        return None
    if standing is None:
        return "placed and never lifted, but not in the database"
    restored = standing == Hold(standing.record, HOLDER, REFERENCE, None)  # by this very stream, after a loss
    same = not event.digest or restored or stored_digest(hold_document(standing)) == event.digest
    return None if same else "the hold in the database is not the one that was placed"


def _missing_recall(share: Shared | None) -> str | None:
    return "recalled, but not so in the database" if share is not None and share.recall is None else None


def _missing_end(what: What, grant: Grant | None) -> str | None:
    if grant is None:
        return None  # nobody reads under it
    if what == "recall":
        return "recalled, but not so in the database" if grant.recalled_at is None else None
    return "given back, but not so in the database" if grant.returned_at is None else None
