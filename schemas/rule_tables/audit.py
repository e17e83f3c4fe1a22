"""Table ``[audit]``: how long the audit stream itself is kept."""

from typing import Annotated

from pydantic import Field

from schemas.rule_tables.table import Table


class AuditRules(Table):
    """Table ``[audit]``: AUD-01, AUD-02. An event outlives the record that it tells of."""

    #: whole years that every event is kept, on the topic or in the archive. The default is longer than the longest
    #: period that a record may have (30 years) by the longest limit of an objection or a claim.
    retention_years: Annotated[int, Field(ge=5, le=200)] = 50
