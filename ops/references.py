"""References that an operator types: each is looked at before it stands in an event, in clear and for good."""

from __future__ import annotations

from schemas.errors import DanganError
from schemas.values import looks_personal
from schemas.wire import PRINCIPAL


def refuse_personal(**references: str) -> None:
    """Refuse what is no opaque reference, or looks like somebody's number or address.

    Raises:
        DanganError: DG-OPS-036 naming the kind of reference, never the reference.
    """
    for name, reference in references.items():
        if not PRINCIPAL.fullmatch(reference) or looks_personal(reference):
            raise DanganError("DG-OPS-036", field=name)
