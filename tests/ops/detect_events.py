"""Events for tests of detections, and a simulated day of an archive with misuse planted in it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ops.detect.seen import Seen

ZONE = ZoneInfo("Asia/Shanghai")
#: A Tuesday, 09:00.
MORNING = int(datetime(2026, 3, 17, 9, tzinfo=ZONE).timestamp() * 1000)
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_NOTHING = Seen("", 0, True, "access", "", "", "", "", "", "", "", "", "", ())


def event(uid: str, at_ms: int = MORNING, **said: Any) -> Seen:
    """An event: by default an allowed read by desk-1 of rec-1 for service."""
    return _NOTHING._replace(
        uid=uid, at_ms=at_ms, **{"actor": "desk-1", "record": "rec-1", "purpose": "service", **said}
    )


@dataclass(frozen=True)
class Misuse:
    """What was planted: which rule must find it, about whom, with which events."""

    rule: str
    key: str
    uids: frozenset[str]


@dataclass
class Day:
    """Events in the order of time, and what was planted among them."""

    events: list[Seen]
    planted: list[Misuse]


class _Maker:
    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.events: list[Seen] = []
        self.planted: list[Misuse] = []

    def add(self, at_ms: int, **said: Any) -> str:
        uid = f"e-{len(self.events)}"
        self.events.append(event(uid, at_ms, **said))
        return uid

    def plant(self, rule: str, key: str, uids: list[str]) -> None:
        self.planted.append(Misuse(rule, key, frozenset(uids)))

    def time_of_work(self) -> int:
        return MORNING - 30 * MINUTE + self.chance.randrange(9 * HOUR)


def a_day(seed: int, accesses: int = 10_000) -> Day:
    """A working day: 40 desks and a program that read, some refusals, some overtime, some new tasks; 30 misuses.

    Args:
        seed: the same seed gives the same day.
        accesses: how many reads are honest.
    """
    made = _Maker(seed)
    chance = made.chance
    desks = [f"desk-{at}" for at in range(40)]
    # what they did the week before: one purpose each
    for desk in desks:
        for at in range(60):
            made.add(MORNING - 4 * DAY + at * MINUTE, actor=desk, record=f"rec-{at}")
    for at in range(accesses):
        if at % 10 == 0:  # the shop's own program reads day and night
            made.add(MORNING - 9 * HOUR + chance.randrange(23 * HOUR), actor="sys:shop", record=f"rec-{at}")
            continue
        refused = chance.random() < 0.02
        made.add(
            made.time_of_work(),
            actor=chance.choice(desks),
            record=f"rec-{chance.randrange(5000)}",
            allowed=not refused,
            code="DG-ACC-001" if refused else "",
        )
    # honest, but not usual: two stay late, one has a new task, a newcomer is refused before his grant comes
    for desk in ("desk-3", "desk-17"):
        made.add(MORNING + 12 * HOUR, actor=desk)
    made.add(made.time_of_work(), actor="desk-21", purpose="yearly-report")
    for at in range(3):
        made.add(MORNING + at * MINUTE, actor="newcomer-1", allowed=False)
    made.add(MORNING + HOUR, action="grant", verb="give", actor="ops:console", reader="newcomer-1", record="")
    # read under a lease and given back; let in by an emergency that both signed; refused once
    for at, desk in enumerate(desks[:20]):
        _lease(made, MORNING + at * MINUTE, desk, f"lease-{at}", returned=True)
    _sweep(made, MORNING + 3 * HOUR, honest=True)
    _misuse(made)
    return Day(sorted(made.events, key=lambda one: (one.at_ms, one.uid)), made.planted)


def _sweep(made: _Maker, at_ms: int, *, honest: bool, operator: str = "ops:console") -> list[str]:
    verbs = ("begin", "trim", "certify", "finish") if honest else ("trim",)
    return [made.add(at_ms + at, action="sweep", verb=verb, actor=operator) for at, verb in enumerate(verbs)]


def _lease(made: _Maker, at_ms: int, reader: str, grant: str, *, returned: bool) -> list[str]:
    uids = [made.add(at_ms + step, actor=reader, grant=grant) for step in range(3)]
    made.add(at_ms + HOUR, action="recall", verb="recall", actor="ops:1", grant=grant, record="")
    if returned:
        made.add(at_ms + HOUR + MINUTE, action="use", verb="give_back", actor=reader, grant=grant, record="")
    return uids


def _emergency(made: _Maker, at_ms: int, reader: str, grant: str, *, signatures: int) -> str:
    uid = made.add(at_ms, action="grant", verb="emergency", actor=reader, reader=reader, grant=grant, record="")
    for step in range(signatures):
        made.add(at_ms + HOUR + step, action="use", verb="endorse", actor=f"head-{step}", grant=grant, record="")
    return uid


def _misuse(made: _Maker) -> None:
    """Five of each of six kinds at different people, and two of each other kind."""
    for at in range(5):
        start = MORNING + at * HOUR
        thief, night, door, nosy, odd = (f"desk-{base + at}" for base in (0, 5, 10, 22, 30))
        bulk = [made.add(start + step * 10_000, actor=thief, record=f"bulk-{at}-{step}") for step in range(160)]
        made.plant("reads-in-bulk", thief, bulk)
        made.plant("reads-off-hours", night, [made.add(MORNING + 13 * HOUR + at * MINUTE, actor=night)])
        tried = [
            made.add(start + step * MINUTE, actor=door, record=f"rec-{step}", allowed=False, code="DG-ACC-001")
            for step in range(8)
        ]
        given = made.add(start + 20 * MINUTE, action="grant", verb="give", actor="ops:1", reader=door, record="")
        made.plant("refused-then-granted", door, [*tried, given])
        made.plant("decoy-touched", nosy, [made.add(start, actor=nosy, record=f"decoy-{at}", allowed=at % 2 == 0)])
        operator = f"ops:{at}"
        made.plant("sweep-outside-run", operator, _sweep(made, start, honest=False, operator=operator))
        made.plant("unusual-purpose", odd, [made.add(start, actor=odd, purpose="marketing")])
    for at in range(2):
        start = MORNING + at * HOUR
        thorough, curious, hasty = f"desk-{15 + at}", f"desk-{35 + at}", f"ops:{20 + at}"
        tried = [
            made.add(start + step * MINUTE // 2, actor=thorough, record=f"door-{step}", allowed=False)
            for step in range(30)
        ]
        made.plant("refusals-in-bulk", thorough, tried)
        made.plant("refused-attempt", f"probe-{at}", [made.add(start, actor=f"probe-{at}", allowed=False)])
        for step in range(60):  # what is usual there
            made.add(MORNING - 3 * DAY + step * MINUTE, actor=curious, level="sensitive")
        made.plant("unusual-level", curious, [made.add(start, actor=curious, level="core")])
        broken = made.add(start, actor="sys:shop", record=f"broken-{at}", allowed=False, code="DG-KEY-004")
        made.plant("stored-value-altered", f"broken-{at}", [broken])
        forged = made.add(start, actor=f"forger-{at}", allowed=False, code="DG-ACC-030")
        made.plant("written-into-the-database", f"forger-{at}", [forged])
        left = made.add(start, action="sweep", verb="begin", actor=f"ops:{10 + at}", record="")
        made.plant("run-without-end", f"ops:{10 + at}", [left])
        keys = [made.add(start + step, action="key", verb="rotate", actor=hasty, record="") for step in range(25)]
        made.plant("keys-in-bulk", hasty, keys)
        made.plant("break-glass", f"guard-{at}", [_emergency(made, start, f"guard-{at}", f"eg-{at}", signatures=2)])
        lone = _emergency(made, start, f"late-{at}", f"el-{at}", signatures=at)
        made.plant("break-glass-unsigned", f"el-{at}", [lone])
        made.plant("break-glass", f"late-{at}", [lone])
        places = ["a1" * 16, "b2" * 16]
        used = [made.add(start + step, actor=f"shared-{at}", place=place) for step, place in enumerate(places)]
        made.plant("credential-at-two-places", f"shared-{at}", used)
        kept = _lease(made, start, f"desk-{20 + at}", f"kept-{at}", returned=False)
        made.plant("access-without-return", f"kept-{at}", kept)
    strange = [
        made.add(MORNING + step * MINUTE, action="collect", actor="unknown", record="", allowed=False)
        for step in range(20)
    ]
    made.plant("strangers", "unknown", strange)
