"""Extension of a retention period (延长保存期限), which the posts of ``approval.retention_extension`` sign."""

from __future__ import annotations

from typing import Literal

from schemas.intake import Day
from schemas.members import Approvals, CommandBase, Records, Text


class ExtendRetention(CommandBase):
    """Keep records until a later day than the rules say: why, and whose signatures allow it."""

    type: Literal["extend_retention"]
    records: Records
    until: Day
    reason: Text
    approvals: Approvals
