"""A worker as a process of its own, under a supervisor as small as one can be: it ends, it is started again.

Nothing else brings a worker back: what these tests show of recovery, it shows with exactly this much help.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_ROOT = Path(__file__).resolve().parents[2]
#: Ends with the test run, however that ends: the kernel kills it when its parent is gone (prctl PR_SET_PDEATHSIG). It
#: hears Ctrl-C, which a shell makes its background jobs, and so all that they start, ignore.
_PROGRAM = (
    "import ctypes, signal; ctypes.CDLL(None).prctl(1, 9); signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from ops.cli import main; main()"
)
_PAUSE = 0.2


def dangan(home: Path, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
    """Start ``dangan ARGUMENTS --home HOME``; its output is appended to a log file."""
    argv = [sys.executable, "-c", _PROGRAM, *arguments, "--home", str(home)]
    with log.open("ab") as out:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
        )


class Worker:
    """``dangan worker`` that is started again whenever it ends.

    Args:
        home: the installation's folder.
        name: in the audit stream; the log is ``HOME/NAME.log``.

    Attributes:
        exits: the exit statuses so far, -9 for kills.
    """

    def __init__(self, home: Path, name: str) -> None:
        self.name = name
        self.log = home / f"{name}.log"
        self.exits: list[int] = []
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name=name, daemon=True)

    def __enter__(self) -> Self:
        """Start it."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it for good, by force if it does not go."""
        self.stop()

    @property
    def pid(self) -> int | None:
        """The running process's id."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def kill9(self) -> None:
        """End the process as a crash would; the supervisor starts another one."""
        self._signal(signal.SIGKILL)

    def kill9_when_running(self, within: float = 10.0) -> None:
        """Wait for the supervisor to have started a process if there is none, then end it as a crash would."""
        deadline = time.monotonic() + within
        before = len(self.exits)
        while len(self.exits) == before:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} cannot be killed")
            self.kill9()
            time.sleep(0.05)

    def stop(self, grace: float = 20.0) -> int | None:
        """SIGTERM, then SIGKILL after ``grace`` seconds; return the last exit status."""
        self._stopping.set()
        self._signal(signal.SIGTERM)
        self._thread.join(grace)
        while self._thread.is_alive():
            self._signal(signal.SIGKILL)
            self._thread.join(1.0)
        return self.exits[-1] if self.exits else None

    def wait_started(self, times: int = 1, within: float = 40.0) -> None:
        """Wait until the worker has said ``times`` times that it is up."""
        deadline = time.monotonic() + within
        while self.starts() < times:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} is not up: {self.tail()}")
            time.sleep(0.1)

    def starts(self) -> int:
        """How often it came up, by its log."""
        return self.log.read_bytes().count(b'"worker_started"') if self.log.exists() else 0

    def memory(self) -> int:
        """Resident memory, bytes; 0 while it does not run."""
        with contextlib.suppress(psutil.Error):
            return int(psutil.Process(self.pid).memory_info().rss) if self.pid else 0
        return 0

    def tail(self) -> str:
        """The log's last lines."""
        return self.log.read_text("utf-8", "replace")[-1500:] if self.log.exists() else "no log"

    def _supervise(self) -> None:
        # The thread that starts the process outlives it: PR_SET_PDEATHSIG follows the thread.
        while not self._stopping.is_set():
            self._process = dangan(self._home, "worker", "--name", self.name, log=self.log)
            if self._stopping.is_set():  # told to stop in between
                self._signal(signal.SIGTERM)
            self.exits.append(self._process.wait())
            self._stopping.wait(_PAUSE)

    def _signal(self, number: signal.Signals) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
