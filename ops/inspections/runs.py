"""A run of an inspection: what it found is collected within bounds, then audited and kept."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ops.audited import Desk
from schemas.inspections import RunKind
from store.inspections import MAX_FINDINGS, Finding, Inspections, Run

#: Told now and then how far a long run is: done, of how many.
Progress = Callable[[int, int], None]


def silent(_done: int, _of: int) -> None:
    """For runs that nobody watches."""


@dataclass(slots=True)
class Found:
    """What a run finds: counts, and findings of which only the first are kept by name."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    total: Counter[str] = field(default_factory=Counter)

    def add(self, findings: Iterable[Finding]) -> None:
        """Take findings."""
        for each in findings:
            self.total[each.kind] += 1
            if len(self.findings) < MAX_FINDINGS:
                self.findings.append(each)

    def take_back(self, findings: Iterable[Finding]) -> None:
        """Take findings back that a second look did not confirm."""
        gone = set(findings)
        self.total.subtract(each.kind for each in self.findings if each in gone)
        self.findings = [each for each in self.findings if each not in gone]

    def join(self, other: Found) -> None:
        """Take what another part of the same run found; also what it only counted."""
        named = Counter(each.kind for each in other.findings)
        self.add(other.findings)
        self.total += other.total - named

    @property
    def amount(self) -> int:
        """How many findings there are."""
        return self.total.total()


async def keep(desk: Desk, kind: RunKind, found: Found, *, since: int, until: int, now: int) -> Run:
    """Audit and keep a run.

    Args:
        desk: of who made it.
        kind: which inspection.
        found: its outcome.
        since, until: the time that it covers, UNIX seconds.
        now: UNIX seconds.
    """
    total = {name: count for name, count in sorted(found.total.items()) if count}
    inspections = Inspections(desk.database)
    run = Run(
        str(uuid.uuid4()), kind, since, until, desk.operator, now, dict(sorted(found.counts.items())),
        tuple(sorted(found.findings)), total, await inspections.count() + 1,
    )  # fmt: skip
    await desk.record("register", record=run.id, book=f"inspections.{kind}", digest=run.digest)
    await inspections.add(run)
    return run
