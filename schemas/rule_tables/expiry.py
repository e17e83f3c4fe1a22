"""Table ``[expiry]``: what becomes of a record whose period has ended (期限届满; DES-02, DES-11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from schemas.intake import Name
from schemas.rule_tables.table import Table

#: ``either``: somebody decides for each.
ExpiryAction = Literal["destroy", "seal", "either"]


class Expiry(Table):
    """Classes are those of ``retention.years_by_class``."""

    #: class -> what is to happen; ``destroy`` for the others.
    action_by_class: Mapping[Name, ExpiryAction] = Field(default_factory=dict)

    def action(self, retention_class: str) -> ExpiryAction:
        """What is to happen to a record of the class."""
        return self.action_by_class.get(retention_class, "destroy")
