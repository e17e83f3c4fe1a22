"""Sentences for registers (登记簿): media, loans, notices and what else is kept as a list of steps."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

REGISTERS: Final[dict[str, Text]] = {
    "DG-REG-001": Text("The register has no such entry.", "Check the reference; list what there is with list."),
    "DG-REG-002": Text(
        "That cannot be done with the entry in the state that it is in.",
        "Look at its steps with show, and do what comes next.",
    ),
    "DG-REG-003": Text("Something that has to be said is missing.", "Give the option that the field names."),
    "DG-REG-004": Text(
        "This takes another person than the one who acts, or who acted before.",
        "Let somebody else do it, or name another second person.",
    ),
    "DG-REG-005": Text(
        "The register does not take this word or member.",
        "Use what is in brackets, or see --help for what can be said.",
    ),
    "DG-REG-006": Text("The entry has too many steps.", "Close it and open a new one."),
    "DG-REG-007": Text(
        "What was said looks like a personal number or address, which a register must not hold.",
        "Say it with an opaque reference.",
    ),
    "DG-REG-008": Text(
        "There is an entry under this reference that says something else, or somebody was quicker.",
        "Look at it with show, then do it again if it is still right.",
    ),
}
