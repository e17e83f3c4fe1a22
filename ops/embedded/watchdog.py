"""Stops the services of a home when the process that started them is gone, even if it was killed.

A test run that is ended with SIGKILL runs no clean-up of its own; this small process does it a second later.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from ops.embedded.process import Process, launch_module, same_process, this_process

_POLL_SECONDS = 1.0


def start_watchdog(home: Path) -> Process:
    """Start a watchdog over the running interpreter for a home."""
    pid, created = this_process()
    # The home itself is an argument of other programs too; this one has to be its own.
    marker = f"watchdog:{home}"
    arguments = [marker, str(home), str(pid), repr(created)]
    return launch_module(__name__, arguments, marker=marker, folder=home, log=home / "watchdog.log")


def watch(home: Path, pid: int, created: float) -> None:
    """Wait until a process is gone, then stop the home's services."""
    while same_process(pid, created):
        time.sleep(_POLL_SECONDS)
    from ops.embedded.stack import Stack  # noqa: PLC0415 - not needed, nor held in memory, while waiting

    if home.is_dir():
        Stack.attach(home).stop()


if __name__ == "__main__":
    watch(Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
