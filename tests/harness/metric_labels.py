"""Walks over every label of every metric: each must be a word of a closed set."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

from prometheus_client.core import Metric

from keys.roots import WRAPPING_ROOTS
from schemas.errors import TEXTS
from schemas.topics import topic_specs
from schemas.wire import FAMILIES
from streams.observe.meters import OTHER

_NUMBER = re.compile(r"\d{1,4}|\+Inf|\d{1,4}\.\d{1,4}")
_VERSION = re.compile(r"\d+\.\d+\.\d+|source")
_WORDS: dict[str, frozenset[str]] = {
    "family": frozenset(FAMILIES),
    "outcome": frozenset({"accepted", "refused", "duplicate"}),
    "stage": frozenset({"open", "apply", "audit", "reply", "dead_letters", "whole"}),
    "code": frozenset({*TEXTS, OTHER, ""}),
    "operation": frozenset(
        {"encrypt", "decrypt", "hmac", "sign", "key_info", "rewrap", "rotate", "configure", "trim", "renew_token"}
    ),
    "result": frozenset({"hit", "miss"}),
    "topic": frozenset(spec.name for spec in topic_specs()),
    "root": frozenset(WRAPPING_ROOTS),
    "state": frozenset({"pending", "forgotten"}),
    "kind": frozenset({"intake", "correction", "full", "incremental", "drill"}),
    "source": frozenset({"store", "kafka", "records"}),
}
_PATTERNS = {"partition": _NUMBER, "le": _NUMBER, "place": _NUMBER, "version": _VERSION, "python": _VERSION}


class Registry(Protocol):
    """What metrics are collected from."""

    def collect(self) -> Iterable[Metric]:
        """Every metric."""


class Scraped:
    """Metrics as they were read from somewhere."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        """Every metric."""
        return self._metrics


def strange_labels(registry: Registry) -> list[tuple[str, str, str]]:
    """Metric, label and value of whatever is no word of ours."""
    return [
        (sample.name, label, value)
        for metric in registry.collect()
        for sample in metric.samples
        for label, value in sample.labels.items()
        if not _is_ours(label, value)
    ]


def _is_ours(label: str, value: str) -> bool:
    if (pattern := _PATTERNS.get(label)) is not None:
        return pattern.fullmatch(value) is not None
    return value in _WORDS.get(label, frozenset())
