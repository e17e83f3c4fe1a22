"""Terminals (终端, clause STO-17): which are shared, and so get nothing to keep."""

from __future__ import annotations

from schemas.custody import TERMINALS
from schemas.errors import Refusal
from schemas.registers import Entry
from schemas.rule_tables.storage import Storage
from store.database import Database
from store.registers import Register


async def terminal(database: Database, reference: str) -> Entry | None:
    """The terminal of that reference, if it is registered."""
    return (await Register(database, TERMINALS.name).get([reference])).get(reference)


def check_download(known: Entry | None, rules: Storage) -> None:
    """Whether customer information may be left on a terminal: saved, or kept for later.

    Args:
        known: the terminal's entry; None when it is not registered, or did not say which it is.
        rules: table ``[storage]``.

    Raises:
        Refusal: DG-MED-010 (shared), 011 (not registered, or not in use).
    """
    if known is None or known.state != "in_use":
        if rules.terminals_required:
            raise Refusal("DG-MED-011", detail=known.state if known else None)
    elif known.facts.get("shared"):
        raise Refusal("DG-MED-010", detail=known.id)
