"""What policies may look at in a record: the attributes that stand in clear, and none that is personal.

They come from the circumstances of the collection (schemas/intake.py) and from the record's own state. Policies
(``policies/cedar``) name them as ``resource.building``; a principal's scope names the same words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from store.record import Record

#: Grades of secrecy (密级) above none: such records have key pages and a keeper of their own (clause STO-04).
SECRET_GRADES: Final = frozenset({"secret", "top_secret"})


class About(NamedTuple):
    """A record's attributes for policies; an empty text where the record does not say.

    Attributes:
        known: whether a record was looked at; False while only a sender and an action are.
        building: of a household's file (楼栋, clause USE-06).
        segment, business, customer, special, importance: the kind of customer (ARR-06).
        risk: ``low``, ``medium`` or ``high`` (COL-12; clause SEC-07).
        grade: ``none``, ``secret`` or ``top_secret`` (STO-04).
        item: the kind of item.
        source: the system or person that collected it: a branch or department sends as its own.
        custodian: who keeps it, as named at its collection.
        stage: how far its intake is.
        objected: whether somebody objects to how it was obtained (COL-07).
    """

    known: bool = False
    building: str = ""
    segment: str = ""
    business: str = ""
    customer: str = ""
    special: str = ""
    importance: str = ""
    risk: str = ""
    grade: str = "none"
    item: str = ""
    source: str = ""
    custodian: str = ""
    stage: str = ""
    objected: bool = False

    def has(self, selection: Collection[tuple[str, str]]) -> bool:
        """Whether the record has every attribute of a grant's or scope's selection; an unknown name: no."""
        return all(name in SCOPES and getattr(self, name) == value for name, value in selection)


#: No record yet: what a sender may do at all.
NOTHING: Final = About()
#: What a principal's scope may name: the attributes that are words.
SCOPES: Final = tuple(name for name in About._fields if name not in ("known", "stage", "objected"))
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


def about(record: Record) -> About:
    """What policies may look at in that record."""
    intake = record.intake or _NONE
    customer: Mapping[str, Any] = intake.get("customer") or _NONE
    return About(
        True,
        (intake.get("household") or _NONE).get("building", ""),
        customer.get("segment", ""),
        customer.get("business_type", ""),
        customer.get("type", ""),
        customer.get("special", ""),
        customer.get("importance", ""),
        (intake.get("assessment") or _NONE).get("risk_grade", ""),
        intake.get("grade", "none"),
        intake.get("item", ""),
        record.sender,
        intake.get("custodian", ""),
        record.stage,
        record.objected,
    )
