"""A sealed record is refused to every ordinary use, until it is unsealed by an approved procedure (clause DES-11)."""

from __future__ import annotations

from schemas.errors import Refusal
from store.record import Record


def refuse_sealed(record: Record) -> None:
    """Refuse whatever would read or change a sealed record; only those who may know of it come here.

    Raises:
        Refusal: DG-SEL-001.
    """
    if record.sealed:
        raise Refusal("DG-SEL-001")
