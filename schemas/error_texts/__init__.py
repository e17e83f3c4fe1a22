"""What a person reads for each error code, by part of the system. Codes are stable: never renumbered or reused."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.arrangement import ARRANGEMENT
from schemas.error_texts.attachments import ATTACHMENTS
from schemas.error_texts.backups import BACKUPS
from schemas.error_texts.commands import COMMANDS
from schemas.error_texts.custody import CUSTODY
from schemas.error_texts.destruction import DESTRUCTION
from schemas.error_texts.incidents import INCIDENT_TEXTS
from schemas.error_texts.inspections import INSPECTIONS
from schemas.error_texts.keys import KEYS
from schemas.error_texts.messages import MESSAGES
from schemas.error_texts.observing import OBSERVING
from schemas.error_texts.operations import OPERATIONS
from schemas.error_texts.people import PEOPLE
from schemas.error_texts.policies import POLICIES
from schemas.error_texts.reading import READING
from schemas.error_texts.registers import REGISTERS
from schemas.error_texts.reports import REPORTS
from schemas.error_texts.retention import RETENTION
from schemas.error_texts.sealing import SEALING
from schemas.error_texts.sharing import SHARING
from schemas.error_texts.sweeping import SWEEPING
from schemas.error_texts.text import Text
from schemas.error_texts.use import USE

#: Code -> sentence and next step.
TEXTS: Final[dict[str, Text]] = {
    **MESSAGES,
    **COMMANDS,
    **ARRANGEMENT,
    **ATTACHMENTS,
    **BACKUPS,
    **INCIDENT_TEXTS,
    **KEYS,
    **OPERATIONS,
    **POLICIES,
    **OBSERVING,
    **PEOPLE,
    **READING,
    **CUSTODY,
    **REGISTERS,
    **DESTRUCTION,
    **RETENTION,
    **INSPECTIONS,
    **SEALING,
    **SHARING,
    **SWEEPING,
    **REPORTS,
    **USE,
}

__all__ = ["TEXTS", "Text"]
