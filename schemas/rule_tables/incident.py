"""Table ``[incident]``: SEC-10, SEC-11, STO-05."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, field_validator

from schemas.intake import Name, Reference
from schemas.rule_tables.table import Table

#: Addressees that are no posts: the heads of the reporter's unit, and those of the departments that are named.
SUPERIOR: Final = "superior"
CONCERNED: Final = "departments_concerned"
Told = Literal["customer", "authority"]
_HOURS: Final[Mapping[Told, int]] = {"customer": 24, "authority": 24}
_FREEZERS: Final = ("security_officer", "compliance", "director", "unit_head", "department_head", "custodian")


class Incident(Table):
    """Who hears of an incident, who answers for it, and what the emergency plan is (应急预案)."""

    #: posts that every report reaches at once; the union of what the regulations name.
    addressees: Annotated[tuple[Name, ...], Field(min_length=1)] = (
        SUPERIOR, "security_officer", "customer_service_head", CONCERNED
    )  # fmt: skip
    #: posts that an incident is assigned to: they contain it, work out its scope, and close it.
    responsible: tuple[Name, ...] = ("security_officer", "compliance")
    #: posts whose holders freeze with the report itself, and afterwards.
    freeze_posts: tuple[Name, ...] = _FREEZERS
    #: posts that sign a thaw, each another person.
    thaw: Annotated[tuple[Name, ...], Field(min_length=2, max_length=4)] = ("security_officer", "director")
    #: the emergency plan on file: its reference and its version; without them every incident says so loudly.
    plan: Reference | None = None
    plan_version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")] | None = None
    #: within so many hours of the report customers and authorities are told.
    notice_hours: Mapping[Told, Annotated[int, Field(ge=1, le=720)]] = Field(default_factory=lambda: dict(_HOURS))
    #: opaque references of the authorities that are told of every leak.
    authorities: Annotated[tuple[Reference, ...], Field(max_length=16)] = ()
    #: a record whose stored values were altered is frozen with the incident that it opens.
    freeze_on_integrity: bool = True

    @field_validator("notice_hours")
    @classmethod
    def _of_both(cls, hours: Mapping[Told, int]) -> Mapping[Told, int]:
        return {**_HOURS, **hours}
