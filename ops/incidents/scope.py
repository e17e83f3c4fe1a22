"""The scope of an incident (影响范围): who read which records, from the audit stream alone. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from ops.detect.seen import Seen
from schemas.digests import stored_digest
from schemas.principals import Principal
from schemas.registers import Entry

#: What gives somebody values of a record.
READS: Final = frozenset({"access", "query", "unseal"})
COLUMNS: Final = ("reader", "record", "customer", "reads", "first", "last", "fields", "grants")


@dataclass(frozen=True, slots=True)
class Question:
    """Which reads an incident is about: those of the records, and those by the readers; of all, where none is named.

    Attributes:
        records, readers: references.
        since_ms, until_ms: UNIX milliseconds; None: from the beginning.
    """

    records: frozenset[str]
    readers: frozenset[str]
    since_ms: int | None
    until_ms: int

    def concerns(self, event: Seen) -> bool:
        """Whether the event is such a read, and was answered."""
        if event.action not in READS or not event.allowed or event.at_ms > self.until_ms:
            return False
        if not event.record or (self.since_ms is not None and event.at_ms < self.since_ms):
            return False
        named = bool(self.records or self.readers)
        return not named or event.record in self.records or event.actor in self.readers


@dataclass(slots=True)
class Line:
    """What one reader read of one record."""

    reader: str
    record: str
    subject: str = ""
    reads: int = 0
    first_ms: int = 0
    last_ms: int = 0
    fields: set[str] = field(default_factory=set)
    grants: set[str] = field(default_factory=set)

    def as_dict(self) -> dict[str, str]:
        """The line as it is listed: :data:`COLUMNS`."""
        values = (
            self.reader, self.record, self.subject, str(self.reads), _time(self.first_ms), _time(self.last_ms),
            " ".join(sorted(self.fields)), " ".join(sorted(self.grants)),
        )  # fmt: skip
        return dict(zip(COLUMNS, values, strict=True))


def question(
    entry: Entry, everybody: Collection[Principal], *, since_ms: int | None, until_ms: int,
    records: Collection[str] = (), readers: Collection[str] = (),
) -> Question:  # fmt: skip
    """What an incident asks: about all that it ever named and froze, and what is named besides.

    Args:
        entry: the incident.
        everybody: who is registered: a department stands for those in it.
        since_ms, until_ms: UNIX milliseconds.
        records, readers: more of them.
    """
    named = {name: _named(entry, name) for name in ("records", "principals", "departments")}
    people = {each.id for each in everybody if each.department in named["departments"]}
    return Question(
        frozenset({*named["records"], *records}),
        frozenset({*named["principals"], *people, *readers}),
        since_ms,
        until_ms,
    )


def scope(events: Iterable[Seen], asked: Question) -> list[Line]:
    """Who read what: one line for each reader and record, those first who read most. Each event counts once."""
    lines: dict[tuple[str, str], Line] = {}
    seen: set[str] = set()
    for event in events:
        if event.uid in seen or not asked.concerns(event):
            continue
        seen.add(event.uid)
        line = lines.setdefault((event.actor, event.record), Line(event.actor, event.record, first_ms=event.at_ms))
        line.reads += 1
        line.first_ms, line.last_ms = min(line.first_ms, event.at_ms), max(line.last_ms, event.at_ms)
        line.subject = event.subject or line.subject
        line.fields |= set(event.fields)
        line.grants |= {event.grant} - {""}
    return sorted(lines.values(), key=lambda line: (-line.reads, line.reader, line.record))


def digest_of_scope(lines: Sequence[Line]) -> str:
    """What the register keeps of a scope: it can be worked out again and must come out the same."""
    return stored_digest({"scope": [line.as_dict() for line in lines]})


def summed(lines: Sequence[Line]) -> Mapping[str, int]:
    """How many reads, readers and records a scope holds."""
    return {
        "reads": sum(line.reads for line in lines),
        "readers": len({line.reader for line in lines}),
        "records": len({line.record for line in lines}),
    }


def _named(entry: Entry, name: str) -> set[str]:
    found: set[str] = set()
    for step in entry.steps:
        value = step.said.get(name)
        found |= set(value) if isinstance(value, tuple) else set()
    return found


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
