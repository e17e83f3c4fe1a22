"""Answers: what is read under a grant, how much of it, and what a leaked extract tells: DG-ACC-020 to 059."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

READING: Final = {
    "DG-ACC-020": Text(
        "The customer was not told of this purpose when the record was collected, and has not consented to it since.",
        "Have a consent of the customer for this purpose recorded first, with a collection that names it.",
    ),
    "DG-ACC-021": Text(
        "The field has no search index.",
        "Search by an indexed field; policies/catalogue.toml names them with index = true.",
    ),
    "DG-ACC-022": Text(
        "The grant does not allow copying, extracting, printing or exporting.",
        "Read it on the screen, or apply for a grant that allows copying.",
    ),
    "DG-ACC-023": Text(
        "You asked too often within one minute.",
        "Wait a minute, then ask again; reading.per_minute is the limit.",
    ),
    "DG-ACC-024": Text(
        "You asked for more records today than one reader may.",
        "Go on tomorrow, or have reading.records_per_day changed by those who answer for the rules.",
    ),
    "DG-ACC-025": Text(
        "This is not a watermark of this archive, or it was altered.",
        "Copy it once more from the extract: 56 letters and digits.",
    ),
    "DG-ACC-026": Text(
        "The watermark is genuine in form, but the audit stream holds no answer that it belongs to.",
        "Give the export of that time with --in, or check that the whole stream is read.",
    ),
    "DG-ACC-027": Text(
        "The file to save to exists already.",
        "Name another file; an extract is never overwritten.",
    ),
    "DG-ACC-028": Text(
        "An extract is saved as .csv, .json, .xlsx, .html or .pdf.",
        "Give the file one of these endings.",
    ),
    "DG-ACC-029": Text(
        "No answer to you under this grant named this place in a bulk read.",
        "Begin anew without `after`, or give what the page before said, under the same grant.",
    ),
    "DG-ACC-030": Text(
        "The grant is not one that the archive made, or was altered since.",
        "Apply for a use: dangan use apply. Report it as an incident, unless it is from before an upgrade.",
    ),
}
