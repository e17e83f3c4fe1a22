"""Table ``[audit]``: how long the audit stream itself is kept."""

from typing import Annotated, Final

from pydantic import Field

from schemas.rule_tables.table import Table

#: No rule book keeps events for less: younger ones are never missed for having been pruned.
LEAST_YEARS: Final = 5


class AuditRules(Table):
    """Table ``[audit]``: AUD-01, AUD-02, AUD-11. An event outlives the record that it tells of."""

    #: whole years that every event is kept, on the topic or in the archive: at least as long as any record. No text
    #: states a period; the default is what a record of a lasting customer and the limits of claims after it may need.
    retention_years: Annotated[int, Field(ge=LEAST_YEARS, le=200)] = 50

    #: the audit department audits the archive system again after so many months (专项审计, AUD-11).
    special_period_months: Annotated[int, Field(ge=1, le=36)] = 12

    def check_outlives(self, years: int) -> None:
        """Refuse a period that is shorter than the longest of a record, in years.

        Raises:
            ValueError: naming both.
        """
        if self.retention_years < years:
            raise ValueError(f"audit.retention_years is {self.retention_years}; records are kept for {years} years")
