"""Sentences for arrangement (归档整理): kinds of customer, archive codes, the index, papers, household files."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

ARRANGEMENT: Final[dict[str, Text]] = {
    "DG-ARR-001": Text(
        "The record does not say what kind of customer it is about.",
        "Give intake.customer with type, business_type and segment.",
    ),
    "DG-ARR-002": Text(
        "The rule book does not have this word.",
        "Use one of the words in brackets, or add yours to table segment of the rule book.",
    ),
    "DG-ARR-003": Text(
        "The archive code does not follow the rule of this archive.",
        "Check the code against arrange.code_template; codes are given by: dangan archive number.",
    ),
    "DG-ARR-004": Text(
        "The archive code is another record's, or the record has another code.",
        "Leave codes to dangan archive number: it gives each once.",
    ),
    "DG-ARR-005": Text(
        "A record has no archive code yet.",
        "Give it one: dangan archive number. Records without a kind of customer are named there.",
    ),
    "DG-ARR-006": Text(
        "A secret or top secret record was to be entered into the index without the mark of its grade.",
        "Enter the grade in the remarks of its catalogue entry.",
    ),
    "DG-ARR-007": Text(
        "The record does not say which paper it corresponds to.",
        "Give intake.paper: the paper's reference, or none if there is no paper.",
    ),
    "DG-ARR-008": Text(
        "The index has no such entry.",
        "Check the id; new records are entered by: dangan archive number.",
    ),
    "DG-ARR-009": Text(
        "A household's file takes the papers of its list, and this item is none of them.",
        "Give intake.item as one of arrange.household_papers.",
    ),
    "DG-ARR-010": Text(
        "No archive code can be formed for the record.",
        "Every field of arrange.code_template must be known of it, in letters and digits that a code can hold.",
    ),
}
