"""Sentences for retention (保存期限): classes, facts, extensions."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

RETENTION: Final[dict[str, Text]] = {
    "DG-RET-001": Text(
        "The rules have no retention period for this class of records.",
        "Add the class to retention.years_by_class and basis_by_class of the rule book, or use another purpose.",
    ),
    "DG-RET-002": Text(
        "That is no event that a retention period is counted from, or its day has not come.",
        "Use one of the events in brackets, and a day that is not in the future.",
    ),
    "DG-RET-003": Text(
        "The file of facts cannot be read.",
        "Give a CSV file in UTF-8 with the columns subject, event, day (2026-01-31) and evidence.",
    ),
    "DG-RET-004": Text("The period would be extended to a day that is past.", "Give a later day with --until."),
    "DG-RET-005": Text(
        "The rule file to be looked at does not hold.",
        "Mend what is named; it is the file of a profile, with table retention.",
    ),
    "DG-RET-006": Text(
        "There is no such fact about this customer to take back.",
        "Look at subject and event; a fact that was taken back before needs nothing more.",
    ),
}
