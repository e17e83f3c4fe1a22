"""The metrics of one worker process: what is counted, under which names, with which labels.

Labels are words of a closed set: a family, a stage, an outcome, a code of :data:`schemas.errors.TEXTS`. Never an id, a
principal or anything that a sender chose: whoever may read metrics may see neither customers nor staff, and nobody can
make a worker's memory grow by inventing words. docs/observability.md lists every metric.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from consumers.received import Outcome
from schemas.errors import TEXTS
from schemas.wire import Family

Stage = Literal["open", "apply", "audit", "reply", "dead_letters", "whole"]
#: Seconds: from one record that is read to a broker that is away for half a minute.
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
#: How many messages or commands a batch may hold.
SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)
#: What a code that we did not write is called.
OTHER: Final = "other"


def code_label(code: str | None) -> str:
    """The label of an error code: itself, empty for none, ``other`` for what is no code of ours."""
    if code is None:
        return ""
    return code if code in TEXTS else OTHER


def build_version() -> str:
    """The version of dangan that is installed; ``source`` where it runs from its folder."""
    try:
        return version("dangan")
    except PackageNotFoundError:
        return "source"


def add_build_info(registry: CollectorRegistry) -> None:
    """Add ``dangan_build_info``, always 1, whose labels say what runs."""
    info = Gauge("dangan_build_info", "Always 1: what runs.", ["version", "python"], registry=registry)
    info.labels(build_version(), python_version()).set(1)


class Meters:
    """A worker's metrics in a registry of their own: nothing that a library registers by itself gets in.

    Attributes:
        registry: what is served.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        add_build_info(registry)
        self._commands = Counter(
            "dangan_commands",
            "Commands that were decided, by outcome and code of the refusal.",
            ["family", "outcome", "code"],
            registry=registry,
        )
        self._seconds = Histogram(
            "dangan_stage_seconds",
            "Seconds that a batch took: each stage, and the whole.",
            ["family", "stage"],
            buckets=SECONDS,
            registry=registry,
        )
        self._messages = Histogram(
            "dangan_batch_messages", "Messages in a batch.", ["family"], buckets=SIZES, registry=registry
        )
        self._sizes = Histogram(
            "dangan_batch_commands", "Commands in a batch.", ["family"], buckets=SIZES, registry=registry
        )
        self._retries = Counter(
            "dangan_retries",
            "Attempts of a stage that failed and were, or will be, repeated.",
            ["family", "stage", "code"],
            registry=registry,
        )
        self._dead = Counter(
            "dangan_dead_letters",
            "Messages that could not be read and were put aside.",
            ["family", "code"],
            registry=registry,
        )
        self._audit = Histogram(
            "dangan_audit_publish_seconds",
            "Seconds until audit events were durable.",
            buckets=SECONDS,
            registry=registry,
        )
        self._events = Counter("dangan_audit_events", "Audit events that became durable.", registry=registry)

    def took(self, family: Family, stage: Stage, seconds: float) -> None:
        """A stage of a batch is over."""
        self._seconds.labels(family, stage).observe(seconds)

    def failed(self, family: Family, stage: Stage, code: str | None) -> None:
        """An attempt of a stage failed, with the code of the error."""
        self._retries.labels(family, stage, code_label(code)).inc()

    def batch(self, family: Family, messages: int) -> None:
        """A batch of so many messages was taken up."""
        self._messages.labels(family).observe(messages)

    def decided(self, family: Family, outcomes: Iterable[Outcome]) -> None:
        """Commands were decided."""
        tally = Tally((outcome.result.status, outcome.result.code) for outcome in outcomes)
        if tally:
            self._sizes.labels(family).observe(sum(tally.values()))
        for (status, code), count in tally.items():
            self._commands.labels(family, status, code_label(code)).inc(count)

    def refused(self, family: Family, code: str) -> None:
        """One command that broke the code was refused (streams/pipeline.py)."""
        self._commands.labels(family, "refused", code_label(code)).inc()

    def put_aside(self, family: Family, codes: Iterable[str]) -> None:
        """Messages that cannot be read became dead letters."""
        for code, count in Tally(codes).items():
            self._dead.labels(family, code_label(code)).inc(count)

    def audited(self, events: int, seconds: float) -> None:
        """Audit events became durable."""
        self._audit.observe(seconds)
        self._events.inc(events)
