"""Whether one live record is read under a grant: what it is, and who is kept from it.

A grant for all records may name attributes that they must have (``selection``), a portal's the one customer that it
acts for. A record outside of them is answered like one that does not exist, so that nobody learns of it by asking.
"""

from __future__ import annotations

from collections.abc import Collection

from consumers.about import about
from consumers.authorize import Authorizer, check_open
from consumers.consents import refuse_withdrawn
from consumers.reading.leases import SUBJECT
from consumers.reading.usable import check_usable
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Grant, Principal
from store.records import Record


def check_record(
    record: Record, grant: Grant | None, reader: Principal, level: Level, purpose: str, authorizer: Authorizer
) -> None:
    """Check a record whose id the grant covers.

    Args:
        level: the highest among the fields asked for.

    Raises:
        Refusal: DG-ACC-001 or 007 for one that the reader must not know of; then DG-ACC-007 to 010, DG-MRG-004.
    """
    check_known(record, grant, reader, level, purpose, authorizer)
    refuse_withdrawn(record)
    if record.part_of is not None:
        raise Refusal("DG-MRG-004", detail=record.part_of)
    if record.stage != "archived" or record.objected:  # seldom: the call is spared
        check_usable(record, reader, authorizer)


def check_known(
    record: Record, grant: Grant | None, reader: Principal, level: Level, purpose: str, authorizer: Authorizer
) -> None:
    """Check whether the reader may know of the record at all.

    Raises:
        Refusal: DG-ACC-001 or 007, as if there were none.
    """
    check_open(record, grant, reader, level, purpose, authorizer)
    if grant is not None and grant.selection and not selected(record, grant.selection):
        raise hidden(grant)


def hidden(grant: Grant | None) -> Refusal:
    """The refusal of a record that must look as if it were not there; as consumers/authorize.py has it."""
    return Refusal("DG-ACC-007" if grant is not None and "*" in grant.records else "DG-ACC-001")


def selected(record: Record, selection: Collection[tuple[str, str]]) -> bool:
    """Whether a record has the attributes of a grant's selection; ``subject`` is the customer it is about (USE-15)."""
    if any(name == SUBJECT and value != record.subject for name, value in selection):
        return False
    return about(record).has([(name, value) for name, value in selection if name != SUBJECT])
