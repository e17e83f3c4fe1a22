"""Table ``[retention]``: how long what is kept, from when, resting on what (保存期限; STO-10, STO-11, ARR-07)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from schemas.intake import Name
from schemas.rule_tables.table import Table

#: What happens at a customer or a record and can begin a period.
StartEvent = Literal[
    "end_of_business", "collection", "last_transaction", "account_closed", "contract_ended", "no_longer_needed"
]
#: Law comes before what the customer was told; an industry rule or a business need does not.
Basis = Literal["law", "industry", "business"]
Years = Annotated[int, Field(ge=0, le=100)]
#: 003 art. 2.2: records of customers' transactions in finance are kept for 5 to 15 years.
TRANSACTION_YEARS: Final = (5, 15)

_YEARS: Final[Mapping[str, int]] = {"customer": 10, "due_diligence": 10, "transactions": 15, "marketing": 2}
_BASES: Final[Mapping[str, Basis]] = {
    "customer": "law",
    "due_diligence": "law",
    "transactions": "industry",
    "marketing": "business",
}
_STARTS: Final[Mapping[str, StartEvent]] = {"marketing": "collection"}


class Retention(Table):
    """Classes are those that the purposes of the catalogue name (``retention_class``)."""

    start_event: StartEvent = "end_of_business"
    #: class -> event, where it is another one.
    start_by_class: Mapping[Name, StartEvent] = Field(default_factory=lambda: dict(_STARTS))
    #: class -> whole years from the start.
    years_by_class: Mapping[Name, Years] = Field(default_factory=lambda: dict(_YEARS))
    basis_by_class: Mapping[Name, Basis] = Field(default_factory=lambda: dict(_BASES))
    #: classes of customers' transaction records in finance: 5 to 15 years, or the rule book is refused.
    transaction_classes: tuple[Name, ...] = ("transactions",)
    #: kind of item -> years, where a text asks for more than the class: the longer counts.
    years_by_item: Mapping[Name, Years] = Field(default_factory=dict)
    #: class -> years before whose end not even the customer's own request destroys (retention.statutory_minimum).
    statutory_minimum: Mapping[Name, Years] = Field(
        default_factory=lambda: {"customer": 10, "due_diligence": 10, "transactions": 5}
    )
    #: a record whose class is not in years_by_class is refused at collection.
    class_required: bool = True
    #: a period told to the customer is kept to, unless the class rests on law.
    within_told: bool = True

    @model_validator(mode="after")
    def _is_lawful(self) -> Self:
        low, high = TRANSACTION_YEARS
        for name in self.transaction_classes:
            if name in self.years_by_class and not low <= self.years_by_class[name] <= high:
                raise ValueError(f"years_by_class.{name}: transaction records are kept for {low} to {high} years")
        for name in self.years_by_class:
            if name not in self.basis_by_class:
                raise ValueError(f"basis_by_class.{name}: say what the period rests on: law, industry or business")
        for name, years in self.statutory_minimum.items():
            if self.years_by_class.get(name, years) < years:
                raise ValueError(f"years_by_class.{name}: shorter than statutory_minimum")
        return self

    def start_of(self, retention_class: str) -> StartEvent:
        """What the class's period is counted from."""
        return self.start_by_class.get(retention_class, self.start_event)
