"""One run at a time in an archive of the audit stream: what two wrote side by side would be lost for good."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ops.private_files import private_folder
from schemas.errors import DanganError

_FILE: Final = ".lock"


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Hold an archive's folder for one run that writes to it or deletes; the lock ends with its process.

    Raises:
        DanganError: DG-AUD-066 when another run holds it.
    """
    with (private_folder(folder) / _FILE).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DanganError("DG-AUD-066", field=folder.name) from error
        yield
