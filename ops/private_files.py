"""Files that only their owner may read, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from schemas.errors import DanganError


def private_folder(path: Path) -> Path:
    """Make a folder (mode 0700) if it is not there; an existing one keeps its mode."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_private(path: Path, text: str | bytes, *, mode: int = 0o600) -> None:
    """Replace a file by new text: after a crash it holds the old text or the new one, never half.

    Args:
        path: the file.
        text: all of it; a ``str`` is written in UTF-8.
        mode: who may read it; only its owner by default.
    """
    private_folder(path.parent)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp's mode is 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def private(path: Path) -> Path:
    """A token file's path, if nobody but its owner may read or change it.

    Raises:
        DanganError: DG-OPS-020 when others may, or when there is no such file.
    """
    try:
        if read_by_others(path):
            raise DanganError("DG-OPS-020", field=str(path), detail="others may read it: chmod 600")
    except OSError as error:
        raise DanganError("DG-OPS-020", field=str(path), detail=error.strerror) from error
    return path


def read_by_others(path: Path) -> bool:
    """Whether anyone but the owner (root aside) could read or change the file."""
    return bool(path.stat().st_mode & 0o077)
