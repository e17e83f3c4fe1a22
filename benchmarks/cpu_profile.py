"""Where a worker's processor time goes: ``dangan worker`` under a sampler that counts its main thread's CPU time.

    python -m benchmarks.cpu_profile OUT worker --home HOME ...

Each sample weighs what the main thread's clock has advanced since the last one, so waiting (for the store, or for
a processor that others use) weighs nothing. Written at the end: one collapsed stack a line with its microseconds,
and the other threads' processor time, which has no stacks.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

import psutil

from ops.cli import main

_EVERY_SECONDS: Final = 0.002
_ROOT: Final = str(Path(__file__).resolve().parents[1]) + "/"


class Sampler:
    """Collects stacks on SIGPROF; SIGUSR1 forgets what was collected so far (the start, the warm-up)."""

    def __init__(self) -> None:
        self.stacks: Counter[str] = Counter()
        self.others: dict[str, float] = {}
        self._last = time.thread_time_ns()

    def start(self) -> None:
        """Begin to sample."""
        signal.signal(signal.SIGPROF, self._sample)
        signal.signal(signal.SIGUSR1, self._forget)
        signal.setitimer(signal.ITIMER_PROF, _EVERY_SECONDS, _EVERY_SECONDS)

    def write(self, out: Path) -> None:
        """Stop, and write what was collected."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        spent = _other_threads()
        lines = [f"{stack} {ns // 1000}" for stack, ns in self.stacks.most_common()]
        lines += [f"thread:{name} {round(1e6 * (s - self.others.get(name, 0)))}" for name, s in spent.items()]
        out.write_text("\n".join(lines) + "\n", "utf-8")

    def _forget(self, _number: int, _frame: FrameType | None) -> None:
        self.stacks.clear()
        self.others = _other_threads()
        self._last = time.thread_time_ns()

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        now = time.thread_time_ns()
        names = []
        while frame is not None:
            code = frame.f_code
            names.append(f"{code.co_qualname} ({_short(code.co_filename)})")
            frame = frame.f_back
        self.stacks[";".join(reversed(names))] += now - self._last
        self._last = time.thread_time_ns()


def _other_threads() -> dict[str, float]:
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    spent: dict[str, float] = {}
    for thread in psutil.Process().threads():
        name = names.get(thread.id, "native")
        if name != threading.main_thread().name:
            spent[name] = spent.get(name, 0.0) + thread.user_time + thread.system_time
    return spent


def _short(file: str) -> str:
    return file.removeprefix(_ROOT).split("site-packages/")[-1].split("lib/python3.")[-1]


if __name__ == "__main__":
    target = Path(sys.argv.pop(1))
    sampler = Sampler()
    sampler.start()
    try:
        main()
    finally:
        sampler.write(target)
