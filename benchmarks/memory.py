"""A process's memory watched from outside, four times a second."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from benchmarks.worker import Program

_EVERY_SECONDS: Final = 0.25
_MIB: Final = 2**20


class Watch:
    """Resident memory over time, MiB."""

    def __init__(self) -> None:
        self.samples: list[float] = []

    @property
    def peak(self) -> float:
        """The highest sample."""
        return max(self.samples)

    def creep(self) -> float:
        """How much higher the last third is, at its peak, than the middle third: near 0 when it is flat."""
        third = len(self.samples) // 3
        return max(self.samples[2 * third :]) - max(self.samples[third : 2 * third])


@contextmanager
def watched(process: Program) -> Iterator[Watch]:
    """Sample while the block runs."""
    watch = Watch()
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(_EVERY_SECONDS):
            watch.samples.append(process.rss_bytes() / _MIB)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        ended.set()
        thread.join()
