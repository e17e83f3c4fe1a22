"""Metrics that are read when somebody asks: what the worker's parts count by themselves anyway."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas import topics

_INPUTS = frozenset(topics.INPUTS)


class KeyCache(Protocol):
    """What a key ring counts (keys/ring.py)."""

    @property
    def cache_hits(self) -> int:
        """Page keys that were held."""

    @property
    def cache_misses(self) -> int:
        """Page keys that Vault had to unwrap."""

    @property
    def cached_pages(self) -> int:
        """Page keys held now."""


class Behind(NamedTuple):
    """How many messages of a partition are not acknowledged yet."""

    topic: str
    partition: int
    messages: int


class WorkerState(Collector):
    """Vault calls, the key cache and the lag, as they stand at the moment of the question.

    Args:
        vault_calls: requests so far by operation, ``Transit.calls``.
        ring: the key ring.
        lag: how far the worker is behind.
    """

    def __init__(self, vault_calls: Mapping[str, int], ring: KeyCache, lag: Callable[[], Iterable[Behind]]) -> None:
        self._vault_calls = vault_calls
        self._ring = ring
        self._lag = lag

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client."""
        calls = CounterMetricFamily("dangan_vault_calls", "Requests to Vault.", labels=["operation"])
        for operation, count in sorted(self._vault_calls.items()):
            calls.add_metric([operation], count)
        yield calls
        looked = CounterMetricFamily("dangan_key_cache", "Page keys looked for in memory.", labels=["result"])
        looked.add_metric(["hit"], self._ring.cache_hits)
        looked.add_metric(["miss"], self._ring.cache_misses)
        yield looked
        yield GaugeMetricFamily("dangan_key_cache_pages", "Page keys in memory now.", value=self._ring.cached_pages)
        lag = GaugeMetricFamily(
            "dangan_consumer_lag", "Messages that are not acknowledged yet.", labels=["topic", "partition"]
        )
        for one in self._lag():
            lag.add_metric([one.topic, str(one.partition)], one.messages)
        yield lag


def lag_of(consumer: Any) -> list[Behind]:
    """How far Faust's consumer is behind in what it has been assigned; partitions whose end is not known yet left out.

    Args:
        consumer: ``faust.App.consumer``.
    """
    found = []
    for tp in sorted(consumer.assignment()):
        end = consumer.highwater(tp)
        done = consumer._committed_offset.get(tp)  # Faust has no public name for it
        if tp.topic in _INPUTS and end is not None:
            found.append(Behind(tp.topic, tp.partition, max(0, end - (done or 0))))
    return found
