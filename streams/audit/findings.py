"""What a verification says: each thing found, with its kind and its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

#: So many findings are kept; more are only counted.
MAX_FINDINGS = 1000


class Kind(StrEnum):
    """What was done to the records."""

    ALTERED = "altered"  # bytes of an event differ from what was chained
    DROPPED = "dropped"  # an event is missing inside the chain
    REORDERED = "reordered"  # an event or checkpoint stands later than it was written
    TRUNCATED = "truncated"  # the end is missing, or its checkpoint
    FORGED = "forged checkpoint"  # a checkpoint that its writer did not sign over these events
    UNKNOWN = "unknown writer"  # nobody that the archive vouches for
    DUPLICATE = "differing duplicate"  # a second, different event under a number that is taken
    FOREIGN = "foreign"  # neither event nor checkpoint


class Place(NamedTuple):
    """Where a value was read: a file and its line, or a partition and its offset."""

    source: str
    number: int

    def __str__(self) -> str:
        return f"{self.source}:{self.number}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: events ``first`` to ``last`` of the writer (-1 when unknown), seen at ``place``."""

    kind: Kind
    writer: str | None
    first: int
    last: int
    place: Place | None
    detail: str

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        place = {"source": self.place.source, "number": self.place.number} if self.place else None
        return {
            "kind": self.kind.value,
            "writer": self.writer,
            "first": self.first,
            "last": self.last,
            "place": place,
            "detail": self.detail,
        }


class WriterSummary(NamedTuple):
    """One chain: how many events were read, and how many of them a valid checkpoint covers."""

    writer: str
    events: int
    covered: int


@dataclass(slots=True)
class Report:
    """The outcome. It verifies when there is no finding."""

    events: int = 0
    checkpoints: int = 0
    duplicates: int = 0
    writers: list[WriterSummary] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    more_findings: int = 0

    def add(self, finding: Finding) -> None:
        """Add a finding; neighbours of one kind become one range."""
        before = self.findings[-1] if self.findings else None
        if (
            before is not None
            and (before.kind, before.writer, before.detail) == (finding.kind, finding.writer, finding.detail)
            and finding.first == before.last + 1 > 0
        ):
            self.findings[-1] = Finding(
                before.kind, before.writer, before.first, finding.last, before.place, before.detail
            )
        elif len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding)
        else:
            self.more_findings += 1
