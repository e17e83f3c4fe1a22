"""Services of a test's own, with settings that suit a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ops.config import write_settings
from ops.embedded.program import ALL, Service
from ops.embedded.stack import Stack
from ops.private_files import private_folder

#: Senders of a test hear of a retired ingest key within a second and keep nothing sealed for long.
_SETTINGS = {"ingest_drain_seconds": "2", "profile": "trial"}


@contextmanager
def passing_services(home: Path, which: Sequence[Service] = ALL) -> Iterator[Stack]:
    """Services in a folder that nobody looks at afterwards: killed at the end, since ending in order takes seconds."""
    with Stack.start(home, which) as started:
        yield started
        for service in started.services:
            started.kill9(service)


@contextmanager
def own_services(home: Path, which: Sequence[Service] = ALL) -> Iterator[Stack]:
    """Services in a folder of their own (with what data lies there already), stopped at the end."""
    write_settings(private_folder(home), _SETTINGS)
    with Stack.start(home, which) as started:
        yield started
