"""Which backup is next, which was missed, and what is told of it: daily what changed, weekly everything."""

from __future__ import annotations

from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.backups.alerts import alert_of
from ops.backups.schedule import DAY, GRACE_SECONDS, Missed, missed_backups, missed_drill, next_kind
from ops.rules import load_rules
from store.backups import Backup, Drill, Kind, State

RULES = load_rules().book.backup
NOW = 1_800_000_000


def made(days_ago: float, kind: Kind = "full", state: State = "whole") -> Backup:
    at = NOW - int(days_ago * DAY)
    return Backup(f"b{at}", kind, at, state=state)


@pytest.mark.clause("STO-07")
def test_the_strictest_schedule_is_daily_and_weekly() -> None:
    assert RULES.schedule == {"incremental_days": 1, "full_days": 7}


@pytest.mark.clause("STO-07")
@given(minutes=st.lists(st.integers(-60, 60), min_size=60, max_size=60))
def test_run_daily_each_week_has_a_full_backup_and_nothing_is_ever_due(minutes: list[int]) -> None:
    known: list[Backup] = []
    for day, late in enumerate(minutes):
        now = NOW + day * DAY + late * 60
        if known:
            assert missed_backups(known, RULES.schedule, now=now) == []
        known.append(Backup(f"b{day}", next_kind(known, RULES.schedule, now=now), now, state="whole"))
    fulls = [at for at, each in enumerate(known) if each.kind == "full"]
    assert fulls[0] == 0
    assert all(later - earlier == 7 for earlier, later in pairwise(fulls))


@pytest.mark.clause("STO-07")
def test_what_never_ran_or_is_too_old_is_missed() -> None:
    assert [each.what for each in missed_backups([], RULES.schedule, now=NOW)] == ["incremental", "full"]
    fresh = [made(3), made(0.5, "incremental")]
    assert missed_backups(fresh, RULES.schedule, now=NOW) == []
    stale = [made(8), made(1.2, "incremental")]
    assert [each.what for each in missed_backups(stale, RULES.schedule, now=NOW)] == ["incremental", "full"]
    edge = [made(0)]
    assert missed_backups(edge, RULES.schedule, now=NOW + DAY + GRACE_SECONDS) == []
    assert missed_backups(edge, RULES.schedule, now=NOW + DAY + GRACE_SECONDS + 1) != []


@pytest.mark.clause("STO-07")
@pytest.mark.parametrize("state", ["failed", "begun"])
def test_a_failed_run_is_told_until_one_succeeds(state: State) -> None:
    known = [made(3), made(2, "incremental", state)]
    assert Missed("failed", known[0].made_at, known[1].id) in missed_backups(known, RULES.schedule, now=NOW)
    known.append(made(0.1, "incremental"))
    assert missed_backups(known, RULES.schedule, now=NOW) == []


@pytest.mark.clause("STO-07")
def test_a_backup_that_a_place_lacks_is_told() -> None:
    known = [made(0.5), made(0.1, "incremental", "partial")]
    (missed,) = missed_backups(known, RULES.schedule, now=NOW)
    assert (missed.what, missed.about) == ("partial", known[1].id)


def test_only_what_a_restore_can_start_from_counts_as_a_backup() -> None:
    assert next_kind([made(1, "full", "failed")], RULES.schedule, now=NOW) == "full"
    assert next_kind([made(1)], RULES.schedule, now=NOW) == "incremental"
    assert next_kind([made(6.6)], RULES.schedule, now=NOW) == "full"


@pytest.mark.clause("STO-08")
def test_a_drill_is_overdue_a_quarter_after_the_last_that_passed() -> None:
    def drill(days_ago: float, passed: bool) -> Drill:
        return Drill("d", NOW - int(days_ago * DAY), "b", passed, "")

    def due(*drills: Drill, first: int | None = NOW - 400 * DAY) -> Missed | None:
        return missed_drill(drills, RULES.drill_months, now=NOW, first_backup=first)

    assert RULES.drill_months == 3
    assert due(first=None) is None
    assert due(first=NOW - 92 * DAY) is None
    assert due() == Missed("drill", 0)
    assert due(drill(10, passed=True)) is None
    assert due(drill(94, passed=True)) is not None
    assert due(drill(94, passed=True), drill(1, passed=False)) is not None


@pytest.mark.clause("STO-07", "STO-08")
def test_the_same_miss_has_the_same_alert_and_another_has_another() -> None:
    one = alert_of(Missed("incremental", 5), now=NOW)
    again = alert_of(Missed("incremental", 5), now=NOW + DAY)
    others = [
        alert_of(each, now=NOW) for each in (Missed("full", 5), Missed("incremental", 6), Missed("failed", 5, "b"))
    ]
    assert one.uid == again.uid
    assert len({one.uid, *(each.uid for each in others)}) == 4
    told = orjson.loads(one.ocsf())
    assert (told["severity"], told["unmapped"]["dangan"]["clauses"]) == ("High", ["STO-07"])
    assert orjson.loads(alert_of(Missed("drill", 0), now=NOW).ocsf())["unmapped"]["dangan"]["clauses"] == ["STO-08"]
