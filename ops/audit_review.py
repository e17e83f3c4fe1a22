"""The review of access logs (clause AUD-08, 访问日志、违规调阅): reads without a valid application. Pure.

A grant is an approved application. Every allowed read is held against the grant that it names, as the audit stream
tells of it and, where the database is at hand, as the database has it: two sources that one person cannot both change
unnoticed. Refused reads are listed as attempts. The door log of the archive room is not in the system.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from consumers.use.standing import is_standing
from ops import audit_taken_out
from ops.audit_taken_out import TakenOut
from ops.audited import stored_digest
from ops.detect.seen import Seen
from schemas.principals import Grant
from store.principals import grant_terms

_READS: Final = frozenset({"access", "query", "unseal"})
_CONCERNED: Final = _READS | {"grant", "recall", "share"}
#: An event is as old as its command's message; the worker judged it a little later by its own clock.
TOLERANCE_MS: Final = 300_000


class Misread(NamedTuple):
    """A read that should not have been: the event and why."""

    event: Seen
    reason: str


class Attempt(NamedTuple):
    """Who was refused, and with which code."""

    actor: str
    code: str


@dataclass(slots=True)
class Review:
    """The outcome: ``reads`` allowed were judged, ``misreads`` among them found; ``attempts`` were refused.

    ``taken_out`` is what the stream says stands and the database does not hold (ops/audit_taken_out.py).
    """

    reads: int = 0
    misreads: list[Misread] = field(default_factory=list)
    attempts: Counter[Attempt] = field(default_factory=Counter)
    taken_out: list[TakenOut] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "reads": self.reads,
            "without_valid_application": [
                {
                    "event": one.uid,
                    "time": one.at_ms,
                    "actor": one.actor,
                    "record": one.record,
                    "grant": one.grant or None,
                    "fields": list(one.fields),
                    "reason": reason,
                }
                for one, reason in self.misreads
            ],
            "attempts": [
                {"actor": attempt.actor, "code": attempt.code, "count": count}
                for attempt, count in self.attempts.most_common()
            ],
            "taken_out": [one.as_dict() for one in self.taken_out],
        }


def concerns(event: Seen) -> bool:
    """Whether a review needs the event."""
    return event.action in _CONCERNED or audit_taken_out.concerns(event)


def review(events: Iterable[Seen], since_ms: int, grants: Mapping[str, Grant] | None = None) -> Review:
    """Judge every read.

    Args:
        events: in the order of time, from the beginning of the stream: a grant may be old.
        since_ms: reads from then on are judged, UNIX milliseconds.
        grants: what the database holds, by id; None when it is not at hand.
    """
    made = Review()
    given: dict[str, Seen] = {}
    ended: dict[str, int] = {}
    applied: set[str] = set()
    reads: dict[str, Seen] = {}
    for event in events:
        if event.action == "grant" and event.verb in ("give", "emergency") and event.allowed:
            given.setdefault(event.grant, event)
        elif event.allowed and (event.action == "recall" or (event.action, event.verb) == ("use", "give_back")):
            ended.setdefault(event.grant, event.at_ms)
        elif event.action == "share" and event.verb == "apply" and event.allowed:
            applied.add(event.grant)
        elif event.action in _READS and event.at_ms >= since_ms:
            reads[event.uid] = event
    for event in reads.values():
        if not event.allowed:
            made.attempts[Attempt(event.actor, event.code)] += 1
            continue
        made.reads += 1
        if is_standing(event.grant):  # it follows from the rule book, and is given by nobody
            continue
        if event.verb == "deliver":  # under a share, whose approvals were verified again before it left
            if event.grant not in applied:
                made.misreads.append(Misread(event, "nobody was seen to apply for this share"))
            continue
        reason = _by_stream(event, given.get(event.grant), ended.get(event.grant))
        if reason is None and grants is not None:
            reason = _by_database(event, given[event.grant], grants.get(event.grant))
        if reason is not None:
            made.misreads.append(Misread(event, reason))
    return made


def _by_stream(event: Seen, given: Seen | None, ended_ms: int | None) -> str | None:
    """Why the read has no valid application by what the stream tells, or None."""
    if given is None:
        return "nobody was seen to give this grant" if event.grant else "it names no grant"
    ended = ended_ms is not None and event.at_ms > ended_ms + TOLERANCE_MS
    outside = "*" not in given.fields and not set(event.fields) <= set(given.fields)
    reasons = (
        (given.at_ms > event.at_ms + TOLERANCE_MS, "the grant was given afterwards"),
        (given.reader != event.actor, "the grant was given to somebody else"),
        (ended, "the grant was recalled or given back before"),
        (given.purpose != event.purpose, "the grant is for another purpose"),
        (outside, "fields outside the grant"),
    )
    return next((reason for holds, reason in reasons if holds), None)


def _by_database(event: Seen, given: Seen, grant: Grant | None) -> str | None:
    """Why it has none by what the database holds, or None."""
    if grant is None:
        return "the grant is not in the database"
    if given.digest and given.digest != stored_digest(grant_terms(grant)):
        return "the grant in the database is not the one that was given"
    if "*" not in grant.records and event.record not in grant.records:
        return "a record outside the grant"
    before = event.at_ms + TOLERANCE_MS < grant.not_before * 1000
    if before or event.at_ms >= grant.not_after * 1000:
        return "the grant was not valid then"
    return None
