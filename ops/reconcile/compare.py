"""Holds Vault's calls against what our stream tells, and says what does not fit. Pure; memory is bounded by time.

An unwrap fits when an event of ours explains it: chained after it, within the window. Page keys are cached, so there
are fewer unwraps than reads, and an event may explain a page of each level: each event explains up to
:data:`PAGES_PER_EVENT` unwraps under a root, each unwrap takes the earliest event that can explain it (which leaves as
few as can be unexplained). Signatures by the key of grants fit likewise. The other way round only a bound can be given:
a read that was answered needs an unwrap by some worker within the age of its cache.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from keys.roots import BACKUP_ROOT, INGEST_ROOT, SEALED_ROOT, root_of
from ops.reconcile.told import Told
from ops.reconcile.vault_log import VaultCall
from schemas.levels import Level

#: A record has its key on one page of each level; a read that meets a sweep looks at its page twice.
PAGES_PER_EVENT: Final = 2
#: An application, share or grant is signed once for its event, and again where somebody else was quicker.
SIGNATURES_PER_EVENT: Final = 2
#: Seconds that a worker holds an unwrapped page key (keys/page_keys.py), and by which two clocks may differ.
CACHE_AGE_S: Final = 60
SKEW_S: Final = 5
#: So many findings are told; more are only counted.
MAX_FINDINGS: Final = 1000

Mismatch = Literal[
    "unwrap-unexplained", "sign-unexplained", "move-outside-run", "unknown-identity", "key-taken", "call-refused",
    "watch-changed", "read-without-unwrap",
]  # fmt: skip
_ALWAYS: Final[Mapping[str, Mismatch]] = {"guard": "watch-changed", "take": "key-taken"}
_LEVEL_ROOTS: Final = frozenset(root_of(level) for level in Level)
_WORKERS: Final = frozenset({"worker", "worker-basic"})
#: Who may unwrap under which roots at all, besides workers. Vault's policies say the same: here is who watches those.
_RUNNERS: Final[Mapping[str, frozenset[str]]] = {
    "sweeper": _LEVEL_ROOTS,
    "restorer": frozenset({BACKUP_ROOT, *_LEVEL_ROOTS}),
    "unsealer": frozenset({SEALED_ROOT, *_LEVEL_ROOTS}),
}


class Finding(NamedTuple):
    """What does not fit: never a value, only who, where and when.

    Attributes:
        at_ms: UNIX milliseconds, of the first of the calls within a second that ``items`` sums up.
        path: Vault's path; of a read without unwrap, the event's id.
        identity: the token's display name.
        token: the HMAC of its accessor, in part.
    """

    kind: Mismatch
    at_ms: int
    path: str
    identity: str
    token: str
    address: str
    items: int


@dataclass(slots=True)
class Report:
    """The outcome: how much was compared, and what does not fit."""

    calls: int = 0
    unwraps: int = 0
    events: int = 0
    too_new: int = 0
    findings: list[Finding] = field(default_factory=list)
    more: int = 0


@dataclass(slots=True)
class _Second:
    """What workers unwrapped under one root, or signed, in a second: how many, and the last call, which names whose."""

    items: int
    call: VaultCall


class Comparison:
    """Feed it calls in the order of Vault's log, then :meth:`finish`.

    Args:
        told: what our stream tells, complete.
        since_ms, until_ms: calls outside are left out (UNIX milliseconds). The end must be so long ago that what
            belongs to it has been told.
        window_s: seconds after an unwrap within which its event must have been chained. A worker that dies in between
            repeats both.
    """

    def __init__(self, told: Told, *, since_ms: int, until_ms: int, window_s: int = 60) -> None:
        self._told = told
        self._since_ms = since_ms
        self._until_ms = until_ms
        self._window_s = window_s
        self._runs = told.runs
        self._report = Report(events=told.events)
        self._unwraps: dict[str, dict[int, _Second]] = {}
        self._signatures: dict[int, _Second] = {}
        self._grouped: OrderedDict[tuple[Mismatch, str, str, int], Finding] = OrderedDict()

    def feed(self, calls: Iterable[VaultCall]) -> None:
        """Take calls."""
        for call in calls:
            if call.at_ms < self._since_ms:
                continue
            if call.at_ms >= self._until_ms:
                self._report.too_new += 1
                continue
            self._report.calls += 1
            if (kind := self._judge(call)) is not None:
                self._find(kind, call, call.items)

    def _judge(self, call: VaultCall) -> Mismatch | None:
        """What is wrong with a call by itself; what workers unwrap and sign is put aside to be explained together."""
        if not call.allowed:
            return "call-refused"
        if (always := _ALWAYS.get(call.kind)) is not None:
            return always
        if (aside := self._aside(call)) is not None:
            known = aside.setdefault(call.at_ms // 1000, _Second(0, call))
            known.items += call.items
            known.call = call
            return None
        if call.kind == "unwrap" and call.key in _RUNNERS.get(call.role, ()):
            return None if self._in_run(call.at_ms) else "unwrap-unexplained"
        if call.kind == "move" and call.role in ("sweeper", "restorer"):
            return None if self._in_run(call.at_ms) else "move-outside-run"
        return "unknown-identity"

    def _aside(self, call: VaultCall) -> dict[int, _Second] | None:
        """Where a call of a worker's own work is put; None for any other."""
        if call.kind == "unwrap" and call.role in _WORKERS and call.key in (*_LEVEL_ROOTS, INGEST_ROOT):
            self._report.unwraps += call.items
            return self._unwraps.setdefault(call.key, {})
        return self._signatures if call.kind == "sign" and call.role == "worker" else None

    def _in_run(self, at_ms: int) -> bool:
        skew = SKEW_S * 1000
        return any(begin - skew <= at_ms <= end + skew for begin, end in self._runs)

    def finish(self) -> Report:
        """Explain the unwraps, look for reads without any, and say what does not fit, in the order of time."""
        for root, seconds in self._unwraps.items():
            if root == INGEST_ROOT:
                self._explain_ingest(seconds)
            else:
                self._explain(seconds, self._told.opened, PAGES_PER_EVENT, "unwrap-unexplained")
        self._explain(self._signatures, self._told.signed, SIGNATURES_PER_EVENT, "sign-unexplained")
        self._reads()
        report = self._report
        findings = sorted(self._grouped.values(), key=lambda one: (one.at_ms, one.kind, one.path))
        report.findings, report.more = findings[:MAX_FINDINGS], max(0, len(findings) - MAX_FINDINGS)
        return report

    def _explain(self, calls: Mapping[int, _Second], told: Mapping[int, int], each: int, kind: Mismatch) -> None:
        events = sorted(told)
        left = [told[second] * each for second in events]
        first = 0
        for second in sorted(calls):
            one = calls[second]
            while first < len(events) and events[first] < second - SKEW_S:
                first += 1
            at, unexplained = first, one.items
            while unexplained and at < len(events) and events[at] <= second + self._window_s:
                taken = min(unexplained, left[at])
                left[at] -= taken
                unexplained -= taken
                at += 1
            while first < len(events) and not left[first]:
                first += 1
            if unexplained:
                self._find(kind, one.call, unexplained)

    def _explain_ingest(self, unwraps: Mapping[int, _Second]) -> None:
        """A worker unwraps an ingest key to open a bundle: some command is told of soon after."""
        for second, one in unwraps.items():
            near = range(second - SKEW_S, second + self._window_s + 1)
            if self._told.commands.isdisjoint(near):
                self._find("unwrap-unexplained", one.call, one.items)

    def _reads(self) -> None:
        unwrapped = {second for root in _LEVEL_ROOTS for second in self._unwraps.get(root, ())}
        begin = self._since_ms // 1000 + CACHE_AGE_S + self._window_s
        for second, uid in self._told.reads.items():
            if begin <= second < self._until_ms // 1000 and unwrapped.isdisjoint(
                range(second - CACHE_AGE_S - self._window_s, second + SKEW_S + 1)
            ):
                found = Finding("read-without-unwrap", second * 1000, uid, "", "", "", 1)
                self._grouped[found.kind, uid, "", second] = found

    def _find(self, kind: Mismatch, call: VaultCall, items: int) -> None:
        key = (kind, call.path, call.accessor, call.at_ms // 1000)
        known = self._grouped.get(key)
        if known is None and len(self._grouped) >= 2 * MAX_FINDINGS:
            self._report.more += 1
            return
        self._grouped[key] = Finding(
            kind,
            known.at_ms if known else call.at_ms,
            call.path,
            call.identity,
            call.accessor,
            call.address,
            items + (known.items if known else 0),
        )
