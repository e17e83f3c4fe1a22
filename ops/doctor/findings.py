"""A finding of the doctor: what was checked, what was found, what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check.

    Args:
        check: what was looked at.
        verdict: ``wrong`` keeps something from working or from being safe; ``warning`` is worth knowing.
        found: what was found, without secrets.
        mend: what to do; empty for ``ok``.
    """

    check: str
    verdict: Literal["ok", "warning", "wrong"]
    found: str
    mend: str = ""

    def as_dict(self) -> dict[str, str]:
        """For ``--json``."""
        return asdict(self)


def ok(check: str, found: str) -> Finding:
    """A check with nothing to mend."""
    return Finding(check, "ok", found)


def warning(check: str, found: str, mend: str) -> Finding:
    """A check whose result limits something."""
    return Finding(check, "warning", found, mend)


def wrong(check: str, found: str, mend: str) -> Finding:
    """A check whose result has to be mended."""
    return Finding(check, "wrong", found, mend)
