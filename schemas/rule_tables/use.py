"""What is demanded of use: application, approval, grant, return, copies; USE-01 to 05, 08, 10 to 13, 17, STO-17."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.intake import Name
from schemas.rule_tables.table import Table

#: A name, or ``*`` for every one.
AnyName = Annotated[str, Field(pattern=r"^(\*|[a-z][a-z0-9_-]{0,47})$")]
FieldOrKind = Annotated[str, Field(pattern=r"^(\*|(attachment\.)?[a-z][a-z0-9_]{0,47})$")]
Element = Literal["reason", "period", "contact"]
Tier = Literal["core", "sensitive", "basic"]
Grade = Literal["low", "medium", "high"]
_MARKETING: Final = ("marketing",)


class StandingScope(BaseModel):
    """What a role reads without an application each time (USE-01).

    Attributes:
        purposes: the purposes of the catalogue that it reads for.
        fields: field names, or ``*``.
        clear: those answered unmasked.
        attribute: the attribute in which records must match the reader's own scope; None: all records.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    purposes: Annotated[tuple[Name, ...], Field(min_length=1)]
    fields: Annotated[tuple[FieldOrKind, ...], Field(min_length=1)]
    clear: tuple[FieldOrKind, ...] = ()
    attribute: Name | None = None


class Use(Table):
    """Table ``[use]`` (使用)."""

    #: role -> what it reads without an application each time; by default nobody (USE-01).
    standing_scopes: Mapping[Name, StandingScope] = Field(default_factory=dict)
    #: grants that an administrator gives without application and approval (USE-01, SEC-04).
    direct_grants: bool = False
    #: what an application must say besides purpose, fields and records (USE-02).
    required: tuple[Element, ...] = ("reason", "period", "contact")
    #: how long a use lasts where the application does not say, and how long it lasts at most.
    default_hours: Annotated[int, Field(ge=1, le=8760)] = 8
    longest_days: Annotated[int, Field(ge=1, le=366)] = 31
    #: department -> the purposes that it may name; what is not listed it may not. ``*``: every one (USE-08).
    purposes_by_department: Mapping[AnyName, tuple[AnyName, ...]] = Field(default_factory=dict)
    #: who may apply for the archives of all customers (USE-04).
    all_records_posts: tuple[Name, ...] = ("general_manager", "steward_manager")
    #: posts that sign for their own department only, and within their own scope.
    department_posts: tuple[Name, ...] = ("client_manager", "unit_head", "department_head")
    #: purposes that offer something; each use names the product (USE-17).
    marketing_purposes: tuple[Name, ...] = _MARKETING
    product_required: bool = True
    #: product -> the risk grades of customers that it may be offered to; others are offered nothing (USE-17).
    products: Mapping[Name, tuple[Grade, ...]] = Field(default_factory=dict)
    #: how long after its end a use must be given back (USE-11), and whether who does not may apply for more.
    return_days: Annotated[int, Field(ge=0, le=366)] = 0
    refuse_while_overdue: bool = True
    #: what may not be copied, printed or exported without approval (USE-13).
    important_tiers: tuple[Tier, ...] = ("core", "sensitive")
    important_grades: tuple[Literal["secret", "top_secret"], ...] = ("secret", "top_secret")
    #: an application to copy names the terminal that copies go to; none of these is it (公共计算机, STO-17).
    terminal_required: bool = True
    shared_terminals: tuple[Name, ...] = ()
    #: a selection names one of these attributes, or it takes who may have the archives of all customers.
    narrowing: frozenset[Name] = frozenset({"building", "custodian", "subject"})
    #: an emergency is for so many records, by name.
    emergency_records: Annotated[int, Field(ge=1, le=256)] = 10
    #: who gets a grant at once, for how long, and who signs afterwards within how long.
    emergency_posts: tuple[Name, ...] = ("emergency",)
    emergency_hours: Annotated[int, Field(ge=1, le=72)] = 4
    emergency_signers: Annotated[tuple[Name, ...], Field(min_length=2, max_length=4)] = (
        "department_head",
        "general_manager",
    )
    emergency_sign_hours: Annotated[int, Field(ge=1, le=168)] = 24
