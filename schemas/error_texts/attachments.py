"""Attachments (附件): what keeps a scan out, and what keeps one in."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

ATTACHMENTS: Final[dict[str, Text]] = {
    "DG-ATT-001": Text(
        "There is no live record under this id that you sent or keep.",
        "Collect the record and wait for its answer; then attach. Only its sender and its custodian may.",
    ),
    "DG-ATT-002": Text(
        "This kind of attachment is not in the catalogue.",
        "Use a kind of policies/catalogue.toml, table attachments.",
    ),
    "DG-ATT-003": Text(
        "The purpose does not need this kind of attachment.",
        "Leave it out, or collect or read it for a purpose that needs it.",
    ),
    "DG-ATT-004": Text(
        "The content is not of a type that this kind takes.",
        "Scan it as PDF, JPEG or PNG; the type is told from the content, not from the file's name.",
    ),
    "DG-ATT-005": Text(
        "The part's size does not fit.",
        "Every part but the last holds exactly 262144 bytes; the last one at least 1.",
    ),
    "DG-ATT-006": Text(
        "Part 1 of this attachment is not here.",
        "Send part 1, wait for its answer, then send the others.",
    ),
    "DG-ATT-007": Text(
        "Another content stands under this reference, or somebody else sent it.",
        "Give the new attachment a reference of its own.",
    ),
    "DG-ATT-008": Text(
        "The record has as many attachments as it may.",
        "Put several pages into one PDF.",
    ),
    "DG-ATT-009": Text(
        "The parts together do not have the digest that was given; nothing was kept.",
        "Send the whole attachment again: dangan attachment put.",
    ),
    "DG-ATT-010": Text(
        "The record has no complete attachment under this reference.",
        "See what there is: dangan attachment list; send missing parts again.",
    ),
    "DG-ATT-011": Text(
        "An attachment cannot be masked, and the grant does not let this kind be read in clear.",
        "Apply for a grant that names the kind, as attachment.KIND, among its fields in clear.",
    ),
    "DG-ATT-012": Text(
        "The file cannot be attached.",
        "Give a readable PDF, JPEG or PNG file of 1 byte to 16 MiB.",
    ),
    "DG-ATT-013": Text(
        "What was received is not what was archived; no file was written.",
        "Repeat; if it recurs, tell security operations the attachment's reference.",
    ),
    "DG-ATT-014": Text(
        "The file cannot be written.",
        "Name a new file with --out, in a folder that you may write to.",
    ),
}
