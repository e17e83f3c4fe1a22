"""Whether a collection is lawful by the rule book: notice, consent, channel, form, approvals (COL-01 to 16).

Pure: it looks at the command and the rule book, and at what the worker knows of registered forms and approvals.
"""

from __future__ import annotations

from consumers.received import Received
from schemas.commands import Collect
from schemas.levels import Level
from schemas.rulebook import RuleBook


def check(received: Received[Collect], level: Level, book: RuleBook) -> None:
    """Check the circumstances of a collection.

    Args:
        level: the highest level among the fields.

    Raises:
        Refusal: the first rule that is broken.
    """
