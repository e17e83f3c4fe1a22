"""docs/errors.md: every code, what happened and what to do, generated from ``schemas/error_texts/``.

``python -m ops.docs.errors docs/errors.md`` writes it; a test fails when it is stale.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

from schemas.errors import TEXTS

_FAMILIES: Final = {
    "WIR": "The sealed message and its way (docs/wire.md)",
    "PUB": "`dangan publish`",
    "CMD": "Any command",
    "COL": "Collect",
    "CON": "Consent and its withdrawal",
    "ARR": "Arrangement: kinds of customer, archive codes, index, papers",
    "UPD": "Update",
    "COR": "Proposals, decisions, history",
    "ACC": "Access",
    "ATT": "Attachments",
    "USE": "Applications, grants and their return",
    "SHR": "Sharing",
    "DES": "Destroy and its approvals",
    "RET": "Retention",
    "SEL": "Sealing",
    "MRG": "Duplicates and merges",
    "APR": "Approvals of other commands",
    "INT": "Review, hand-over and confirmation",
    "REG": "Registers",
    "MED": "Media, copies and terminals",
    "INC": "Incidents",
    "INS": "Inspections and rectification",
    "POL": "Policies",
    "SEC": "People, their permissions and keys",
    "KEY": "Keys and Vault",
    "AUD": "Audit",
    "DET": "Detections",
    "KAF": "Kafka",
    "STO": "MongoDB",
    "SWP": "Sweep",
    "CER": "Certificates and trust",
    "BAK": "Backup and restore",
    "RPT": "Reports",
    "OPS": "Services, settings, commands",
}
_HEAD: Final = """# Error codes

The same code stands in the reply to the sender, the audit event, the log line and the terminal. Codes are stable: one
is never given another meaning. An addition in brackets may follow a sentence and name a field, a file or a count; it
never holds a value of a personal field.

Generated from `schemas/error_texts/` by `python -m ops.docs.errors docs/errors.md`.
"""


def text() -> str:
    """The page.

    Raises:
        KeyError: for a code whose family has no title here yet.
    """
    by_family: dict[str, list[str]] = defaultdict(list)
    for code, words in sorted(TEXTS.items()):
        by_family[code.split("-")[1]].append(f"| {code} | {_cell(words.sentence)} | {_cell(words.next_step)} |")
    if unknown := by_family.keys() - _FAMILIES.keys():
        raise KeyError(f"give {', '.join(sorted(unknown))} a title")
    parts = [_HEAD]
    for family, title in _FAMILIES.items():
        if rows := by_family.get(family):
            parts.append(
                "\n".join((f"## {title}\n", "| code | what happened | what to do |", "| --- | --- | --- |", *rows))
            )
    return "\n".join(parts) + "\n"


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
