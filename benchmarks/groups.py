"""Which rows are measured together, and in which order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Final, Protocol

from benchmarks.access_rows import access_rows
from benchmarks.audit_rows import audit_rows
from benchmarks.backup_rows import backup_rows
from benchmarks.bench import Bench
from benchmarks.browse_rows import browse_rows
from benchmarks.collect_rows import collect_rows
from benchmarks.destroy_rows import destroy_rows
from benchmarks.policy_rows import policy_rows
from benchmarks.rows import Row
from benchmarks.store_rows import store_rows


class Group(Protocol):
    """Measures some rows, and hands them over as they are ready."""

    __name__: str

    def __call__(self, bench: Bench) -> AsyncIterator[list[Row]]:
        """Measure."""


#: Row -> what measures it. The rows of one group share their runs. The large store comes last.
GROUPS: Final[dict[str, Group]] = {
    **dict.fromkeys(("A1", "A2", "A3", "A4"), collect_rows),
    "A5": access_rows,
    "C1": policy_rows,
    "C2": browse_rows,
    **dict.fromkeys(("E1", "E2", "E3"), audit_rows),
    "D2": backup_rows,
    "D1": destroy_rows,
    **dict.fromkeys(("A6", "A7", "A8", "F"), store_rows),
}


def groups_of(rows: Collection[str]) -> list[Group]:
    """The groups that measure those rows, or all.

    Raises:
        ValueError: naming the row that does not exist.
    """
    if unknown := sorted(set(rows) - GROUPS.keys()):
        raise ValueError(f"no row {unknown[0]}")
    return list(dict.fromkeys(GROUPS[name] for name in GROUPS if not rows or name in rows))
