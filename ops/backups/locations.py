"""Whether a path is somebody's own: a home folder, or a removable drive (个人存储设备). Clause STO-01."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Final

#: Home folders of people, and where desktops mount what is plugged in.
_PERSONAL: Final = tuple(map(PurePosixPath, ("/home", "/root", "/Users", "/media", "/run/media", "/Volumes")))
#: Windows' folders of people, as another system may name them.
_WINDOWS: Final = re.compile(r"^[A-Za-z]:[\\/]Users[\\/]", re.IGNORECASE)


def is_personal(path: Path, sys_block: Path = Path("/sys/dev/block")) -> bool:
    """Whether nothing of a customer may be written there.

    Args:
        path: it need not exist; links are followed.
        sys_block: where Linux tells of block devices.
    """
    real = path.expanduser().resolve()
    pure = PurePosixPath(real)
    if any(pure == each or pure.is_relative_to(each) for each in _PERSONAL) or _WINDOWS.match(str(path)):
        return True
    return _removable(real, sys_block)


def _removable(path: Path, sys_block: Path) -> bool:
    while not path.exists() and path != path.parent:
        path = path.parent
    try:
        number = path.stat().st_dev
        device = (sys_block / f"{os.major(number)}:{os.minor(number)}").resolve(strict=True)
    except OSError:  # no block device: a network mount, memory
        return False
    # Of a partition the whole drive tells it, one folder above.
    return any(_says_yes(folder / "removable") for folder in (device, device.parent))


def _says_yes(file: Path) -> bool:
    try:
        return file.read_text("ascii").strip() == "1"
    except (OSError, UnicodeDecodeError):
        return False
