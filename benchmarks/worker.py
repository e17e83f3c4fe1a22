"""A worker as people run it, ``dangan worker`` in a process of its own, watched from outside.

Nothing is added to the worker for the sake of measuring: processor time and memory are the kernel's figures.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import psutil

_ROOT: Final = Path(__file__).resolve().parents[1]
_START: Final = ("-c", "from ops.cli import main; main()")


class Program:
    """A Python process of ours, paused and resumed by signals."""

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        with log.open("ab") as out:
            self._child = subprocess.Popen([sys.executable, *arguments], cwd=_ROOT, stdout=out, stderr=out)
        self._process = psutil.Process(self._child.pid)
        self._log = log

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    def cpu_seconds(self) -> float:
        """Processor time used so far, user and system, all threads."""
        used = self._process.cpu_times()
        return float(used.user + used.system)

    def rss_bytes(self) -> int:
        """Resident memory now."""
        return int(self._process.memory_info().rss)

    def check(self) -> None:
        """Raise when the process has ended by itself."""
        if (status := self._child.poll()) is not None:
            raise RuntimeError(f"ended with status {status}; its log is {self._log}")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stand still meanwhile. Keep it below Kafka's session timeout (10 s)."""
        self._process.suspend()
        try:
            yield
        finally:
            self._process.resume()

    def stop(self, within: float = 30.0) -> None:
        """End in good order, by force after a while."""
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(within)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()


@contextmanager
def program(arguments: Sequence[str], log: Path) -> Iterator[Program]:
    """Run Python with these arguments; stop it at the end."""
    started = Program(arguments, log)
    try:
        yield started
    finally:
        started.stop()


def worker(
    home: Path, name: str, start: Sequence[str] = _START, policies: Path | None = None
) -> AbstractContextManager[Program]:
    """Run ``dangan worker`` on an installation.

    Args:
        home: the installation's folder.
        name: the worker's name.
        start: how Python starts the ``dangan`` command: as it is, or under benchmarks/cpu_profile.py.
        policies: the folder of catalogue and policies; dangan's own by default.
    """
    options = ["worker", "--home", str(home), "--name", name, "--log-level", "warning"]
    if policies is not None:
        options += ["--policies", str(policies)]
    return program((*start, *options), home / "bench-worker.log")
