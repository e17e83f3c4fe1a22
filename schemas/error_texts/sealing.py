"""Sealing and unsealing of records (封存; clause DES-11)."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

SEALING: Final = {
    "DG-SEL-001": Text(
        "The record is sealed.",
        "Nobody uses it until it is unsealed: two approvers sign an unseal command, and the sealing officer opens it.",
    ),
    "DG-SEL-002": Text("The record is sealed already.", "Nothing is left to do; leave it out of the request."),
    "DG-SEL-003": Text("The record is not sealed.", "Check its id; only sealed records are unsealed."),
    "DG-SEL-004": Text("A legal hold keeps the record as it is.", "Seal it after the hold is lifted."),
    "DG-SEL-005": Text(
        "The record was merged with another one.", "Undo the merge first, then seal each record by itself."
    ),
    "DG-SEL-006": Text("The record is being destroyed.", "Nothing is left to seal or to unseal."),
    "DG-SEL-007": Text("There is no such archive.", "Check the record's id; only confirmed archives are sealed."),
    "DG-SEL-008": Text(
        "Records of this class are not sealed when their period ends.",
        "Destroy it instead, or have the rule book's expiry.action_by_class changed.",
    ),
    "DG-SEL-009": Text(
        "The record's sealing is not finished.", "Send the seal command again, or wait until a worker has finished it."
    ),
    "DG-SEL-010": Text(
        "The record's period has not ended.", "Seal it at its end: dangan retention show names the day."
    ),
    "DG-SEL-011": Text("No unsealing with that id waits.", "dangan seal list shows those that wait."),
    "DG-SEL-012": Text(
        "Who opens a sealed record is one of those who asked for it or approved it.",
        "Let another sealing officer open it.",
    ),
    "DG-SEL-013": Text(
        "The stored order is not what was signed.", "Tell security operations: somebody wrote to the database."
    ),
}
