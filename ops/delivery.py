"""Where customer information may be saved to (clauses STO-01, STO-17): approved folders, never at a shared terminal."""

from __future__ import annotations

import platform
import re
from pathlib import Path

from consumers.use.copies import check_terminal
from ops.backups.places import check_folder
from ops.rules import rules_of
from schemas.settings import Settings


def check_delivery(settings: Settings, file: Path) -> None:
    """Check a file before anything that goes into it is read.

    Args:
        settings: the installation's; its profile says what is demanded.
        file: what is about to be written.

    Raises:
        DanganError: DG-BAK-020 to 022 for a folder that is not approved, DG-USE-014 at a shared terminal.
    """
    book = rules_of(settings).book
    check_terminal(this_terminal(), book.use)
    check_folder(settings, file.parent, book.backup)


def this_terminal() -> str:
    """This computer's name as ``use.shared_terminals`` lists it: lower case, other characters as ``-``."""
    return re.sub(r"[^a-z0-9_-]", "-", platform.node().lower())[:48]
