"""Tables ``[inventory]`` and ``[inspection]``: how often what is checked (定期检查; AUD-03 to AUD-14)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.rule_tables.table import Table

Months = Annotated[int, Field(ge=1, le=60)]


class Inventory(Table):
    """Table ``[inventory]``: AUD-03, AUD-05."""

    #: the archives held are inventoried again after so many months (每季度清查).
    period_months: Months = 3


class Inspection(Table):
    """Table ``[inspection]``: AUD-04, AUD-06 to AUD-10, AUD-12 to AUD-14."""

    #: when the full check of a year is made: in January, in the first quarter, or at any time (年初全面检查).
    annual_window: Literal["january", "first_quarter", "any"] = "january"
    #: an integrity sweep holds for so many months (定期检查).
    integrity_months: Months = 3
    #: a random sample of so many in a hundred archives, every so many months (随机抽取10%).
    sample_percent: Annotated[int, Field(ge=10, le=100)] = 10
    sample_months: Annotated[int, Field(ge=1, le=6)] = 6
    access_review_months: Months = 6
    timeliness_months: Months = 6
    #: how secrecy is kept is supervised this often (保密监督).
    secrecy_months: Months = 1
    risk_assessment_months: Months = 12
    internal_review_months: Months = 6
    evaluation_months: Months = 12
    #: a result of an evaluation reaches the marketing manager within so many days (及时).
    evaluation_days: Annotated[int, Field(ge=0, le=92)] = 3
    #: notices opened without a date of their own are due after so many days.
    rectify_days: Annotated[int, Field(ge=1, le=365)] = 30

    @property
    def last_month(self) -> int:
        """The last month of a year in which its full check is in time."""
        return {"january": 1, "first_quarter": 3, "any": 12}[self.annual_window]
