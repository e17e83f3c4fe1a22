"""A day of 10,000 reads with 53 planted misuses: every one gives its alert, and the false alarms are counted."""

from __future__ import annotations

import pytest

from ops.detect.alerts import Alert
from ops.detect.detector import Detector, lookback_ms
from ops.detect.rules import load_detections
from ops.detect.seen import Seen
from tests.ops.detect_events import DAY, MORNING, Day, Misuse, a_day

pytestmark = pytest.mark.slow

RULES = load_detections()
#: False alarms of the day below: two who stay late, one with a new task; docs/detections.md states it.
FALSE_ALARMS = 3


def alerts_of(events: list[Seen], since_ms: int = 0) -> list[Alert]:
    """Every alert, those included that only the passing of two more days brings."""
    detector = Detector(RULES, since_ms=since_ms)
    return [alert for event in events for alert in detector.see(event)] + detector.due(events[-1].at_ms + 2 * DAY)


def is_true(alert: Alert, day: Day) -> bool:
    """Whether something planted is shown, or, for the rule that tells of every refusal, a read that was refused."""
    if alert.rule.id == "refused-attempt":
        return any(event.uid in alert.evidence and not event.allowed for event in day.events)
    return any(shows(alert, misuse) for misuse in day.planted)


def shows(alert: Alert, misuse: Misuse) -> bool:
    return alert.rule.id == misuse.rule and alert.key == misuse.key and bool(misuse.uids & set(alert.evidence))


@pytest.fixture(scope="module")
def day() -> Day:
    return a_day(2026)


@pytest.mark.clause("AUD-08", "SEC-12")
def test_every_planted_misuse_is_found_and_false_alarms_are_few(day: Day) -> None:
    assert len(day.planted) == 55
    assert {misuse.rule for misuse in day.planted} == {rule.id for rule in RULES}  # of every kind
    assert sum(event.action == "access" for event in day.events) > 10_000
    alerts = alerts_of(day.events, MORNING - DAY // 2)
    missed = [misuse for misuse in day.planted if not any(shows(alert, misuse) for alert in alerts)]
    assert missed == []
    false = [alert for alert in alerts if not is_true(alert, day)]
    assert sorted((alert.rule.id, alert.key) for alert in false) == [
        ("reads-off-hours", "desk-17"), ("reads-off-hours", "desk-3"), ("unusual-purpose", "desk-21"),
    ]  # fmt: skip
    assert len(false) == FALSE_ALARMS


@pytest.mark.parametrize("seed", range(3))
def test_other_days_give_no_miss_and_no_more_false_alarms(seed: int) -> None:
    other = a_day(seed)
    alerts = alerts_of(other.events, MORNING - DAY // 2)
    assert all(any(shows(alert, misuse) for alert in alerts) for misuse in other.planted)
    assert sum(not is_true(alert, other) for alert in alerts) <= FALSE_ALARMS


def test_a_second_run_finds_the_same_alerts_under_the_same_ids(day: Day) -> None:
    since = MORNING - DAY // 2
    first = {alert.uid for alert in alerts_of(day.events, since)}
    later = MORNING + 2 * 3_600_000  # a run of the afternoon, which reads as far back as the rules remember
    early = later - lookback_ms(RULES)
    again = {alert.uid for alert in alerts_of([event for event in day.events if event.at_ms >= early], later)}
    assert again
    assert again <= first


def test_events_delivered_twice_change_nothing(day: Day) -> None:
    some = day.events[:4000]
    doubled = [one for event in some for one in (event, event)]
    assert alerts_of(doubled) == alerts_of(some) != []
