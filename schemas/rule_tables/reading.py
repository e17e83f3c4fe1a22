"""What is demanded of answers: which purposes, and how much anybody may read: USE-07, USE-09."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from schemas.intake import Name
from schemas.rule_tables.table import Table

Kind = Literal["person", "system"]
#: 0: no limit.
Count = Annotated[int, Field(ge=0, le=10_000_000)]
_PER_MINUTE: Final[Mapping[Kind, int]] = {"person": 60, "system": 3_000}
_PER_DAY: Final[Mapping[Kind, int]] = {"person": 2_000, "system": 100_000}


class Reading(Table):
    """Table ``[reading]``: USE-07, USE-09."""

    #: a record is used for the purpose it was collected for, and for those that the customer consented to since.
    purpose_bound: bool = True
    #: purposes that a law demands whatever the customer was told.
    purposes_by_law: tuple[Name, ...] = ()
    #: requests of one principal in a minute, by its kind; 0 stands for no limit.
    per_minute: Mapping[Kind, Count] = Field(default_factory=lambda: dict(_PER_MINUTE))
    #: records that one principal asks for in a day (UTC), by its kind; a page counts as many as it asks for.
    records_per_day: Mapping[Kind, Count] = Field(default_factory=lambda: dict(_PER_DAY))

    @field_validator("per_minute")
    @classmethod
    def _both_rates(cls, given: Mapping[Kind, int]) -> Mapping[Kind, int]:
        return {**_PER_MINUTE, **given}

    @field_validator("records_per_day")
    @classmethod
    def _both_volumes(cls, given: Mapping[Kind, int]) -> Mapping[Kind, int]:
        return {**_PER_DAY, **given}
