"""From which place a credential is used (clause SEC-08): an opaque id of one installation of a key file.

It is made from a random number that is kept beside the key file and from the machine's own id, so that a copied folder
is another place on another machine. Nothing can be learned from it, and nothing proves it: it finds a credential that
several people share, or that was copied (docs/people.md says what it does not find).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ops.private_files import write_private

_MACHINE: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_MAX: Final = 256


def instance_of(key_file: Path, kid: str, *, machine: Sequence[Path] = _MACHINE) -> str | None:
    """The place's id for one key: 32 hex digits; None where nothing can be kept beside the key file.

    Args:
        key_file: where the key is; the random number is kept in ``KEY_FILE.instance`` (mode 0600).
        kid: the signing key's id: two keys of one place have nothing in common.
        machine: files that may hold the machine's own id.
    """
    beside = key_file.with_name(f"{key_file.name}.instance")
    try:
        if not beside.exists():
            write_private(beside, secrets.token_hex(16) + "\n")
        own = beside.read_text("ascii")[:_MAX].strip()
    except (OSError, UnicodeDecodeError):
        return None
    text = "\n".join(("dangan-instance", kid, own, _first(machine)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _first(files: Sequence[Path]) -> str:
    for file in files:
        try:
            return file.read_text("ascii")[:_MAX].strip()
        except (OSError, UnicodeDecodeError):
            continue
    return ""
