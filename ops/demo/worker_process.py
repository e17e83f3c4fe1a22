"""The demo's worker: ``dangan worker`` as a process of its own, which ends when the demo does, however that ends."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ops.commands.worker import worker
from ops.embedded.process import Process, launch_module, same_process, this_process

NAME: Final = "demo-worker"


@contextmanager
def running_worker(home: Path) -> Iterator[Process]:
    """Run a worker of an installation until the end of the block; its log goes to HOME/worker.log."""
    pid, created = this_process()
    marker = f"worker:{home}"
    process = launch_module(
        __name__, [marker, str(home), str(pid), repr(created)], marker=marker, folder=home, log=home / "worker.log"
    )
    try:
        yield process
    finally:
        process.stop(20)


def _end_with(pid: int, created: float) -> None:
    while same_process(pid, created):
        time.sleep(1)
    os._exit(1)  # the services are going away as well; nothing was acknowledged that is not done


if __name__ == "__main__":
    threading.Thread(target=_end_with, args=(int(sys.argv[3]), float(sys.argv[4])), daemon=True).start()
    worker(home=Path(sys.argv[2]), name=NAME, role="worker", policies=None, log_level="info")
