"""Kafka's classes as a JVM keeps them in memory (application class-data sharing, JEP 350), made once beside the jars.

A broker then loads and verifies next to nothing: it is up in two thirds of the time, on two thirds of the processor. An
archive that another JVM or other jars made is left alone by the JVM itself, and the broker starts as without one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from ops.embedded.kafka import KafkaBroker, class_archive, classes_name
from ops.embedded.kafka_jars import cache_folder
from ops.embedded.launcher import start_program
from ops.embedded.program import Say
from ops.private_files import private_folder

_END_SECONDS = 60  # the JVM writes the archive when it ends


class _Recording(KafkaBroker):
    """A broker that leaves an archive of the classes that it loaded."""

    def __init__(self, folder: Path, archive: Path) -> None:
        super().__init__(folder)
        self._archive = archive

    def _classes(self) -> list[str]:
        return [f"-XX:ArchiveClassesAtExit={self._archive}"]


def ensure_class_archive(say: Say) -> None:
    """Make the archive if there is none: starts a broker and ends it, some five seconds.

    Where none can be made or kept, brokers start without it.

    Raises:
        DanganError: DG-OPS-001 to 006 when no broker can be started.
    """
    if class_archive() is not None:
        return
    say("keeping Kafka's classes ready, once")
    with tempfile.TemporaryDirectory(prefix="dangan-classes-", ignore_cleanup_errors=True) as folder:
        made = Path(folder) / "classes.jsa"
        state = start_program(_Recording(private_folder(Path(folder) / "kafka"), made), None, lambda _: None, say)
        if (process := state.process()) is not None:
            process.stop(_END_SECONDS)
        if made.is_file():
            _keep(made, cache_folder().parent)


def _keep(made: Path, folder: Path) -> None:
    """Put the archive beside the jars: whole, or not at all."""
    part = folder / f"{classes_name()}.part-{os.getpid()}"
    with contextlib.suppress(OSError):  # a full disk, or a cache that cannot be written to
        with made.open("rb") as source, part.open("wb") as target:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
        part.rename(folder / f"{classes_name()}.{made.stat().st_size}.jsa")
    with contextlib.suppress(OSError):
        part.unlink()
