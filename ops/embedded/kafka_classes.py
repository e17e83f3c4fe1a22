"""Kafka's classes as a JVM keeps them in memory (application class-data sharing, JEP 350), made once beside the jars.

A broker then loads and verifies next to nothing: it is up in two thirds of the time, on two thirds of the processor. An
archive that another JVM or other jars made is left alone by the JVM itself, and the broker starts as without one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from ops.embedded.kafka import KafkaBroker, class_archive
from ops.embedded.launcher import start_program
from ops.embedded.program import Say
from ops.private_files import private_folder

_END_SECONDS = 60  # the JVM writes the archive when it ends


class _Recording(KafkaBroker):
    """A broker that leaves an archive of the classes that it loaded."""

    def __init__(self, folder: Path, archive: Path) -> None:
        super().__init__(folder)
        self._archive = archive

    def command(self) -> list[str]:
        return [*self._java(f"-XX:ArchiveClassesAtExit={self._archive}"), "kafka.Kafka", self.marker]


def ensure_class_archive(say: Say) -> None:
    """Make the archive if there is none: starts a broker and ends it, some five seconds.

    Where none can be made brokers start without it.

    Raises:
        DanganError: DG-OPS-001 to 006 when no broker can be started.
    """
    wanted = class_archive()
    if wanted.is_file():
        return
    say("keeping Kafka's classes ready, once")
    with tempfile.TemporaryDirectory(prefix="dangan-classes-", ignore_cleanup_errors=True) as folder:
        made = Path(folder) / "classes.jsa"
        state = start_program(_Recording(private_folder(Path(folder) / "kafka"), made), None, lambda _: None, say)
        if (process := state.process()) is not None:
            process.stop(_END_SECONDS)
        if made.is_file():
            part = wanted.with_suffix(f".part-{os.getpid()}")
            shutil.copy(made, part)
            part.rename(wanted)
