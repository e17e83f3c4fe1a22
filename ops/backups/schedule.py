"""Which backup is next, and which was missed: pure, of the register and the time. Clauses STO-07 and STO-08."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from schemas.rule_tables.backup import Every
from store.backups import Backup, Drill, Kind

DAY: Final = 86400
#: A daily run does not begin at the same second each day, and takes its time.
GRACE_SECONDS: Final = 2 * 3600
#: A weekly run is due a little before the week is over: otherwise it would slip by a day each week.
EARLY_SECONDS: Final = DAY // 2
_MONTH_DAYS: Final = 31


class Missed(NamedTuple):
    """Something that should have been done.

    Attributes:
        what: a kind of backup that is overdue, ``failed``, ``partial``, ``chain`` or ``drill``.
        since: the last time it went well, UNIX seconds; 0 for never.
        about: the backup that failed, is incomplete, or without which the newest cannot be restored.
    """

    what: str
    since: int
    about: str = ""


def next_kind(known: Sequence[Backup], schedule: Mapping[Every, int], *, now: int) -> Kind:
    """Which kind a run at ``now`` makes.

    Args:
        known: the register, oldest first.
        schedule: days for each kind.
        now: UNIX seconds.
    """
    full = _last(known, "full")
    return "incremental" if full > now - schedule["full_days"] * DAY + EARLY_SECONDS else "full"


def missed_backups(known: Sequence[Backup], schedule: Mapping[Every, int], *, now: int) -> list[Missed]:
    """What is overdue, failed, or not in every place.

    Args:
        known: the register, oldest first.
        schedule: days for each kind.
        now: UNIX seconds.
    """
    any_kind, full = _last(known), _last(known, "full")
    found = []
    if any_kind < now - schedule["incremental_days"] * DAY - GRACE_SECONDS:
        found.append(Missed("incremental", any_kind))
    if full < now - schedule["full_days"] * DAY - GRACE_SECONDS:
        found.append(Missed("full", full))
    since_success = [each for each in known if each.made_at > any_kind]
    found += [Missed("failed", any_kind, each.id) for each in since_success if _died(each, now)][-1:]
    found += [Missed("partial", any_kind, each.id) for each in known if each.state == "partial"][-1:]
    return found


def missed_drill(drills: Sequence[Drill], months: int, *, now: int, first_backup: int | None) -> Missed | None:
    """Whether a simulated restore is overdue: the last that passed, or the first backup, is too long ago.

    Args:
        drills: every drill.
        months: how often one is demanded.
        now: UNIX seconds.
        first_backup: when the first backup was made; None while there is none.
    """
    passed = max((drill.at for drill in drills if drill.passed), default=0)
    since = passed or first_backup
    if since is None or since >= now - months * _MONTH_DAYS * DAY:
        return None
    return Missed("drill", passed)


def _last(known: Sequence[Backup], kind: Kind | None = None) -> int:
    return max((each.made_at for each in known if each.usable and kind in (None, each.kind)), default=0)


def _died(backup: Backup, now: int) -> bool:
    return backup.state == "failed" or (backup.state == "begun" and backup.made_at < now - DAY)
