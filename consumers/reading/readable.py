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
from consumers.sealing.closed import refuse_sealed
from consumers.use.products import check_product
from consumers.use.scope import covers
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Grant, Principal
from schemas.rule_tables.use import Use
from store.record import Record


def check_record(
    record: Record,
    grant: Grant | None,
    reader: Principal,
    level: Level,
    purpose: str,
    authorizer: Authorizer,
    use: Use,
) -> None:
    """Check a record whose id the grant covers.

    Args:
        level: the highest among the fields asked for.

    Raises:
        Refusal: DG-ACC-001 or 007 for one that the reader must not know of; then DG-ACC-007 to 010,
            DG-SEL-001, DG-MRG-004.
    """
    check_known(record, grant, reader, level, purpose, authorizer, use)
    refuse_withdrawn(record)
    refuse_sealed(record)
    if record.part_of is not None:
        raise Refusal("DG-MRG-004", detail=record.part_of)
    if record.stage != "archived" or record.objected:  # seldom: the call is spared
        check_usable(record, reader, authorizer)


def check_known(
    record: Record,
    grant: Grant | None,
    reader: Principal,
    level: Level,
    purpose: str,
    authorizer: Authorizer,
    use: Use,
) -> None:
    """Check whether the reader may know of the record at all.

    Raises:
        Refusal: DG-ACC-001 or 007, as if there were none; DG-USE-011 or 012 (clause USE-17).
    """
    check_open(record, grant, reader, level, purpose, authorizer)
    if grant is not None and grant.selection and not selected(record, grant.selection):
        raise hidden(grant)
    if grant is not None:  # what an application for named records was checked for, a selection's records are now
        check_product(grant.product, purpose, about(record).risk if grant.product is not None else "", use)


def hidden(grant: Grant | None) -> Refusal:
    """The refusal of a record that must look as if it were not there; as consumers/authorize.py has it."""
    return Refusal("DG-ACC-007" if grant is not None and "*" in grant.records else "DG-ACC-001")


def selected(record: Record, selection: Collection[tuple[str, str]]) -> bool:
    """Whether a record has the attributes of a grant's selection; ``subject`` is the customer it is about (USE-15)."""
    subjects = {value for name, value in selection if name == SUBJECT}
    if subjects and record.subject not in subjects:
        return False
    return covers([pair for pair in selection if pair[0] != SUBJECT], about(record))


def having(selection: Collection[tuple[str, str]]) -> dict[str, list[str]]:
    """A selection as the store takes it: attribute -> the values of which records have one."""
    found: dict[str, list[str]] = {}
    for name, value in sorted(selection):
        found.setdefault(name, []).append(value)
    return found
