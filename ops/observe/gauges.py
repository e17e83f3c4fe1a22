"""The metrics of the archive as a whole: their names, and how a reading becomes them (docs/observability.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streams.observe.meters import add_build_info

#: What a reading is made of; each may fail alone.
SOURCES: Final = ("store", "kafka", "records")


@dataclass(slots=True)
class Reading:
    """What was found. Ages and times that are not known are left out; times are UNIX seconds.

    Attributes:
        swept_at: root -> when its last sweep trimmed it.
        sweeping_since: root -> when the sweep began that is not finished.
        entries: state -> how many entries of the destruction ledger are in it.
        oldest_entry_at: state -> since when the oldest of them waits.
        overdue: kind -> how many items are past their deadline.
        oldest_waiting_at: kind -> since when the oldest item that is not settled waits.
        backup_at: kind -> when the newest usable backup was made, ``drill``: when a restore last succeeded.
        checkpoint_at: when the newest audit checkpoint was kept in the store.
        dead_letters: messages that were put aside and nobody has taken up yet.
    """

    swept_at: dict[str, float] = field(default_factory=dict)
    sweeping_since: dict[str, float] = field(default_factory=dict)
    entries: dict[str, int] = field(default_factory=dict)
    oldest_entry_at: dict[str, float] = field(default_factory=dict)
    overdue: dict[str, int] = field(default_factory=dict)
    oldest_waiting_at: dict[str, float] = field(default_factory=dict)
    backup_at: dict[str, float] = field(default_factory=dict)
    checkpoint_at: float | None = None
    dead_letters: int | None = None


class ArchiveGauges(Collector):
    """Holds the newest reading and shows it; ages are counted when somebody asks.

    Args:
        clock: UNIX seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._read_at: dict[str, float] = {}
        self.reading = Reading()
        self.registry = CollectorRegistry()
        add_build_info(self.registry)
        self._failures = Counter(
            "dangan_observe_failures", "Readings that failed, by source.", ["source"], registry=self.registry
        )
        self.registry.register(self)

    def read(self, source: str) -> None:
        """A source was read just now."""
        self._read_at[source] = self._clock()

    def failed(self, source: str) -> None:
        """A source could not be read: what it told before stays, and its age grows."""
        self._failures.labels(source).inc()

    def is_fresh(self, source: str, within: float) -> bool:
        """Whether a source was read within so many seconds."""
        at = self._read_at.get(source)
        return at is not None and self._clock() - at <= within

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client."""
        now, found = self._clock(), self.reading
        yield _ages("dangan_observe_age_seconds", "Seconds since a source was read.", "source", self._read_at, now)
        yield _ages("dangan_sweep_age_seconds", "Seconds since a root was last swept.", "root", found.swept_at, now)
        yield _ages(
            "dangan_sweep_unfinished_seconds",
            "Seconds since a sweep began that is not finished.",
            "root",
            found.sweeping_since,
            now,
        )
        yield _numbers("dangan_ledger_entries", "Entries of the destruction ledger.", "state", found.entries)
        yield _ages(
            "dangan_ledger_oldest_seconds",
            "Seconds that the oldest entry of the ledger waits: pending to be forgotten, forgotten to be certified.",
            "state",
            found.oldest_entry_at,
            now,
        )
        yield _numbers("dangan_overdue_items", "Items past their deadline.", "kind", found.overdue)
        yield _ages(
            "dangan_oldest_waiting_seconds",
            "Seconds that the oldest item waits which is not settled.",
            "kind",
            found.oldest_waiting_at,
            now,
        )
        yield _ages("dangan_backup_age_seconds", "Seconds since a good backup or drill.", "kind", found.backup_at, now)
        checkpoints = {} if found.checkpoint_at is None else {"": found.checkpoint_at}
        yield _ages("dangan_checkpoint_age_seconds", "Seconds since a checkpoint was kept.", None, checkpoints, now)
        dead = {} if found.dead_letters is None else {"": found.dead_letters}
        yield _numbers("dangan_dead_letters_waiting", "Dead letters that nobody has taken up.", None, dead)


def _ages(name: str, text: str, label: str | None, times: Mapping[str, float], now: float) -> Metric:
    return _numbers(name, text, label, {key: max(0.0, now - at) for key, at in times.items()})


def _numbers(name: str, text: str, label: str | None, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label] if label else [])
    for key, value in sorted(values.items()):
        family.add_metric([key] if label else [], value)
    return family
