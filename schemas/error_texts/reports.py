"""Reports: their files, and what they are made with."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

REPORTS: Final[dict[str, Text]] = {
    "DG-RPT-001": Text(
        "The report's file cannot be written.",
        "Give a folder that you may write to, with space left; no file was left half written.",
    ),
    "DG-RPT-002": Text(
        "A library that makes this kind of report is missing.",
        "Install the libraries of the extra office: pip install dangan[office]; the JSON form needs none.",
    ),
    "DG-RPT-003": Text(
        "The report would be larger than a report may be.",
        "Ask for a shorter time or for fewer records, or take the list as CSV.",
    ),
    "DG-RPT-004": Text(
        "There is no such form of a report.",
        "Give a folder, or a file whose name ends in .html, .pdf or .json.",
    ),
    "DG-RPT-005": Text(
        "A certificate is written as a paper only after it was verified, and there is no trust file here.",
        "Name the archive's trust file, obtained in advance, with --trust.",
    ),
    "DG-RPT-006": Text(
        "There are several certificates of this record, and a paper is of one.",
        "Print them with dangan certificate show RECORD; keep one in a file and name that file.",
    ),
}
