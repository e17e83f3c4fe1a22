"""Each rule that comes with dangan finds what it is for, and leaves alone what looks like it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
import pytest

from ops.detect.alerts import Alert
from ops.detect.detector import Detector
from ops.detect.rules import KINDS, load_detections
from ops.detect.seen import Seen, see
from schemas.audit import Fact, event_id, ocsf
from schemas.references import looks_personal
from tests.ops.detect_events import DAY, HOUR, MINUTE, MORNING, ZONE, event
from tests.schemas.ocsf_schema import faults

RULES = {rule.id: rule for rule in load_detections()}


def reads(count: int, every: int = 10_000, **said: Any) -> list[Seen]:
    return [event(f"e-{at}", MORNING + at * every, **{"record": f"rec-{at}", **said}) for at in range(count)]


def at(year: int, month: int, day: int, hour: int, minute: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=ZONE).timestamp() * 1000)


REFUSED: dict[str, Any] = {"allowed": False, "code": "DG-ACC-001"}
FORGED: dict[str, Any] = {"allowed": False, "code": "DG-ACC-030"}
ALTERED: dict[str, Any] = {"allowed": False, "code": "DG-KEY-004"}
GRANT: dict[str, Any] = {"action": "grant", "verb": "give", "actor": "ops:1", "record": ""}
EMERGENCY: dict[str, Any] = {"action": "grant", "verb": "emergency", "record": ""}
SIGNED: dict[str, Any] = {"action": "use", "verb": "endorse", "record": ""}
BACK: dict[str, Any] = {"action": "use", "verb": "give_back", "record": ""}
ENDED: dict[str, Any] = {"action": "recall", "verb": "recall", "record": ""}
SWEEP: dict[str, Any] = {"action": "sweep", "actor": "ops:1", "record": ""}


def told(rule: str, events: Sequence[Seen], end_ms: int = 0) -> list[Alert]:
    detector = Detector([RULES[rule]])
    alerts = [alert for one in events for alert in detector.see(one)]
    return alerts + detector.due(end_ms)


def tried(count: int, **said: Any) -> list[Seen]:
    return reads(count, MINUTE, actor="door-1", **REFUSED, **said)


FOUND: list[tuple[str, list[Seen], str]] = [
    ("reads-in-bulk", reads(101), "desk-1"),
    ("credential-at-two-places", [event("e", place="a" * 32), event("f", MORNING + 1, place="b" * 32)], "desk-1"),
    ("refusals-in-bulk", reads(21, **REFUSED), "desk-1"),
    ("reads-off-hours", [event("e", at(2026, 3, 17, 20))], "desk-1"),
    ("reads-off-hours", [event("e", at(2026, 3, 17, 6, 59))], "desk-1"),
    ("reads-off-hours", [event("e", at(2026, 3, 21, 11))], "desk-1"),  # a Saturday
    ("reads-off-hours", [event("e", at(2026, 2, 17, 11))], "desk-1"),  # a Tuesday: Spring Festival
    ("refused-then-granted", [*tried(5), event("g", MORNING + HOUR, reader="door-1", **GRANT)], "door-1"),
    ("decoy-touched", [event("e", record="decoy-17")], "desk-1"),
    ("decoy-touched", [event("e", record="decoy-17", **REFUSED)], "desk-1"),
    ("sweep-outside-run", [event("e", verb="trim", **SWEEP)], "ops:1"),
    (
        "sweep-outside-run",
        [
            event("a", MORNING, verb="begin", **SWEEP),
            event("b", MORNING + 1, verb="finish", **SWEEP),
            event("c", MORNING + 2, verb="certify", **SWEEP),
        ],
        "ops:1",
    ),
    ("run-without-end", [event("e", verb="begin", **SWEEP)], "ops:1"),
    ("keys-in-bulk", reads(21, action="principal", verb="register", actor="ops:1"), "ops:1"),
    ("unusual-purpose", [*reads(50, record="rec-1"), event("odd", MORNING + HOUR, purpose="marketing")], "desk-1"),
    (
        "unusual-level",
        [*reads(50, level="sensitive"), event("odd", MORNING + HOUR, level="core")],
        "desk-1",
    ),
    ("break-glass", [event("e", reader="desk-9", grant="g-1", **EMERGENCY)], "desk-9"),
    ("break-glass-unsigned", [event("e", grant="g-1", **EMERGENCY)], "g-1"),
    ("break-glass-unsigned", [event("e", grant="g-1", **EMERGENCY), event("s", grant="g-1", **SIGNED)], "g-1"),
    (
        "access-without-return",
        [event("r", grant="g-1"), event("x", MORNING + HOUR, action="recall", verb="recall", grant="g-1")],
        "g-1",
    ),
    ("access-without-return", [event("r", grant="g-1"), event("later", MORNING + 30 * DAY)], "g-1"),
    ("refused-attempt", [event("e", **REFUSED)], "desk-1"),
    ("stored-value-altered", [event("e", **ALTERED)], "rec-1"),
    ("written-into-the-database", [event("e", **FORGED)], "desk-1"),
    ("written-into-the-database", [event("e", action="use", **FORGED | {"code": "DG-USE-046"})], "desk-1"),
    ("written-into-the-database", [event("e", action="collect", **FORGED | {"code": "DG-SEC-013"})], "desk-1"),
    ("strangers", reads(11, actor="unknown", record="", action="collect", allowed=False, code="DG-WIR-003"), "unknown"),
]

LEFT_ALONE: list[tuple[str, list[Seen]]] = [
    ("credential-at-two-places", [event("e", place="a" * 32), event("f", MORNING + 1, place="a" * 32)]),
    ("credential-at-two-places", [event("e", place="a" * 32), event("f", MORNING + 1)]),  # one does not say
    ("credential-at-two-places", [event("e", place="a" * 32), event("f", MORNING + HOUR, place="b" * 32)]),
    ("credential-at-two-places", reads(2, actor="sys:shop", place="a" * 32)),
    ("reads-in-bulk", reads(100)),
    ("reads-in-bulk", reads(300, record="rec-1")),  # one record again and again
    ("reads-in-bulk", reads(150, 40_000)),  # 90 an hour, the whole day
    ("reads-in-bulk", reads(500, actor="sys:shop")),
    ("reads-in-bulk", [one._replace(actor=f"desk-{at % 2}") for at, one in enumerate(reads(200))]),
    ("refusals-in-bulk", reads(20, **REFUSED)),
    ("refusals-in-bulk", reads(200)),
    ("reads-off-hours", [event("e", at(2026, 3, 17, 7)), event("f", at(2026, 3, 17, 19, 59))]),
    ("reads-off-hours", [event("e", at(2026, 2, 14, 11))]),  # a Saturday that is worked for Spring Festival
    ("reads-off-hours", [event("e", at(2026, 3, 17, 23), actor="sys:shop")]),
    ("reads-off-hours", [event("e", at(2026, 3, 17, 23), action="collect")]),
    ("refused-then-granted", [*tried(4), event("g", MORNING + HOUR, reader="door-1", **GRANT)]),
    ("refused-then-granted", [*tried(9), event("g", MORNING + HOUR, reader="desk-2", **GRANT)]),
    ("refused-then-granted", [event("g", MORNING - HOUR, reader="door-1", **GRANT), *tried(9)]),
    ("refused-then-granted", [*tried(9), event("g", MORNING + 2 * DAY, reader="door-1", **GRANT)]),
    ("refused-then-granted", [*tried(9), event("g", MORNING + HOUR, reader="door-1", **{**GRANT, "allowed": False})]),
    ("decoy-touched", [event("e", record="rec-decoy-1"), event("f", record="")]),
    ("decoy-touched", [event("e", record="decoy-1", action="collect")]),
    (
        "sweep-outside-run",
        [event(verb, MORNING + at, verb=verb, **SWEEP) for at, verb in enumerate(("begin", "trim", "certify"))],
    ),
    ("run-without-end", [event("a", verb="begin", **SWEEP), event("b", MORNING + HOUR, verb="finish", **SWEEP)]),
    ("run-without-end", [event("a", verb="begin", **SWEEP), event("b", MORNING + HOUR, verb="fail", **SWEEP)]),
    ("keys-in-bulk", reads(20, action="key", verb="rotate", actor="ops:1")),
    ("unusual-purpose", [*reads(49, record="rec-1"), event("odd", MORNING + HOUR, purpose="marketing")]),
    ("unusual-purpose", reads(200)),
    ("unusual-level", reads(200, level="sensitive")),
    ("break-glass", [event("e", reader="desk-9", grant="g-1", **GRANT | {"actor": "desk-2"})]),
    ("break-glass", [event("e", reader="desk-9", grant="g-1", **EMERGENCY | {"allowed": False})]),
    (
        "break-glass-unsigned",
        [event(f"e-{at}", MORNING + at, grant="g-1", **said) for at, said in enumerate((EMERGENCY, SIGNED, SIGNED))],
    ),
    ("break-glass-unsigned", [event("e", grant="g-1", **EMERGENCY), event("x", MORNING + 1, grant="g-1", **ENDED)]),
    (
        "access-without-return",
        [event(f"e-{at}", MORNING + at, grant="g-1", **said) for at, said in enumerate(({}, ENDED, BACK))],
    ),
    ("access-without-return", [event("r", grant="g-1"), event("b", MORNING + DAY, grant="g-1", **BACK)]),
    ("access-without-return", [event("r", grant="g-1"), event("s", MORNING + 27 * DAY, grant="g-1")]),
    ("access-without-return", [event("x", grant="g-1", **ENDED), event("y")]),  # nobody had read under it
    (
        "access-without-return",
        [event("r", grant="g-1", actor="sys:shop"), event("x", MORNING + 1, grant="g-1", **ENDED)],
    ),
    ("refused-attempt", reads(20)),
    ("stored-value-altered", [*reads(20), *reads(20, **REFUSED), event("e", code="DG-KEY-004")]),
    ("written-into-the-database", [*reads(20), *reads(20, **REFUSED), event("e", code="DG-ACC-030")]),
    ("refused-attempt", [event("e", action="collect", **REFUSED)]),
    ("strangers", reads(10, actor="unknown", action="collect", allowed=False)),
    ("strangers", reads(50, actor="sys:shop", action="collect", allowed=False)),
]


@pytest.mark.clause("AUD-08", "SEC-12")
@pytest.mark.parametrize(("rule", "events", "key"), FOUND, ids=lambda one: one if isinstance(one, str) else "")
def test_a_rule_finds_what_it_is_for(rule: str, events: list[Seen], key: str) -> None:
    (alert,) = told(rule, events, events[-1].at_ms + DAY)
    assert (alert.rule.id, alert.key) == (rule, key)
    assert set(alert.evidence) <= {one.uid for one in events}
    assert alert.evidence


@pytest.mark.parametrize(("rule", "events"), LEFT_ALONE, ids=lambda one: one if isinstance(one, str) else "")
def test_a_rule_leaves_alone_what_looks_like_it(rule: str, events: list[Seen]) -> None:
    assert told(rule, events, events[-1].at_ms + 2 * DAY) == []


def test_every_rule_has_both_kinds_of_test_and_every_kind_of_condition_a_rule() -> None:
    assert {rule for rule, *_ in FOUND} == set(RULES)
    assert {rule for rule, _ in LEFT_ALONE} == set(RULES)
    assert {rule.condition.kind for rule in RULES.values()} == set(KINDS)


def test_a_run_that_lasts_too_long_ends_by_itself() -> None:
    begun = event("a", MORNING, verb="begin", **SWEEP)
    assert told("sweep-outside-run", [begun, event("b", MORNING + DAY - 1, verb="trim", **SWEEP)]) == []
    assert told("sweep-outside-run", [begun, event("b", MORNING + DAY, verb="trim", **SWEEP)])


def test_one_alert_for_each_span_of_the_clock() -> None:
    hours = told("reads-in-bulk", reads(1000, 10_000))  # 360 an hour for almost three hours
    assert len(hours) == 3
    assert len({alert.uid for alert in hours}) == 3
    assert all(len(alert.evidence) == 50 for alert in hours)


def test_what_happened_before_the_time_asked_for_is_learned_and_not_told() -> None:
    events = reads(150)
    detector = Detector([RULES["reads-in-bulk"]], since_ms=MORNING + DAY)
    assert [alert for one in events for alert in detector.see(one)] == []
    # the 101st read of the hour comes after the time asked for; the hundred before it do count
    since = events[100].at_ms
    detector = Detector([RULES["reads-in-bulk"]], since_ms=since)
    assert len([alert for one in events for alert in detector.see(one)]) == 1


@pytest.mark.parametrize(("rule", "events", "key"), FOUND, ids=lambda one: one if isinstance(one, str) else "")
def test_an_alert_is_an_ocsf_finding_with_its_evidence(rule: str, events: list[Seen], key: str) -> None:
    (alert,) = told(rule, events, events[-1].at_ms + DAY)
    finding = orjson.loads(alert.ocsf())
    assert faults(finding) == []
    assert b"\n" not in alert.ocsf()
    assert finding["finding_info"]["analytic"]["uid"] == rule
    assert [one["uid"] for one in finding["finding_info"]["related_events"]] == list(alert.evidence)
    assert finding["unmapped"]["dangan"]["key"] == key
    assert ("ce_id", alert.uid.encode()) in alert.headers()


def test_an_event_is_seen_as_the_archive_writes_it() -> None:
    fact = Fact(
        "c-1", "grant", True, None, "ops:console", MORNING,
        grant="grant-1", reader="desk-1", verb="give", fields=("name",), purpose="service",
    )  # fmt: skip
    seen = see(ocsf(fact, event_id(fact)))
    assert seen is not None
    assert (seen.uid, seen.at_ms, seen.allowed) == (event_id(fact), MORNING, True)
    assert (seen.action, seen.verb, seen.actor, seen.reader) == ("grant", "give", "ops:console", "desk-1")
    assert (seen.grant, seen.purpose, seen.fields, seen.record) == ("grant-1", "service", ("name",), "")
    refused = Fact("c-2", "access", False, "DG-ACC-001", None, MORNING, record="rec-\x1b[2J")
    seen = see(ocsf(refused, event_id(refused)))
    assert seen is not None
    assert (seen.actor, seen.code, seen.allowed) == ("unknown", "DG-ACC-001", False)
    assert seen.record.isprintable()
    for value in (b"", b"{}", b'{"checkpoint":"x"}', b"[1]", b'{"unmapped":{"dangan":{}},"time":"x"}'):
        assert see(value) is None


def test_shipped_rules_name_no_person() -> None:
    for rule in RULES.values():
        for text in (rule.title, rule.description, *rule.false_positives):
            assert not any(looks_personal(word.strip(".,:;")) for word in text.split())
