"""Child processes known by more than their number.

A process id alone may be a stranger's by tomorrow: ids are recycled. So a process is known by id, start time and a
marker in its command line (a path below its home), and is only ever signalled when all three still agree.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

import ops

_CLOCK_STEP_SECONDS = 5.0
"""How far a start time may seem to move: the kernel reports it relative to a boot time that follows the clock."""

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "JAVA_HOME", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Process:
    """A running process and how to recognise it again.

    Args:
        pid: the process id.
        created: its start time, in seconds since 1970.
        marker: one whole argument of its command line, peculiar to it.
    """

    pid: int
    created: float
    marker: str

    def alive(self) -> bool:
        """Whether it still runs; one that ended and only waits to be collected does not."""
        return _lookup(self) is not None

    def listens_on(self, port: int) -> bool:
        """Whether this process, and not a stranger, is the one that listens on a port."""
        found = _lookup(self)
        if found is None:
            return False
        with contextlib.suppress(psutil.Error):
            for connection in found.net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return True
        return False

    def kill(self) -> None:
        """End it at once (SIGKILL), and wait until it is gone."""
        self._signal(signal.SIGKILL, wait_seconds=10)

    def stop(self, grace_seconds: float = 10) -> None:
        """Ask it to end (SIGTERM); after the grace time, end it."""
        self._signal(signal.SIGTERM, wait_seconds=grace_seconds)
        self.kill()

    def _signal(self, number: signal.Signals, wait_seconds: float) -> None:
        found = _lookup(self)
        if found is None:
            return
        # psutil compares the start time once more before it signals.
        with contextlib.suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
            found.send_signal(number)
            found.wait(wait_seconds)


def launch(
    argv: Sequence[str], *, marker: str, folder: Path, log: Path, env: Mapping[str, str] | None = None
) -> Process:
    """Start a program detached from this one, its output appended to a log file.

    Args:
        argv: the command line; it must contain ``marker`` as one argument.
        marker: what to recognise the process by.
        folder: its working folder.
        log: where its output goes, readable by this user only.
        env: variables besides the few it inherits; the environment is not passed on as a whole.
    """
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=folder,
            env={**inherited, **(env or {})},
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    try:
        created = psutil.Process(child.pid).create_time()
    except psutil.NoSuchProcess:
        created = 0.0
    # From here it is followed by identity; without this, Popen would warn about a process that outlives it.
    child.returncode = 0
    return Process(child.pid, created, marker)


def launch_module(module: str, arguments: Sequence[str], *, marker: str, folder: Path, log: Path) -> Process:
    """Start one of our own modules as a program of its own, wherever the package is installed."""
    root = str(Path(ops.__file__).resolve().parents[1])
    argv = [sys.executable, "-m", module, *arguments]
    return launch(argv, marker=marker, folder=folder, log=log, env={"PYTHONPATH": root})


def find(*markers: str) -> list[Process]:
    """This user's processes that have one of the markers as an argument: those a killed launcher left unrecorded."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "create_time", "uids"]):
        info = process.info
        if info["uids"] is None or info["uids"].real != os.getuid() or info["pid"] == os.getpid():
            continue
        arguments = info["cmdline"] or ()
        found += [Process(info["pid"], info["create_time"], marker) for marker in markers if marker in arguments]
    return found


def this_process() -> tuple[int, float]:
    """Id and start time of the running interpreter."""
    me = psutil.Process()
    return me.pid, float(me.create_time())


def same_process(pid: int, created: float) -> bool:
    """Whether the process that was started then still runs under this id."""
    try:
        found = psutil.Process(pid)
        return bool(found.status() != psutil.STATUS_ZOMBIE and _same_time(found.create_time(), created))
    except psutil.NoSuchProcess:
        return False


def _same_time(seen: float, recorded: float) -> bool:
    return abs(seen - recorded) < _CLOCK_STEP_SECONDS


def _lookup(process: Process) -> psutil.Process | None:
    try:
        found = psutil.Process(process.pid)
        if found.status() == psutil.STATUS_ZOMBIE:
            with contextlib.suppress(psutil.TimeoutExpired):
                found.wait(0)  # a child of ours: collect it
            return None
        same = _same_time(found.create_time(), process.created) and process.marker in _arguments(found)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return found if same else None


def _arguments(process: psutil.Process) -> list[str]:
    """A process's command line; a moment's patience while the kernel has none: in the middle of starting a program."""
    for _ in range(20):
        if arguments := process.cmdline():
            return list(arguments)
        time.sleep(0.005)
    return []
